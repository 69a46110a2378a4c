// SPDX-License-Identifier: Apache-2.0
#include "cli/problem.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "cli/json.h"
#include "cli/text.h"

namespace dlws::cli {

int ExitFor(int status) {
    if (status == 0 || status >= 500) return kPortalAway;
    if (status == 401) return kNotLoggedIn;
    if (status == 404) return kNotThere;
    return kRefused;
}

Failure ProblemOf(const HttpReply& reply, std::string_view server, std::string_view source) {
    if (!reply.problem.empty())
        return {kPortalAway,
                fmt::format("cannot reach the portal {}: {}", server, Clean(reply.problem))};
    const int code = ExitFor(reply.code);
    boost::system::error_code error;
    const json::value problem = json::parse(reply.body, error);
    if (error || !problem.is_object() || TextAt(problem, "title").empty())
        return {code,
                fmt::format("{} answered {}{}, which is no answer of a portal", server, reply.code,
                            reply.type.empty() ? "" : " (" + Clean(reply.type) + ")")};

    const std::string detail = Clean(TextAt(problem, "detail"));
    std::string text = Clean(TextAt(problem, "title"));
    if (!detail.empty()) text = text.empty() ? detail : text + ": " + detail;
    for (const json::value& item : ListAt(problem, "errors")) {
        text +=
            fmt::format("\n{}: {}", Clean(TextAt(item, "field")), Clean(TextAt(item, "message")));
        if (const auto line = NumberAt(item, "line", 0); line > 0)
            text += fmt::format(" (line {}{})", line,
                                source.empty() ? "" : fmt::format(" of {}", Clean(source)));
    }
    if (code == kNotLoggedIn) text += "\nTo log in: dlws login";
    if (code == kPortalAway)
        text +=
            fmt::format("\n(request {} in the portal's log)", Clean(TextAt(problem, "instance")));
    return {code, text};
}

}  // namespace dlws::cli
