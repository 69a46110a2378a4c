// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

/// @file
/// Server-sent events, as both streams of the portal write them. Pure.
/// Source: https://html.spec.whatwg.org/multipage/server-sent-events.html.

namespace dlws::portal {

/// A comment: the stream is alive.
inline constexpr std::string_view kSseBeat = ":\n\n";

/// An event up to where its id may stand; `data` has no line feed.
inline std::string EventText(std::string_view event, std::string_view data) {
    std::string text;
    text.reserve(event.size() + data.size() + 32);
    return text.append("event: ").append(event).append("\ndata: ").append(data).append("\n");
}

/// The end of an event; `id` is what the client sends in Last-Event-ID, empty: that of the event
/// before.
inline void AppendEventEnd(std::string_view id, std::string& out) {
    if (!id.empty()) out.append("id: ").append(id).append("\n");
    out.append("\n");
}

inline void AppendEvent(std::string_view event, std::string_view id, std::string_view data,
                        std::string& out) {
    out.append(EventText(event, data));
    AppendEventEnd(id, out);
}

}  // namespace dlws::portal
