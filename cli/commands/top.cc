// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/commands/rows.h"
#include "cli/json.h"
#include "cli/text.h"

namespace dlws::cli {
namespace {

Colour ColourOfNode(std::string_view state) {
    return state == "Ready" ? Colour::kGood : state == "Cordoned" ? Colour::kDim : Colour::kBad;
}

int Nodes(Session& session) {
    std::vector<std::pair<std::string, std::string>> query;
    if (session.arguments.Has("gpu-type"))
        query.emplace_back("gpuType", session.arguments.Text("gpu-type"));
    const json::array nodes = ReadItems(session, "/api/v1/cluster/nodes", query, 0);
    if (session.format == Format::kJson || session.format == Format::kYaml) {
        session.PrintDocument(json::object{{"items", nodes}});
        return kOk;
    }
    Table table({"NODE", "STATE", "TYPE", "GPUS", "USED", "FREE", "HELD BY", "PROBLEMS"});
    for (const json::value& node : nodes) {
        if (session.format == Format::kName) {
            session.Print(Clean(TextAt(node, "name")) + "\n");
            continue;
        }
        std::string holders, problems;
        for (const json::value& holder : ListAt(node, "holders"))
            holders +=
                fmt::format("{}{}/{}:{}", holders.empty() ? "" : ",", TextAt(holder, "namespace"),
                            TextAt(holder, "job"), TextAt(holder, "gpus"));
        if (const auto others = NumberAt(node, "othersUsed", 0); others > 0)
            holders += fmt::format("{}others:{}", holders.empty() ? "" : ",", others);
        for (const json::value& problem : ListAt(node, "problems"))
            if (problem.is_string())
                problems += (problems.empty() ? "" : "; ") + std::string(problem.get_string());
        const std::string state = TextAt(node, "state");
        const auto free = NumberAt(node, "allocatable", 0) - NumberAt(node, "used", 0);
        table.Add({TextAt(node, "name"),
                   {state, ColourOfNode(state)},
                   TextAt(node, "gpuType"),
                   TextAt(node, "gpus"),
                   TextAt(node, "used"),
                   std::to_string(std::max(free, 0LL)),
                   holders,
                   problems});
    }
    if (nodes.empty())
        session.Note("there are no such nodes");
    else if (!table.empty())
        session.Print(table.ToText(session.world.screen));
    return kOk;
}

std::string Holders(const json::array& holders, const char* title, const Screen& screen) {
    Table table({title, "GPUS", "JOBS"});
    for (const json::value& holder : holders)
        table.Add({TextAt(holder, "name"), TextAt(holder, "gpus"), TextAt(holder, "jobs")});
    return table.empty() ? "" : "\n" + table.ToText(screen);
}

std::string Overview(const json::value& status, const Screen& screen, model::Time now) {
    Table gpus({"GPU", "TOTAL", "USED", "FREE", "MOST ON A NODE", "NODES"});
    for (const json::value& type : ListAt(status, "gpus")) {
        const std::string name = TextAt(type, "type");
        gpus.Add({name.empty() ? "(no type)" : name, TextAt(type, "total"), TextAt(type, "used"),
                  TextAt(type, "free"), TextAt(type, "largestFree"), TextAt(type, "nodes")});
    }
    std::string text = gpus.empty() ? "There are no GPUs.\n" : gpus.ToText(screen);
    text += fmt::format("\nNodes: {} of {} ready", TextAt(status, "nodes/ready"),
                        TextAt(status, "nodes/total"));
    for (const auto& [field, word] :
         {std::pair{"notReady", "not ready"}, {"cordoned", "cordoned"}, {"unhealthy", "unhealthy"}})
        if (const auto n = NumberAt(status, std::string("nodes/") + field, 0); n > 0)
            text += fmt::format(", {} {}", n, word);
    text += "\nJobs:";
    bool first = true;
    if (const json::object* jobs = At(status, "jobs").if_object())
        for (const auto& [phase, count] : *jobs) {
            text += fmt::format("{} {} {}", first ? "" : ",", json::serialize(count),
                                Clean(std::string_view(phase)));
            first = false;
        }
    text += first ? " none\n" : "\n";
    text += Holders(ListAt(status, "users"), "USER", screen);
    text += Holders(ListAt(status, "namespaces"), "NAMESPACE", screen);
    Table problems({"PROBLEM", "NODE", "AGE", "MESSAGE"});
    for (const json::value& problem : ListAt(status, "problems")) {
        const std::string severity = TextAt(problem, "severity");
        problems.Add({{severity, severity == "Critical" ? Colour::kBad : Colour::kWaits},
                      TextAt(problem, "node"),
                      Age(TextAt(problem, "since"), now),
                      TextAt(problem, "message")});
    }
    if (!problems.empty()) text += "\n" + problems.ToText(screen);
    return text;
}

}  // namespace

int RunTop(Session& session) {
    const auto& operands = session.arguments.operands;
    if (!operands.empty() && operands[0] != "nodes")
        throw Failure(kCommandLine, fmt::format("top shows the cluster, or nodes, but no {}",
                                                Clean(operands[0])));
    if (!operands.empty()) return Nodes(session);
    if (session.arguments.Has("gpu-type"))
        throw Failure(kCommandLine, "--gpu-type goes with nodes: top nodes --gpu-type A100");
    const json::value status = session.Get("/api/v1/cluster");
    if (session.format == Format::kJson || session.format == Format::kYaml)
        session.PrintDocument(status);
    else
        session.Print(Overview(status, session.world.screen, session.world.now()));
    return kOk;
}

}  // namespace dlws::cli
