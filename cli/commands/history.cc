// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/commands/rows.h"
#include "cli/json.h"
#include "cli/text.h"

namespace dlws::cli {
namespace {

// From the start of its pods, or of the job where they never started.
std::string Lasted(const json::value& row) {
    const std::string started = TextAt(row, "startedAt");
    const auto from = model::ParseTime(started.empty() ? TextAt(row, "createdAt") : started);
    const auto to = model::ParseTime(TextAt(row, "finishedAt"));
    return from && to ? Duration(std::max((*to - *from).count(), std::int64_t{0})) : "";
}

int Ended(Session& session) {
    const Arguments& arguments = session.arguments;
    std::vector<std::pair<std::string, std::string>> query;
    AddNamespace(session, query);
    if (!arguments.Has("all")) query.emplace_back("mine", "true");
    for (const char* phase : {"Succeeded", "Failed", "Stopped"})
        query.emplace_back("phase", phase);
    if (arguments.Has("since"))
        query.emplace_back("createdAfter", TimeOf(arguments, "since", session.world.now()));
    query.emplace_back("sort", "-changed");
    const JobPages pages =
        ReadJobs(session, query, static_cast<std::size_t>(arguments.Number("limit", 50)));
    if (session.format == Format::kJson || session.format == Format::kYaml) {
        session.PrintDocument(json::object{{"items", pages.rows}, {"total", pages.total}});
        return kOk;
    }
    std::vector<std::string> titles{"NAMESPACE", "NAME", "PHASE",   "GPUS",
                                    "ENDED",     "TOOK", "ATTEMPTS"};
    const bool owners = arguments.Has("all") || session.format == Format::kWide;
    if (owners) titles.emplace_back("OWNER");
    titles.emplace_back("WHY");
    Table table(std::move(titles));
    for (const json::value& row : pages.rows) {
        if (session.format == Format::kName) {
            session.Print(Clean(NameOf(row)) + "\n");
            continue;
        }
        const std::string phase = TextAt(row, "phase");
        std::vector<Cell> cells{TextAt(row, "namespace"),
                                TextAt(row, "name"),
                                {phase, ColourOfPhase(phase)},
                                TextAt(row, "gpus"),
                                Age(TextAt(row, "finishedAt"), session.world.now()),
                                Lasted(row),
                                std::to_string(NumberAt(row, "attempt", 0) + 1)};
        if (owners) cells.emplace_back(TextAt(row, "owner"));
        cells.emplace_back(TextAt(row, "why"));
        table.Add(std::move(cells));
    }
    if (pages.rows.empty())
        session.Note("no such job has ended");
    else if (!table.empty())
        session.Print(table.ToText(session.world.screen));
    const auto left = pages.total - static_cast<long long>(pages.rows.size());
    if (left > 0 && !table.empty()) session.Note(fmt::format("{} more; --limit shows them", left));
    return kOk;
}

int OfJob(Session& session, const JobName& job) {
    const json::value detail = session.Get(job.Path());
    json::array events = ReadItemsIfAllowed(session, job.Path() + "/events", 5000);
    std::ranges::reverse(events);  // the oldest first, as a story is told
    if (session.format == Format::kJson || session.format == Format::kYaml) {
        session.PrintDocument(
            json::object{{"timeline", ListAt(detail, "timeline")}, {"events", events}});
        return kOk;
    }
    if (session.format == Format::kName) {
        session.Print(job.Text() + "\n");
        return kOk;
    }
    Table steps({"STEP", "AT", "AFTER"});
    for (const json::value& step : ListAt(detail, "timeline"))
        if (!FlagAt(step, "skipped"))
            steps.Add(
                {TextAt(step, "step"), TextAt(step, "at").empty() ? "-" : TextAt(step, "at"),
                 TextAt(step, "seconds").empty() ? "" : Duration(NumberAt(step, "seconds", 0))});
    std::string text = steps.ToText(session.world.screen);
    Table table({"AT", "TIMES", "TYPE", "REASON", "OF", "MESSAGE"});
    for (const json::value& event : events)
        table.Add({TextAt(event, "at"), TextAt(event, "count"), TextAt(event, "type"),
                   TextAt(event, "reason"), TextAt(event, "kind") + "/" + TextAt(event, "name"),
                   TextAt(event, "message")});
    if (!table.empty()) text += "\n" + table.ToText(session.world.screen);
    session.Print(text);
    return kOk;
}

}  // namespace

int RunHistory(Session& session) {
    const auto& operands = session.arguments.operands;
    return operands.empty() ? Ended(session) : OfJob(session, session.Job(operands[0]));
}

}  // namespace dlws::cli
