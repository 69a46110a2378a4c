// SPDX-License-Identifier: Apache-2.0
#include "cli/event_stream.h"

#include <stdexcept>
#include <utility>

namespace dlws::cli {

std::vector<StreamEvent> EventReader::Feed(std::string_view bytes) {
    std::vector<StreamEvent> events;
    while (!bytes.empty()) {
        if (std::exchange(after_cr_, false) && bytes[0] == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        const std::size_t end = bytes.find_first_of("\r\n");
        line_.append(bytes.substr(0, end));
        if (line_.size() + data_.size() > kMaxEvent)
            throw std::length_error("an event of the portal's stream is longer than 2 MiB");
        if (end == std::string_view::npos) break;
        after_cr_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
        if (std::exchange(at_start_, false) && line_.starts_with("\xEF\xBB\xBF")) line_.erase(0, 3);
        Line(std::exchange(line_, {}), events);
    }
    return events;
}

void EventReader::Line(std::string_view line, std::vector<StreamEvent>& out) {
    if (line.empty()) {
        if (has_data_) out.push_back({name_.empty() ? "message" : name_, data_, id_});
        name_.clear();
        data_.clear();
        has_data_ = false;
        return;
    }
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value =
        colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") {
        name_ = value;
    } else if (field == "data") {
        if (std::exchange(has_data_, true)) data_ += '\n';
        data_ += value;
    } else if (field == "id" && value.find('\0') == std::string_view::npos) {
        id_ = value;
    }
}

}  // namespace dlws::cli
