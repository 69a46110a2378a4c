// SPDX-License-Identifier: Apache-2.0
#include "portal/server/limits.h"

#include <fmt/format.h>

#include <algorithm>

namespace dlws::portal {
namespace {

constexpr std::array<const char*, 4> kNames{"requests at a time", "streams of updates",
                                            "streams of logs", "logs of pods at a time"};
constexpr std::size_t kManyPeople = 1'000;

Problem TooMany(int most, std::string_view what) {
    Problem problem(
        429, "TooManyRequests", "Too many requests",
        fmt::format("One person has at most {} {} on one server. Try again soon.", most, what));
    problem.retry_after = std::chrono::seconds(1);
    return problem;
}

}  // namespace

std::expected<Limits::Ticket, Problem> Limits::Take(const std::string& username, Kind kind,
                                                    int count) {
    int& taken = (*people_)[username].taken[kind];
    if (taken + count > settings_.most[kind])
        return std::unexpected(TooMany(settings_.most[kind], kNames[kind]));
    taken += count;
    return Ticket(nullptr, [people = people_, now = settings_.now, username, kind, count](void*) {
        (*people)[username].taken[kind] -= count;
        Forget(*people, now());
    });
}

std::expected<void, Problem> Limits::Write(const std::string& username) {
    Person& person = (*people_)[username];
    const Clock::time_point now = settings_.now();
    const double passed = std::chrono::duration<double>(now - person.at).count();
    person.at = now;
    person.writes = std::max(0.0, person.writes - passed * settings_.writes_per_second);
    if (person.writes + 1 > settings_.writes_per_second)
        return std::unexpected(TooMany(settings_.writes_per_second, "writes a second"));
    ++person.writes;
    return {};
}

// Those who have nothing and have not written of late.
void Limits::Forget(Persons& people, Clock::time_point now) {
    if (people.size() <= kManyPeople) return;
    std::erase_if(people, [&](const auto& one) {
        return one.second.taken == std::array<int, 4>{} &&
               now - one.second.at > std::chrono::seconds(2);
    });
}

}  // namespace dlws::portal
