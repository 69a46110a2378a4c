// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/commands/rows.h"
#include "cli/json.h"
#include "cli/text.h"

namespace dlws::cli {
namespace {

void Fact(std::string& text, std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<12}{}\n", fmt::format("{}:", name), Clean(value));
}

std::string Words(const json::array& list) {
    std::string text;
    for (const json::value& word : list) {
        const std::string one = word.is_string() ? std::string(word.get_string()) : "";
        text += (text.empty() ? "" : " ") +
                (one.empty() || one.find(' ') != std::string::npos ? "'" + one + "'" : one);
    }
    return text;
}

std::string Roles(const json::value& spec, const Screen& screen) {
    Table table({"ROLE", "PODS", "GPUS", "TYPE", "CPU", "MEMORY"});
    for (const json::value& role : ListAt(spec, "roles")) {
        const std::string replicas = TextAt(role, "replicas");
        table.Add({TextAt(role, "name"), replicas.empty() ? "1" : replicas, TextAt(role, "gpus"),
                   TextAt(role, "gpuType"), TextAt(role, "resources/cpu"),
                   TextAt(role, "resources/memory")});
    }
    return table.empty() ? "" : "\n" + table.ToText(screen);
}

std::string Pods(const json::array& pods, const Screen& screen, model::Time now) {
    Table table({"RANK", "POD", "STATE", "ATTEMPT", "NODE", "EXIT", "AGE", "WHY"});
    for (const json::value& pod : pods) {
        const std::string state = TextAt(pod, "state");
        table.Add({TextAt(pod, "rank"),
                   TextAt(pod, "name"),
                   {state, ColourOfPhase(state)},
                   TextAt(pod, "attempt"),
                   TextAt(pod, "node"),
                   TextAt(pod, "exitCode"),
                   Age(TextAt(pod, "startedAt"), now),
                   TextAt(pod, "why")});
    }
    return table.empty() ? "" : "\n" + table.ToText(screen);
}

std::string Describe(Session& session, const json::value& detail, const JobName& job) {
    const json::value& row = At(detail, "row");
    const model::Time now = session.world.now();
    const std::string phase = TextAt(row, "phase");
    std::string text;
    Fact(text, "Job", job.Text());
    text += fmt::format("{:<12}{}\n",
                        "Phase:", Paint(session.world.screen, ColourOfPhase(phase), Clean(phase)));
    Fact(text, "Why", TextAt(row, "why"));
    Fact(text, "Advice", TextAt(detail, "advice"));
    Fact(text, "Owner", TextAt(row, "owner"));
    Fact(text, "Image", TextAt(row, "image"));
    Fact(text, "Command", Words(ListAt(detail, "spec/command")));
    Fact(text, "Arguments", Words(ListAt(detail, "spec/args")));
    Fact(text, "Framework", TextAt(row, "framework"));
    Fact(text, "Ready", TextAt(row, "ready"));
    Fact(text, "GPUs", TextAt(row, "gpus"));
    Fact(text, "Attempt", TextAt(row, "attempt"));
    Fact(text, "Restarts", TextAt(row, "restarts"));
    for (const auto& [name, field] :
         {std::pair{"Created", "createdAt"}, {"Started", "startedAt"}, {"Finished", "finishedAt"}})
        if (const std::string at = TextAt(row, field); !at.empty())
            Fact(text, name, fmt::format("{} ({} ago)", at, Age(at, now)));
    Fact(text, "Folder", TextAt(detail, "folder"));
    for (const json::value& file : ListAt(detail, "spec/files"))
        Fact(text, "File",
             fmt::format("/job/{} ({} bytes)", TextAt(file, "name"), TextAt(file, "size")));
    text += Roles(At(detail, "spec"), session.world.screen);
    if (FlagAt(detail, "can/listPods"))
        text +=
            Pods(ReadItemsIfAllowed(session, job.Path() + "/pods", 500), session.world.screen, now);
    return text;
}

}  // namespace

int RunGet(Session& session) {
    bool first = true;
    for (const std::string& operand : session.arguments.operands) {
        const JobName job = session.Job(operand);
        if (session.format == Format::kJson || session.format == Format::kYaml) {
            if (session.format == Format::kYaml && !first) session.Print("---\n");
            session.PrintDocument(session.Get(job.Path() + "/manifest"));
        } else {
            const json::value detail = session.Get(job.Path());
            if (session.format == Format::kName)
                session.Print(job.Text() + "\n");
            else
                session.Print((first ? "" : "\n") + Describe(session, detail, job));
        }
        first = false;
    }
    return kOk;
}

}  // namespace dlws::cli
