// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/commands/rows.h"
#include "cli/json.h"
#include "cli/text.h"

namespace dlws::cli {
namespace {

std::string Joined(const json::array& words, std::string_view between) {
    std::string text;
    for (const json::value& word : words)
        if (word.is_string())
            text += (text.empty() ? "" : std::string(between)) + Clean(word.get_string());
    return text;
}

json::array Questions(Session& session, const std::string& ns) {
    std::vector<std::pair<std::string, std::string>> query;
    if (!ns.empty()) query.emplace_back("namespace", ns);
    return ReadItems(session, "/api/v1/approvals", query, 0);
}

// The question of one job that waits.
json::value QuestionOf(Session& session, const JobName& job) {
    for (const json::value& question : Questions(session, job.ns))
        if (TextAt(question, "job") == job.name) return question;
    throw Failure(kNotThere, fmt::format("{} waits for no approval", job.Text()));
}

// A text of many lines, each of them clean and moved in.
std::string Block(std::string_view text) {
    std::string block;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        block += "    " + Clean(text.substr(0, end)) + "\n";
        text = end == std::string_view::npos ? "" : text.substr(end + 1);
    }
    return block;
}

std::string Shown(const json::value& question, const JobName& job, model::Time now) {
    std::string text =
        fmt::format("{} of {} waits since {} for an approval of: {}\n", job.Text(),
                    Clean(TextAt(question, "submittedBy")), Age(TextAt(question, "since"), now),
                    Joined(ListAt(question, "classes"), ", "));
    for (const json::value& ask : ListAt(question, "asks"))
        if (ask.is_string()) text += fmt::format("  asks for {}\n", Clean(ask.get_string()));
    if (const auto mounts = Joined(ListAt(question, "mounts"), ", "); !mounts.empty())
        text += fmt::format("  mounts {}\n", mounts);
    if (const auto images = Joined(ListAt(question, "images"), ", "); !images.empty())
        text += fmt::format("  images {}\n", images);
    text += "  its pods differ from plain ones by:\n" + Block(TextAt(question, "diff"));
    return text + fmt::format("  hash {}\n", Clean(TextAt(question, "templateHash")));
}

int ListWaiting(Session& session) {
    const json::array questions = Questions(session, session.ns_given ? session.ns : "");
    if (session.format == Format::kJson || session.format == Format::kYaml) {
        session.PrintDocument(json::object{{"items", questions}});
        return kOk;
    }
    Table table({"NAMESPACE", "NAME", "OWNER", "AGE", "CLASSES", "YOURS", "HASH"});
    for (const json::value& question : questions) {
        if (session.format == Format::kName) {
            session.Print(Clean(TextAt(question, "namespace") + "/" + TextAt(question, "job")) +
                          "\n");
            continue;
        }
        table.Add(
            {TextAt(question, "namespace"), TextAt(question, "job"),
             TextAt(question, "submittedBy"), Age(TextAt(question, "since"), session.world.now()),
             Joined(ListAt(question, "classes"), ","), FlagAt(question, "mayDecide") ? "yes" : "no",
             TextAt(question, "templateHash").substr(0, 12)});
    }
    if (questions.empty())
        session.Note("no job that you may see waits for an approval");
    else if (!table.empty())
        session.Print(table.ToText(session.world.screen));
    return kOk;
}

void CheckMayDecide(const json::value& question) {
    if (FlagAt(question, "mayDecide")) return;
    const std::string why = TextAt(question, "whyNot");
    throw Failure(kRefused, why.empty() ? "you may not decide about it" : Clean(why));
}

// True: this exact question was looked at.
bool Confirmed(Session& session, const JobName& job, const json::value& question) {
    const std::string whole = TextAt(question, "templateHash");
    if (session.arguments.Has("hash")) {
        const std::string hash = session.arguments.Text("hash");
        if (hash.size() < 12)
            throw Failure(kCommandLine, "--hash needs at least the first 12 digits");
        if (whole.starts_with(hash)) return true;
        throw Failure(kRefused,
                      fmt::format("{} is not what has the hash {} (any more); look at it "
                                  "again: {} approve {}",
                                  job.Text(), Clean(hash), session.world.program, job.Text()));
    }
    session.Print(Shown(question, job, session.world.now()));
    CheckMayDecide(question);
    if (!session.world.in_is_terminal)
        throw Failure(kCommandLine,
                      fmt::format("nobody is there to ask; to approve exactly this: "
                                  "{} approve {} --hash {}",
                                  session.world.program, job.Text(), Clean(whole.substr(0, 12))));
    fmt::print(session.world.err, "Approve exactly this? Type yes: ");
    std::fflush(session.world.err);
    char answer[16] = {};
    return std::fgets(answer, sizeof answer, session.world.in) &&
           std::string_view(answer) == "yes\n";
}

int Decide(Session& session, const JobName& job, const json::value& question,
           std::string_view action, std::string_view says) {
    json::object body{{"uid", TextAt(question, "uid")},
                      {"templateHash", TextAt(question, "templateHash")},
                      {"classes", ListAt(question, "classes")}};
    if (session.arguments.Has("reason")) body["reason"] = session.arguments.Text("reason");
    if (session.arguments.Has("for"))
        body["expiresAt"] = model::FormatTime(
            session.world.now() + std::chrono::seconds(session.arguments.Span("for", 0)));
    HttpRequest request;
    request.method = "POST";
    request.path = job.Path() + std::string(action);
    request.body = json::serialize(body);
    request.type = "application/json";
    const json::value answer = session.Send(request);
    if (session.format == Format::kJson || session.format == Format::kYaml)
        session.PrintDocument(answer);
    else if (session.format == Format::kName)
        session.Print(job.Text() + "\n");
    else
        session.Print(
            fmt::format("{} {} ({})\n", job.Text(), says, Clean(TextAt(answer, "approval"))));
    return kOk;
}

}  // namespace

int RunApprove(Session& session) {
    if (session.arguments.operands.empty()) return ListWaiting(session);
    const JobName job = session.Job(session.arguments.operands[0]);
    const json::value question = QuestionOf(session, job);
    if (!Confirmed(session, job, question)) throw Failure(kRefused, "nothing was approved");
    CheckMayDecide(question);
    return Decide(session, job, question, "/approve", "is approved");
}

int RunDeny(Session& session) {
    const JobName job = session.Job(session.arguments.operands[0]);
    if (!session.arguments.Has("reason"))
        throw Failure(kCommandLine, "why? Write --reason \"…\"; who submitted the job reads it");
    const json::value question = QuestionOf(session, job);
    CheckMayDecide(question);
    return Decide(session, job, question, "/deny", "is denied");
}

}  // namespace dlws::cli
