// SPDX-License-Identifier: Apache-2.0
#include "model/exit_codes.h"

#include <fmt/format.h>

#include <charconv>

namespace dlws::model {

namespace {

// The whole of `text` as a number from 1 to 255, else 0.
int Code(std::string_view text) {
    int code = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole && code >= 1 && code <= 255 ? code : 0;
}

}  // namespace

std::expected<ExitCodes, std::string> ParseExitCodes(std::string_view text) {
    ExitCodes codes;
    while (true) {
        const std::size_t comma = text.find(',');
        const std::string_view item = text.substr(0, comma);
        const std::size_t dash = item.find('-');
        const int first = Code(item.substr(0, dash));
        const int last = dash == item.npos ? first : Code(item.substr(dash + 1));
        if (first == 0 || last < first)
            return std::unexpected(
                fmt::format("'{}' is not an exit code from 1 to 255 or a range of them; write, for "
                            "example, 3,40-49",
                            item));
        for (int code = first; code <= last; ++code)
            codes.set(std::size_t(code));
        if (comma == text.npos) return codes;
        text.remove_prefix(comma + 1);
    }
}

}  // namespace dlws::model
