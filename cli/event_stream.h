// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dlws::cli {

struct StreamEvent {
    std::string name;  ///< "message" where none is given
    std::string data;
    std::string id;  ///< the last one given, by this event or one before
};

/// Reads server-sent events from bytes that come in any pieces (WHATWG HTML, 9.2.6). An event
/// counts when its empty line has come: what a broken connection leaves is not given out, so the
/// id of the last event is where to go on. Comments and `retry` are skipped.
///
///     EventReader reader;
///     for (StreamEvent& event : reader.Feed(bytes)) ...
class EventReader {
  public:
    /// No event of the portal's is longer than half of it.
    static constexpr std::size_t kMaxEvent = 2u << 20;

    /// Throws std::length_error for an event over kMaxEvent.
    std::vector<StreamEvent> Feed(std::string_view bytes);

  private:
    void Line(std::string_view line, std::vector<StreamEvent>& out);

    std::string line_;  // what has no end yet
    bool at_start_ = true;
    bool after_cr_ = false;
    std::string name_, data_, id_;
    bool has_data_ = false;
};

}  // namespace dlws::cli
