// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/commands/rows.h"
#include "cli/json.h"
#include "cli/text.h"

namespace dlws::cli {

int RunWhy(Session& session) {
    constexpr std::size_t kEvents = 5;
    const JobName job = session.Job(session.arguments.operands[0]);
    const json::value detail = session.Get(job.Path());
    const json::array events = ReadItemsIfAllowed(session, job.Path() + "/events", kEvents);
    if (session.format == Format::kName) {
        session.Print(job.Text() + "\n");
        return kOk;
    }
    if (session.format == Format::kJson || session.format == Format::kYaml) {
        session.PrintDocument(json::object{{"phase", TextAt(detail, "row/phase")},
                                           {"why", TextAt(detail, "row/why")},
                                           {"pending", TextAt(detail, "row/pending")},
                                           {"reason", TextAt(detail, "row/reason")},
                                           {"advice", TextAt(detail, "advice")},
                                           {"events", events}});
        return kOk;
    }
    const std::string phase = TextAt(detail, "row/phase");
    const std::string why = TextAt(detail, "row/why");
    const std::string since = TextAt(detail, "row/pendingSince");
    const Screen& screen = session.world.screen;
    std::string text = fmt::format("{} is {}{}: {}\n", job.Text(),
                                   Paint(screen, ColourOfPhase(phase), Clean(phase)),
                                   since.empty() ? "" : " since " + Age(since, session.world.now()),
                                   why.empty() ? "nothing is wrong that is known." : Clean(why));
    if (const std::string advice = TextAt(detail, "advice"); !advice.empty())
        text += Clean(advice) + "\n";
    Table table({"AGE", "TYPE", "REASON", "OF", "MESSAGE"});
    for (const json::value& event : events) {
        const std::string type = TextAt(event, "type");
        table.Add({Age(TextAt(event, "at"), session.world.now()),
                   {type, type == "Warning" ? Colour::kWaits : Colour::kNone},
                   TextAt(event, "reason"),
                   TextAt(event, "kind") + "/" + TextAt(event, "name"),
                   TextAt(event, "message")});
    }
    if (!table.empty()) text += "\n" + table.ToText(screen);
    session.Print(text);
    return kOk;
}

}  // namespace dlws::cli
