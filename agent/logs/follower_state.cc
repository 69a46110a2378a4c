// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/follower_state.h"

#include <boost/json.hpp>

namespace dlws::agent {

namespace json = boost::json;

std::string FormatPosition(const LogPosition& position) {
    return json::serialize(json::object{{"sequence", position.sequence},
                                        {"offset", position.offset},
                                        {"length", position.length},
                                        {"dropped", position.dropped},
                                        {"full", position.full},
                                        {"archiver", position.archiver.Save()}});
}

std::optional<LogPosition> ParsePosition(std::string_view text) {
    boost::system::error_code error;
    const json::value value = json::parse(text, error);
    if (error) return std::nullopt;
    try {
        const auto archiver = model::Archiver::Load(value.at("archiver").as_string());
        if (!archiver) return std::nullopt;
        return LogPosition{.sequence = value.at("sequence").to_number<std::uint64_t>(),
                           .offset = value.at("offset").to_number<std::uint64_t>(),
                           .length = value.at("length").to_number<std::uint64_t>(),
                           .dropped = value.at("dropped").to_number<std::uint64_t>(),
                           .full = value.at("full").as_bool(),
                           .archiver = *archiver};
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

}  // namespace dlws::agent
