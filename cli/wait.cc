// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/follow.h"
#include "cli/json.h"
#include "cli/text.h"

namespace dlws::cli {

int WaitForEnd(Session& session, const JobName& job) {
    int code = -1;
    std::string told;
    const auto on_event = [&](const StreamEvent& event) {
        const json::value data = json::parse(event.data);
        if (event.name == "gone")
            throw Failure(kNotThere, fmt::format("{} was deleted", job.Text()));
        if (event.name == "denied") throw Failure(kRefused, Clean(TextAt(data, "problem/detail")));
        if (event.name == "end") {
            const std::string reason = TextAt(data, "reason");
            if (reason == "LoginExpired" || reason == "LoggedOut")
                throw Failure(kNotLoggedIn,
                              "the login has ended; the job goes on\nTo log in: dlws login");
            return Next::kReconnect;
        }
        if (event.name == "reset") return Next::kReconnect;
        if (event.name != "detail") return Next::kGoOn;
        const std::string phase = TextAt(data, "detail/row/phase");
        const std::string why = Clean(TextAt(data, "detail/row/why"));
        std::string line = why.empty() ? Clean(phase) : Clean(phase) + ": " + why;
        if (line != told) session.Note(line);
        told = std::move(line);
        code = ExitOfPhase(phase);
        return code < 0 ? Next::kGoOn : Next::kDone;
    };
    FollowSettings settings;
    settings.timeout = std::chrono::seconds(session.arguments.Span("timeout", 30 * 86400));
    Follow(session, WithQuery("/api/v1/stream", {{"topic", "job/" + job.Text()}}), on_event,
           settings);
    return code;
}

}  // namespace dlws::cli
