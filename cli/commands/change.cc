// SPDX-License-Identifier: Apache-2.0
// stop, suspend, resume, delete: one call for each job.
#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/json.h"
#include "cli/session.h"
#include "cli/text.h"

namespace dlws::cli {
namespace {

// What cannot be done to one job does not keep the others from it; the code is the first one's.
int ForEach(Session& session, std::string_view method, std::string_view action,
            std::string_view says) {
    int code = kOk;
    json::array answers;
    std::vector<JobName> jobs;
    for (const std::string& operand : session.arguments.operands)
        jobs.push_back(session.Job(operand));
    for (const JobName& job : jobs) {
        try {
            HttpRequest request;
            request.method = method;
            request.path = job.Path() + std::string(action);
            const json::value answer = session.Send(request);
            if (session.format == Format::kJson || session.format == Format::kYaml)
                answers.push_back(answer.is_object()
                                      ? answer
                                      : json::object{{"namespace", job.ns}, {"name", job.name}});
            else if (session.format == Format::kName)
                session.Print(job.Text() + "\n");
            else
                session.Print(fmt::format("{} {}\n", job.Text(), says));
        } catch (const Failure& failure) {
            if (jobs.size() == 1 || failure.code == kNotLoggedIn || failure.code == kPortalAway)
                throw;
            session.Note(
                fmt::format("{}: {}: {}", session.world.program, job.Text(), failure.text));
            if (code == kOk) code = failure.code;
        }
    }
    if (!answers.empty()) session.PrintDocument(json::object{{"items", answers}});
    return code;
}

}  // namespace

int RunStop(Session& session) {
    return ForEach(session, "POST", "/stop", "is being stopped");
}

int RunSuspend(Session& session) {
    return ForEach(session, "POST", "/suspend", "is being suspended; resume lets it go on");
}

int RunResume(Session& session) {
    return ForEach(session, "POST", "/resume", "starts anew");
}

int RunDelete(Session& session) {
    return ForEach(session, "DELETE", "", "is being deleted");
}

}  // namespace dlws::cli
