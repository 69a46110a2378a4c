// SPDX-License-Identifier: Apache-2.0
#include "cli/logs.h"

#include <fmt/format.h>

#include "cli/follow.h"
#include "cli/json.h"
#include "cli/text.h"

namespace dlws::cli {

std::string LogStyle::Line(const json::value& line) const {
    std::string before;
    if (timestamps) before += Clean(TextAt(line, "at")) + " ";
    if (ranks || attempts) {
        const std::string rank = TextAt(line, "rank");
        before += Paint(screen, Colour::kDim,
                        attempts ? fmt::format("[{}.{}]", rank, TextAt(line, "attempt"))
                                 : fmt::format("[{}]", rank)) +
                  " ";
    }
    const std::string text = TextAt(line, "text");
    return before + (screen.terminal ? CleanLog(text) : text) +
           (FlagAt(line, "cut") ? " […cut at 64 KiB; --raw has all]" : "") + "\n";
}

LogStyle StyleOf(Session& session, const JobName& job) {
    LogStyle style;
    style.screen = session.world.screen;
    style.timestamps = session.arguments.Has("timestamps");
    style.attempts = session.arguments.Text("attempt") == "all";
    const auto ranks = session.arguments.All("rank");
    if (ranks.size() == 1 && ranks[0].find(',') == std::string::npos) return style;
    long long pods = 0;
    const json::value detail = session.Get(job.Path());
    for (const json::value& role : ListAt(detail, "spec/roles"))
        pods += NumberAt(role, "replicas", 1);
    style.ranks = pods > 1;
    return style;
}

std::vector<std::pair<std::string, std::string>> LogParameters(const Session& session) {
    const Arguments& arguments = session.arguments;
    std::vector<std::pair<std::string, std::string>> query;
    for (const std::string& list : arguments.All("rank")) {
        for (std::size_t at = 0; at <= list.size();) {
            const std::size_t end = std::min(list.find(',', at), list.size());
            const std::string rank = list.substr(at, end - at);
            if (rank.empty() || rank.size() > 4 ||
                rank.find_first_not_of("0123456789") != std::string::npos)
                throw Failure(kCommandLine,
                              fmt::format("--rank must be numbers of pods such as 0 or 0,3, not "
                                          "\"{}\"",
                                          list));
            query.emplace_back("rank", rank);
            at = end + 1;
        }
    }
    if (arguments.Has("attempt")) query.emplace_back("attempt", arguments.Text("attempt"));
    if (arguments.Has("since"))
        query.emplace_back("since", TimeOf(arguments, "since", session.world.now()));
    if (arguments.Has("tail")) query.emplace_back("tail", arguments.Text("tail"));
    if (arguments.Has("container")) query.emplace_back("container", arguments.Text("container"));
    return query;
}

int FollowLogs(Session& session, const JobName& job) {
    DetachOnInterrupt(
        fmt::format("detached; the job goes on. dlws logs -f {0} shows more of it, "
                    "dlws stop {0} ends it",
                    job.Text()));
    const LogStyle style = StyleOf(session, job);
    std::string told;  // why there are no lines
    const auto on_event = [&](const StreamEvent& event) {
        const json::value data = json::parse(event.data);
        if (event.name == "lines") {
            std::string text;
            for (const json::value& line : ListAt(data, "lines"))
                text += style.Line(line);
            session.Print(text);
        } else if (event.name == "gap") {
            session.Note(fmt::format("(lines of rank {} are not to be had: {})",
                                     TextAt(data, "rank"), Clean(TextAt(data, "why"))));
        } else if (event.name == "state" && !TextAt(data, "why").empty()) {
            std::string why =
                fmt::format("(rank {}: {})", TextAt(data, "rank"), Clean(TextAt(data, "why")));
            if (why != told) session.Note(why);
            told = std::move(why);
        } else if (event.name == "end") {
            const std::string reason = TextAt(data, "reason");
            if (reason == "JobFinished") return Next::kDone;
            if (reason == "JobDeleted")
                throw Failure(kNotThere, fmt::format("{} was deleted", job.Text()));
            if (reason == "LoginExpired" || reason == "LoggedOut")
                throw Failure(kNotLoggedIn,
                              "the login has ended; the job goes on\nTo log in: dlws login");
            return Next::kReconnect;
        }
        return Next::kGoOn;
    };
    FollowSettings settings;
    settings.timeout = std::chrono::seconds(session.arguments.Span("timeout", 30 * 86400));
    Follow(session, WithQuery(job.Path() + "/logs/stream", LogParameters(session)), on_event,
           settings);

    const json::value detail = session.Get(job.Path());
    const std::string phase = TextAt(detail, "row/phase");
    const int code = ExitOfPhase(phase);
    if (code != kOk)
        session.Note(
            fmt::format("{} {}: {}", job.Text(), Clean(phase), Clean(TextAt(detail, "row/why"))));
    // Its pods have ended; the operator may not yet have written what that means.
    return code >= 0 ? code : WaitForEnd(session, job);
}

}  // namespace dlws::cli
