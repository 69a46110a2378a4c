// SPDX-License-Identifier: Apache-2.0
#include "kube/server_clock.h"

#include <algorithm>
#include <ctime>
#include <string>

namespace dlws::kube {

namespace {

std::optional<ServerClock::Wall> ParseHttpDate(std::string_view text) {
    std::tm parts{};
    const std::string date(text);
    const char* end = strptime(date.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0') return std::nullopt;
    return std::chrono::system_clock::from_time_t(timegm(&parts));
}

}  // namespace

void ServerClock::Observe(std::string_view date, Steady at) {
    const auto told = ParseHttpDate(date);
    if (!told) return;
    // The header has no fraction: any moment of that second agrees with it, also the one we expect.
    const Wall expected = reading_ ? Now(at) : *told;
    reading_ = {std::clamp(expected, *told, *told + std::chrono::seconds(1)), at};
}

ServerClock::Wall ServerClock::Now(Steady at) const {
    if (!reading_) return std::chrono::system_clock::now();
    return reading_->wall + std::chrono::duration_cast<Wall::duration>(at - reading_->at);
}

}  // namespace dlws::kube
