// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/commands/rows.h"
#include "cli/json.h"
#include "cli/text.h"

namespace dlws::cli {
namespace {

std::string Joined(const json::array& words) {
    std::string text;
    for (const json::value& word : words)
        if (word.is_string()) text += (text.empty() ? "" : ",") + std::string(word.get_string());
    return text;
}

// What a list of phases cannot say of a job.
std::string Remark(const json::value& row) {
    if (FlagAt(row, "storageLost")) return "a storage is lost: " + TextAt(row, "why");
    return (FlagAt(row, "deleting") ? "is being deleted; " : "") + TextAt(row, "why");
}

Table JobTable(const json::array& rows, bool wide, bool owners, model::Time now) {
    std::vector<std::string> titles{"NAMESPACE", "NAME", "PHASE", "READY", "GPUS", "AGE"};
    if (owners || wide) titles.emplace_back("OWNER");
    if (wide)
        for (const char* title : {"TYPE", "FRAMEWORK", "ATTEMPT", "RESTARTS", "IMAGE"})
            titles.emplace_back(title);
    titles.emplace_back("WHY");
    Table table(std::move(titles));
    for (const json::value& row : rows) {
        const std::string phase = TextAt(row, "phase");
        std::vector<Cell> cells{TextAt(row, "namespace"),      TextAt(row, "name"),
                                {phase, ColourOfPhase(phase)}, TextAt(row, "ready"),
                                TextAt(row, "gpus"),           Age(TextAt(row, "createdAt"), now)};
        if (owners || wide) cells.emplace_back(TextAt(row, "owner"));
        if (wide) {
            cells.emplace_back(Joined(ListAt(row, "gpuTypes")));
            for (const char* field : {"framework", "attempt", "restarts", "image"})
                cells.emplace_back(TextAt(row, field));
        }
        cells.emplace_back(Remark(row));
        table.Add(std::move(cells));
    }
    return table;
}

}  // namespace

int RunList(Session& session) {
    const Arguments& arguments = session.arguments;
    std::vector<std::pair<std::string, std::string>> query;
    AddNamespace(session, query);
    if (!arguments.Has("all") && !arguments.Has("owner")) query.emplace_back("mine", "true");
    for (const auto& [flag, name] : {std::pair{"owner", "owner"},
                                     {"phase", "phase"},
                                     {"pending", "pending"},
                                     {"search", "q"},
                                     {"gpu-type", "gpuType"},
                                     {"sort", "sort"}})
        for (const std::string& value : arguments.All(flag))
            query.emplace_back(name, value);
    const JobPages pages =
        ReadJobs(session, query, static_cast<std::size_t>(arguments.Number("limit", 0)));

    if (session.format == Format::kJson || session.format == Format::kYaml) {
        session.PrintDocument(json::object{{"items", pages.rows}, {"total", pages.total}});
    } else if (session.format == Format::kName) {
        for (const json::value& row : pages.rows)
            session.Print(Clean(NameOf(row)) + "\n");
    } else if (pages.rows.empty()) {
        session.Note(arguments.Has("all") ? "there are no such jobs that you may see"
                                          : "you have no such jobs; -A lists everybody's");
    } else {
        session.Print(JobTable(pages.rows, session.format == Format::kWide, arguments.Has("all"),
                               session.world.now())
                          .ToText(session.world.screen));
        if (const auto left = pages.total - static_cast<long long>(pages.rows.size()); left > 0)
            session.Note(fmt::format("{} more; --limit shows them", left));
    }
    return kOk;
}

}  // namespace dlws::cli
