// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cli/completion.h"
#include "dlws_source_dir.h"

namespace dlws::cli {
namespace {

std::string Refusal(const std::vector<std::string>& args) {
    try {
        Parse(args);
        return "(understood)";
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.code, kCommandLine);
        return failure.text;
    }
}

// As a shell splits it: quotes, no variables.
std::vector<std::string> ShellWords(std::string_view line) {
    std::vector<std::string> words;
    std::string word;
    char quote = 0;
    bool any = false;
    for (const char c : line) {
        if (quote ? c == quote : (c == '\'' || c == '"')) {
            quote = quote ? 0 : c;
            any = true;
        } else if (c == ' ' && !quote) {
            if (any || !word.empty()) words.push_back(word);
            word.clear();
            any = false;
        } else {
            word += c;
        }
    }
    if (any || !word.empty()) words.push_back(word);
    return words;
}

TEST(Parse, FlagsInEveryFormPeopleWrite) {
    const Arguments a = Parse({"list", "-A", "--phase=Queued", "--phase", "Running", "-nvision",
                               "-o", "json", "--limit", "5"});
    EXPECT_EQ(a.command->name, "list");
    EXPECT_TRUE(a.Has("all"));
    EXPECT_EQ(a.All("phase"), (std::vector<std::string>{"Queued", "Running"}));
    EXPECT_EQ(a.Text("namespace"), "vision");
    EXPECT_EQ(a.Text("output"), "json");
    EXPECT_EQ(a.Number("limit", 0), 5);
    EXPECT_EQ(Parse({"logs", "-ft", "digits"}).operands, std::vector<std::string>{"digits"});
    EXPECT_TRUE(Parse({"-n", "vision", "list"}).Has("namespace")) << "before the command too";
}

TEST(Parse, WhatFollowsTwoDashesIsTheScripts) {
    const Arguments a = Parse({"submit", "train.py", "--gpus", "8", "--", "--gpus", "-x"});
    EXPECT_EQ(a.Number("gpus", 0), 8);
    EXPECT_EQ(a.rest, (std::vector<std::string>{"--gpus", "-x"}));
    EXPECT_EQ(a.operands, std::vector<std::string>{"train.py"});
}

TEST(Parse, RefusesWithWhatToWriteInstead) {
    EXPECT_EQ(Refusal({}), "which command? See --help.");
    EXPECT_EQ(Refusal({"lsit"}), "there is no command \"lsit\"; did you mean list? (see --help)");
    EXPECT_EQ(Refusal({"submit", "--gpu", "1"}),
              "submit has no flag --gpu; did you mean --gpus? (see submit --help)");
    EXPECT_EQ(Refusal({"submit", "a.py", "--gpus", "many"}),
              "--gpus must be a whole number from 0 to 128, not \"many\"");
    EXPECT_EQ(Refusal({"list", "--phase", "Waiting"}).substr(0, 30),
              "--phase must be one of None, A");
    EXPECT_EQ(Refusal({"history", "--since"}), "--since needs a value: TIME");
    EXPECT_EQ(Refusal({"get"}), "get needs JOB...; for example: dlws get digits");
    EXPECT_EQ(Refusal({"why", "a", "b"}), "why takes JOB, and \"b\" is more");
    EXPECT_EQ(Refusal({"list", "-o", "json", "-o", "yaml"}), "--output is there twice");
    EXPECT_EQ(Refusal({"list", "-x"}), "list has no flag -x (see --help)");
    EXPECT_EQ(Refusal({"stop", "a", "--", "b"}), "stop takes nothing after --");
    EXPECT_EQ(Refusal({"list", "--all=yes"}), "--all takes no value; leave out \"=yes\"");
    EXPECT_EQ(Refusal({"logs", "-o", "json", "a"}), "logs has no flag -o (see --help)");
    EXPECT_EQ(Refusal({"list", "--server", ""}), "--server is empty; leave it out, or write URL");
    EXPECT_EQ(Refusal({"submit", "a.py", "b.py"}),
              "submit takes [SCRIPT] [-- ARGUMENT...], and \"b.py\" is more; arguments of the "
              "script come after --");
}

TEST(Parse, HelpNeedsNothingElse) {
    EXPECT_TRUE(Parse({"--help"}).Has("help"));
    EXPECT_TRUE(Parse({"get", "-h"}).Has("help"));
    EXPECT_EQ(Parse({"help", "submit"}).command->name, "submit");
}

TEST(ParseSpan, Spans) {
    EXPECT_EQ(ParseSpan("90s"), 90);
    EXPECT_EQ(ParseSpan("10m"), 600);
    EXPECT_EQ(ParseSpan("7d"), 7 * 86400);
    EXPECT_EQ(ParseSpan("15"), 15);
    for (const char* wrong : {"", "s", "-1s", "1w", "9999999999d", "1.5h", "99999999999999999999"})
        EXPECT_EQ(ParseSpan(wrong), -1) << wrong;
}

TEST(Help, EveryCommandHasAnExampleThatIsUnderstood) {
    for (const Command& command : Commands()) {
        ASSERT_FALSE(command.examples.empty()) << command.name;
        EXPECT_NE(HelpText(command, "dlws").find(command.examples[0].line), std::string::npos);
        EXPECT_TRUE(command.run) << command.name;
        for (const Example& example : command.examples) {
            std::string line(example.line);
            const std::size_t at = line.rfind("dlws ");
            ASSERT_NE(at, std::string::npos) << line;
            // Of a pipe or a redirection only what the program is given.
            line = line.substr(at + 5);
            line = line.substr(0, std::min(line.find(" > "), line.find(')')));
            if (std::string(example.line).find("(print") != std::string::npos)
                line = std::string(example.line).substr(5);
            const Arguments parsed = Parse(ShellWords(line));
            EXPECT_TRUE(parsed.command == &command || command.name == "stop" ||
                        parsed.command->name == "list")
                << example.line;
        }
    }
}

TEST(Help, NamesAreUnique) {
    for (const Command& command : Commands()) {
        std::string names, letters;
        for (const Flag* flag : FlagsOf(command)) {
            const std::string name = " " + std::string(flag->name) + " ";
            EXPECT_EQ(names.find(name), std::string::npos) << command.name << name;
            names += name;
            if (!flag->letter) continue;
            EXPECT_EQ(letters.find(flag->letter), std::string::npos)
                << command.name << flag->letter;
            letters += flag->letter;
        }
    }
}

TEST(Help, SpeaksAsItIsCalled) {
    const std::string help = HelpText(*FindCommand("why"), "kubectl dlws");
    EXPECT_NE(help.find("  kubectl dlws why digits"), std::string::npos);
    EXPECT_EQ(help.find("  dlws why"), std::string::npos);
}

TEST(Reference, IsWhatTheProgramSays) {
    std::ifstream file(DLWS_SOURCE_DIR "/docs/cli.md");
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_TRUE(text.str() == Reference())
        << "write it anew: build/dev/cli/dlws __reference > docs/cli.md";
}

std::vector<std::string> Words(const std::vector<std::string>& words) {
    return Complete(words).words;
}

TEST(Complete, CommandsFlagsAndWords) {
    EXPECT_EQ(Words({"su"}), (std::vector<std::string>{"submit", "suspend"}));
    EXPECT_EQ(Words({"logs", "--fo"}), std::vector<std::string>{"--follow"});
    EXPECT_EQ(Words({"list", "--phase", "Su"}),
              (std::vector<std::string>{"Suspended", "Succeeded"}));
    EXPECT_EQ(Words({"list", "--phase=Qu"}), std::vector<std::string>{"--phase=Queued"});
    EXPECT_EQ(Words({"list", "--phase", "=", "Qu"}), std::vector<std::string>{"Queued"});
    EXPECT_EQ(Words({"list", "-o", "="}).size(), 5u);
    EXPECT_EQ(Words({"list", "-o", "y"}), std::vector<std::string>{"yaml"});
    EXPECT_EQ(Words({"completion", ""}), (std::vector<std::string>{"bash", "zsh"}));
    EXPECT_TRUE(Words({"nothing", ""}).empty());
}

TEST(Complete, KnowsWhatStandsWhere) {
    EXPECT_TRUE(Complete({"why", "di"}).jobs);
    EXPECT_FALSE(Complete({"why", "--se"}).jobs);
    EXPECT_FALSE(Complete({"logs", "--tail", ""}).jobs);
    EXPECT_TRUE(Complete({"submit", "tra"}).files);
    EXPECT_TRUE(Complete({"submit", "-f", ""}).files);
    EXPECT_TRUE(Complete({"submit", "a.py", "--", "x"}).files);
    EXPECT_FALSE(Complete({"submit", "--name", ""}).files);
}

}  // namespace
}  // namespace dlws::cli
