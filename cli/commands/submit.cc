// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/files.h"
#include "cli/follow.h"
#include "cli/json.h"
#include "cli/manifest.h"
#include "cli/text.h"
#include "kube/yaml.h"

namespace dlws::cli {
namespace {

constexpr std::size_t kMaxBody = 1u << 20;  // of the portal

// What goes to the portal, and how people call it.
struct Submission {
    HttpRequest request;
    std::string source;  ///< name of the file, or empty
    std::string ns;
};

Submission FromFile(const Session& session) {
    const Arguments& arguments = session.arguments;
    // A file says all of the job; a flag beside it would say it twice.
    static constexpr std::string_view kBeside[] = {"filename", "dry-run", "wait",  "follow",
                                                   "timeout",  "print",   "output"};
    for (const Flag& flag : arguments.command->flags)
        if (arguments.Has(flag.name) && std::ranges::find(kBeside, flag.name) == std::end(kBeside))
            throw Failure(
                kCommandLine,
                fmt::format("--{} cannot be beside -f: write it into the file", flag.name));
    if (!arguments.operands.empty() || !arguments.rest.empty())
        throw Failure(kCommandLine, "a script or a command cannot be beside -f");
    const std::string path = arguments.Text("filename");
    Submission submission;
    submission.source = path == "-" ? "standard input" : path;
    submission.request.body = ReadFile(path, kMaxBody);
    const ManifestAbout about = LookAtManifest(submission.request.body, submission.source);
    if (session.ns_given && !about.ns.empty() && about.ns != session.ns)
        throw Failure(kCommandLine,
                      fmt::format("{} says namespace {}, and -n says {}; change one of them",
                                  submission.source, Clean(about.ns), session.ns));
    submission.ns = about.ns.empty() ? session.ns : about.ns;
    submission.request.type = about.json ? "application/json" : "application/yaml";
    return submission;
}

Submission FromFlags(const Session& session) {
    const Arguments& arguments = session.arguments;
    std::vector<SubmittedFile> files;
    for (const std::string& path : arguments.operands)
        files.push_back({path, ReadFile(path, kMaxFileBytes)});
    for (const std::string& path : arguments.All("file"))
        files.push_back({path, ReadFile(path, kMaxFileBytes)});
    Submission submission;
    submission.ns = session.ns;
    submission.request.body =
        json::serialize(MakeManifest(arguments, files, session.world.variable));
    submission.request.type = "application/json";
    return submission;
}

void SayWhatNext(const Session& session, const JobName& job) {
    const std::string name = job.ns == session.ns ? job.name : job.Text();
    const std::string program =
        session.world.program + (session.ns_given && job.ns == session.ns ? " -n " + job.ns : "");
    session.Print(
        fmt::format("{} is submitted. What next:\n"
                    "  {} logs -f {}   what it prints\n"
                    "  {} why {}       what it waits for\n"
                    "  {} stop {}      end it\n",
                    job.Text(), program, name, program, name, program, name));
}

}  // namespace

int RunSubmit(Session& session) {
    const Arguments& arguments = session.arguments;
    const bool dry = arguments.Has("dry-run");
    if ((arguments.Has("wait") || arguments.Has("follow")) && (dry || arguments.Has("print")))
        throw Failure(kCommandLine, "with --dry-run and --print there is no job to wait for");
    Submission submission = arguments.Has("filename") ? FromFile(session) : FromFlags(session);
    if (arguments.Has("print")) {
        session.Print(arguments.Has("filename")
                          ? submission.request.body
                          : kube::ToYaml(json::parse(submission.request.body)));
        return kOk;
    }
    submission.request.method = "POST";
    // Checked as every other name that goes into a path.
    submission.request.path = session.Job(submission.ns + "/x").Path();
    submission.request.path.resize(submission.request.path.rfind('/'));
    if (dry) submission.request.path += "?dryRun=All";
    const json::value answer = session.Send(submission.request, submission.source);

    const JobName job{submission.ns, TextAt(answer, dry ? "metadata/name" : "name")};
    if (session.format == Format::kJson || session.format == Format::kYaml)
        session.PrintDocument(answer);
    else if (session.format == Format::kName)
        session.Print(Clean(job.Text()) + "\n");
    else if (dry)
        session.Print((job.name.empty() ? "the job" : Clean(job.Text())) +
                      " would be accepted; nothing was made.\n");
    else
        SayWhatNext(session, session.Job(job.Text()));
    if (dry || (!arguments.Has("wait") && !arguments.Has("follow"))) return kOk;
    if (arguments.Has("follow")) return FollowLogs(session, job);
    DetachOnInterrupt(
        fmt::format("the job goes on. dlws get {0} shows it, dlws stop {0} ends it", job.Text()));
    return WaitForEnd(session, job);
}

}  // namespace dlws::cli
