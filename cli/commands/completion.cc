// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <fmt/format.h>

#include "cli/commands/commands.h"
#include "cli/session.h"
#include "cli/text.h"

namespace dlws::cli {

int RunCompletion(Session& session) {
    const std::string& shell = session.arguments.operands[0];
    if (shell != "bash" && shell != "zsh")
        throw Failure(kCommandLine, fmt::format("there is completion for bash and zsh, not for {}",
                                                Clean(shell)));
    session.Print(CompletionScript(shell, "dlws"));
    return kOk;
}

}  // namespace dlws::cli
