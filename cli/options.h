// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/failure.h"

/// @file
/// The command line: what commands and flags there are is a table (command_table.cc), from which
/// reading, `--help`, completion and docs/cli.md are made. Pure.

namespace dlws::cli {

enum class Takes { kNothing, kText, kNumber, kWord, kSpan, kFile };

struct Flag {
    std::string_view name;       ///< without dashes
    char letter = 0;             ///< 0: none
    Takes takes = Takes::kText;  ///< kSpan: "90s", "10m", "8h", "7d"
    std::string_view value =
        {};  ///< of kWord the words with '|' between; else its name in the help
    std::string_view help = {};
    bool many = false;       ///< may be given several times
    long long least = 0;     ///< of kNumber
    long long greatest = 0;  ///< of kNumber
};

struct Example {
    std::string_view line;  ///< as it is typed, with the program's name
    std::string_view says = {};
};

struct Session;

struct Command {
    std::string_view name;
    std::string_view operands;  ///< as in the help: "JOB..."
    std::string_view summary;
    std::string_view text = {};  ///< more of the help, whole lines
    std::span<const Flag> flags;
    std::span<const Example> examples;
    int least_operands = 0;
    int most_operands = 0;        ///< -1: as many as there are
    bool takes_rest = false;      ///< what follows "--" is kept apart
    bool completes_jobs = false;  ///< operands are names of jobs
    bool prints = true;           ///< has -o
    int (*run)(Session&) = nullptr;
};

/// A command line that was understood.
class Arguments {
  public:
    const Command* command = nullptr;
    std::vector<std::string> operands;
    std::vector<std::string> rest;  ///< after "--"
    bool has_rest = false;

    bool Has(std::string_view flag) const { return values_.contains(flag); }
    /// The last value given.
    std::string Text(std::string_view flag, std::string_view otherwise = "") const;
    std::vector<std::string> All(std::string_view flag) const;
    long long Number(std::string_view flag, long long otherwise) const;
    /// Seconds.
    long long Span(std::string_view flag, long long otherwise) const;

    void Set(std::string_view flag, std::string value) {
        values_[std::string(flag)].push_back(std::move(value));
    }

  private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

/// All commands, in the order of the help.
std::span<const Command> Commands();
/// Flags that every command has.
std::span<const Flag> CommonFlags();
/// The flag -o, of commands that print.
const Flag& OutputFlag();
/// Null: there is none.
const Command* FindCommand(std::string_view name);
/// A flag of the command by its name; null: it has none.
const Flag* FindFlag(const Command& command, std::string_view name);
/// All flags of a command, its own first.
std::vector<const Flag*> FlagsOf(const Command& command);

/// `args` without the program's name. Throws a Failure (kCommandLine) that says what to write
/// instead. `--help` and `--version` are flags of the answer and excuse what else is missing.
Arguments Parse(const std::vector<std::string>& args);

/// "90s", "10m", "8h", "7d" or whole seconds; -1: it is none of them.
long long ParseSpan(std::string_view text);

/// `program` is "dlws" or "kubectl dlws", which replaces the first word of the examples.
std::string HelpText(std::string_view program);
std::string HelpText(const Command& command, std::string_view program);
/// docs/cli.md.
std::string Reference();

}  // namespace dlws::cli
