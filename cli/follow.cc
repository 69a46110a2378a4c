// SPDX-License-Identifier: Apache-2.0
#include "cli/follow.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <random>
#include <stdexcept>
#include <thread>

#include "cli/json.h"
#include "cli/text.h"

namespace dlws::cli {
namespace {

using Clock = std::chrono::steady_clock;

bool IsPassing(const HttpReply& reply) {
    return !reply.problem.empty() || reply.code == 429 || reply.code >= 500;
}

double Random() {
    static std::mt19937_64 engine{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(engine);
}

std::string interrupt_text;  // written before the handler is set

extern "C" void OnInterrupt(int) {
    (void)!::write(2, interrupt_text.data(), interrupt_text.size());
    ::_exit(kInterrupted);
}

}  // namespace

void DetachOnInterrupt(const std::string& text) {
    std::signal(SIGINT, SIG_DFL);  // while the text is exchanged
    interrupt_text = "\n" + text + "\n";
    std::signal(SIGINT, &OnInterrupt);
}

std::chrono::milliseconds Delay(int n, double random, const FollowSettings& settings) {
    const double most = std::min<double>(
        static_cast<double>(settings.longest_delay.count()),
        static_cast<double>(settings.first_delay.count()) * std::pow(2.0, std::min(n, 30)));
    return std::chrono::milliseconds(static_cast<long long>(most * random));
}

void Follow(Session& session, const std::string& path,
            const std::function<Next(const StreamEvent&)>& on_event,
            const FollowSettings& settings) {
    const auto deadline = Clock::now() + settings.timeout;
    auto last_word = Clock::now();
    HttpRequest request;
    request.path = path;
    request.accept = "text/event-stream";
    bool was_there = false, told_away = false;
    for (int tries = 0;;) {
        EventReader reader;
        std::exception_ptr thrown;
        Next next = Next::kGoOn;
        bool late = false;
        const HttpReply reply = session.portal().Stream(request, [&](std::string_view bytes) {
            last_word = Clock::now();
            tries = 0;
            was_there = true;
            late = last_word > deadline;
            try {
                for (const StreamEvent& event : reader.Feed(bytes)) {
                    if (next != Next::kGoOn) break;
                    next = on_event(event);
                    if (!event.id.empty()) request.last_event_id = event.id;
                }
            } catch (const boost::system::system_error&) {  // of the JSON
                thrown = std::make_exception_ptr(
                    Failure(kPortalAway,
                            "the portal's stream has an event that is no JSON; is it one of "
                            "another version?"));
            } catch (...) {
                thrown = std::current_exception();
            }
            return next == Next::kGoOn && !thrown && !late;
        });
        if (thrown) std::rethrow_exception(thrown);
        if (next == Next::kDone) return;
        const std::string& server = session.portal().settings().server;
        if (!reply.ok() && (!IsPassing(reply) || !was_there)) throw ProblemOf(reply, server);
        if (late || Clock::now() > deadline)
            throw Failure(kStillRuns, "it has not ended in the time of --timeout, and goes on");
        if (Clock::now() - last_word > settings.longest_away)
            throw Failure(kPortalAway, ProblemOf(reply, server).text + "\nThe job goes on.");
        if (next != Next::kReconnect && !std::exchange(told_away, true))
            session.Note("the portal's connection broke; going on from the last line");
        std::this_thread::sleep_for(
            std::max(Delay(tries++, Random(), settings),
                     std::chrono::milliseconds(1000LL * std::min(reply.retry_after, 60))));
    }
}

int ExitOfPhase(const std::string& phase) {
    if (phase == "Succeeded") return kOk;
    if (phase == "Failed") return kJobFailed;
    return phase == "Stopped" ? kJobStopped : -1;
}

}  // namespace dlws::cli
