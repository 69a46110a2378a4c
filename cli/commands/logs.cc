// SPDX-License-Identifier: Apache-2.0
#include "cli/logs.h"

#include "cli/commands/commands.h"
#include "cli/follow.h"
#include "cli/json.h"

namespace dlws::cli {
namespace {

// Until now, line by line.
int Pages(Session& session, const JobName& job) {
    const LogStyle style = StyleOf(session, job);
    auto query = LogParameters(session);
    query.emplace_back("limit", "5000");
    for (;;) {
        const json::value page = session.Get(WithQuery(job.Path() + "/logs", query));
        const json::array& lines = ListAt(page, "lines");
        std::string text;
        for (const json::value& line : lines)
            text += style.Line(line);
        session.Print(text);
        const std::string cursor = TextAt(page, "nextCursor");
        if (cursor.empty() || lines.empty() || FlagAt(page, "atEnd")) return kOk;
        // A cursor stands for where the first page began.
        std::erase_if(query, [](const auto& parameter) {
            return parameter.first == "since" || parameter.first == "tail" ||
                   parameter.first == "cursor";
        });
        query.emplace_back("cursor", cursor);
    }
}

// Byte by byte, whatever they are.
int Raw(Session& session, const JobName& job) {
    auto query = LogParameters(session);
    if (session.arguments.Has("timestamps")) query.emplace_back("timestamps", "true");
    HttpRequest request;
    request.path = WithQuery(job.Path() + "/logs/text", query);
    request.accept = "application/octet-stream";
    std::exception_ptr thrown;
    const HttpReply reply = session.portal().Stream(request, [&](std::string_view bytes) {
        try {
            session.Print(bytes);
        } catch (...) {
            thrown = std::current_exception();
        }
        return !thrown;
    });
    if (thrown) std::rethrow_exception(thrown);
    if (!reply.ok()) throw ProblemOf(reply, session.portal().settings().server);
    return kOk;
}

}  // namespace

int RunLogs(Session& session) {
    const JobName job = session.Job(session.arguments.operands[0]);
    const bool follow = session.arguments.Has("follow"), raw = session.arguments.Has("raw");
    if (follow && raw)
        throw Failure(kCommandLine, "--raw ends now and --follow goes on; leave out one of them");
    return follow ? FollowLogs(session, job) : raw ? Raw(session, job) : Pages(session, job);
}

}  // namespace dlws::cli
