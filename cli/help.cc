// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "cli/options.h"

namespace dlws::cli {
namespace {

constexpr std::string_view kAbout =
    "{0} submits, watches and manages jobs of a DLWorkspace portal, as you.\n";

constexpr std::string_view kEnd =
    "JOB is NAME, or NAMESPACE/NAME. Exit codes: 0 done, 1 refused, 2 wrong command line or "
    "setting,\n"
    "3 not logged in, 4 not there, 5 portal away or failing; of `logs -f`, `submit --wait` and\n"
    "`submit --follow`: 0 succeeded, 10 failed, 11 stopped, 12 not ended in time; 130 Ctrl-C.\n";

std::string FlagLine(const Flag& flag) {
    std::string left = flag.letter ? fmt::format("-{}, --{}", flag.letter, flag.name)
                                   : fmt::format("    --{}", flag.name);
    if (flag.takes != Takes::kNothing) left += fmt::format(" {}", flag.value);
    std::string help(flag.help);
    if (flag.many) help += "; may be repeated";
    // What is too long for its column has the help below it.
    return left.size() > 26 ? fmt::format("  {}\n{:30}{}\n", left, "", help)
                            : fmt::format("  {:<28}{}\n", left, help);
}

std::string WithProgram(std::string_view line, std::string_view program) {
    std::string text(line);
    for (std::size_t at = 0; program != "dlws" && (at = text.find("dlws ", at)) < text.size();) {
        const bool word = at == 0 || text[at - 1] == ' ' || text[at - 1] == '(';
        if (word) text.replace(at, 4, program);
        at += word ? program.size() + 1 : 5;
    }
    return text;
}

std::string ExampleLines(const Command& command, std::string_view program) {
    std::string text;
    for (const Example& example : command.examples) {
        if (!example.says.empty()) text += fmt::format("  # {}\n", example.says);
        text += fmt::format("  {}\n", WithProgram(example.line, program));
    }
    return text;
}

}  // namespace

std::string HelpText(std::string_view program) {
    std::string text = fmt::format(kAbout, program);
    text += fmt::format("\nUsage: {0} COMMAND [FLAGS]\n\nCommands (each has --help):\n", program);
    for (const Command& command : Commands())
        text += fmt::format("  {:<12}{}\n", command.name, command.summary);
    text += "\nFlags of all commands:\n";
    for (const Flag& flag : CommonFlags())
        text += FlagLine(flag);
    return text + "\n" + std::string(kEnd);
}

std::string HelpText(const Command& command, std::string_view program) {
    std::string text = fmt::format("{}.\n", command.summary);
    text += fmt::format("\nUsage: {} {} [FLAGS]{}{}\n", program, command.name,
                        command.operands.empty() ? "" : " ", command.operands);
    if (!command.text.empty()) text += fmt::format("\n{}", command.text);
    text += fmt::format("\nFor example:\n{}", ExampleLines(command, program));
    if (!command.flags.empty() || command.prints) text += "\nFlags:\n";
    for (const Flag& flag : command.flags)
        text += FlagLine(flag);
    if (command.prints) text += FlagLine(OutputFlag());
    text += "\nFlags of all commands:\n";
    for (const Flag& flag : CommonFlags())
        text += FlagLine(flag);
    return text;
}

std::string Reference() {
    std::string text =
        "# dlws, the command line\n\n"
        "This page is printed by the program (`dlws __reference`), and a test compares the two.\n"
        "\n```\n" +
        HelpText("dlws") +
        "```\n\n"
        "It speaks to the portal's REST API alone. Settings are in `~/.config/dlws/config.yaml`"
        " (`server`, `caFile`,\n"
        "`namespace`); logins in `tokens.yaml` beside it, which only its owner may read. Without a"
        " login the kubeconfig's token\n"
        "is used. As a file `kubectl-dlws` on the PATH (a link to `dlws`) it is `kubectl dlws`,"
        " and then the kubeconfig's\n"
        "token and namespace come first, as they do for kubectl. A proxy is not supported.\n";
    for (const Command& command : Commands()) {
        text += fmt::format("\n## dlws {}\n\n{}.", command.name, command.summary);
        if (!command.text.empty())
            text += fmt::format(" {}", command.text);
        else
            text += "\n";
        text += fmt::format("\n```\ndlws {} [FLAGS]{}{}\n", command.name,
                            command.operands.empty() ? "" : " ", command.operands);
        for (const Flag& flag : command.flags)
            text += FlagLine(flag);
        if (command.prints) text += FlagLine(OutputFlag());
        text += fmt::format("\nFor example:\n{}```\n", ExampleLines(command, "dlws"));
    }
    return text;
}

}  // namespace dlws::cli
