// SPDX-License-Identifier: Apache-2.0
#include "cli/options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace dlws::cli {
namespace {

std::vector<std::string> Split(std::string_view text, char at) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t end = text.find(at);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::optional<long long> WholeNumber(std::string_view text) {
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

[[noreturn]] void Wrong(std::string text) {
    throw Failure(kCommandLine, std::move(text));
}

std::size_t Distance(std::string_view a, std::string_view b) {  // Levenshtein
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

std::string Nearest(std::string_view word, const std::vector<std::string_view>& known,
                    std::string_view before = "") {
    const auto best =
        std::ranges::min_element(known, {}, [&](std::string_view k) { return Distance(word, k); });
    if (best == known.end() || Distance(word, *best) > 1 + word.size() / 4) return "";
    return fmt::format("; did you mean {}{}?", before, *best);
}

void CheckValue(const Flag& flag, const std::string& value) {
    if (value.find('\0') != std::string::npos) Wrong(fmt::format("--{} has a NUL", flag.name));
    if (flag.takes == Takes::kNumber) {
        const auto number = WholeNumber(value);
        if (!number || *number < flag.least || *number > flag.greatest)
            Wrong(fmt::format("--{} must be a whole number from {} to {}, not \"{}\"", flag.name,
                              flag.least, flag.greatest, value));
    } else if (flag.takes == Takes::kSpan) {
        if (ParseSpan(value) < 0)
            Wrong(fmt::format("--{} must be a span of time such as 90s, 10m, 8h or 7d, not \"{}\"",
                              flag.name, value));
    } else if (flag.takes == Takes::kWord) {
        const auto words = Split(flag.value, '|');
        if (std::ranges::find(words, value) == words.end())
            Wrong(fmt::format("--{} must be one of {}, not \"{}\"", flag.name,
                              fmt::join(words, ", "), value));
    } else if (value.empty() && flag.takes != Takes::kNothing) {
        Wrong(fmt::format("--{} is empty; leave it out, or write {}", flag.name, flag.value));
    }
}

void Put(Arguments& arguments, const Flag& flag, std::string value) {
    if (!flag.many && arguments.Has(flag.name))
        Wrong(fmt::format("--{} is there twice", flag.name));
    CheckValue(flag, value);
    arguments.Set(flag.name, std::move(value));
}

// One command line, read from left to right.
class Reader {
  public:
    explicit Reader(const std::vector<std::string>& args) : args_(args) {}

    Arguments Read() {
        while (at_ < args_.size()) {
            const std::string& arg = args_[at_++];
            if (arg == "--") {
                result_.has_rest = true;
                result_.rest.assign(args_.begin() + static_cast<std::ptrdiff_t>(at_), args_.end());
                break;
            }
            if (arg.starts_with("--"))
                Long(arg);
            else if (arg.size() > 1 && arg[0] == '-')
                Short(arg);
            else if (!result_.command)
                ChooseCommand(arg);
            else
                result_.operands.push_back(arg);
        }
        if (!result_.Has("help") && !result_.Has("version")) CheckOperands();
        return std::move(result_);
    }

  private:
    void ChooseCommand(const std::string& name) {
        result_.command = FindCommand(name);
        if (result_.command) return;
        std::vector<std::string_view> names;
        for (const Command& command : Commands())
            names.push_back(command.name);
        Wrong(fmt::format("there is no command \"{}\"{} (see --help)", name, Nearest(name, names)));
    }

    const Flag* Known(std::string_view name) const {
        if (result_.command) return FindFlag(*result_.command, name);
        const auto found = std::ranges::find(CommonFlags(), name, &Flag::name);
        return found == CommonFlags().end() ? nullptr : &*found;
    }

    std::string Of() const {
        return result_.command ? fmt::format("{} has", result_.command->name) : "there is";
    }

    std::string Value(const Flag& flag) {
        if (at_ < args_.size()) return args_[at_++];
        Wrong(fmt::format("--{} needs a value: {}", flag.name, flag.value));
    }

    void Long(std::string_view arg) {
        arg.remove_prefix(2);
        const std::size_t equals = arg.find('=');
        const std::string_view name = arg.substr(0, equals);
        const Flag* flag = Known(name);
        if (!flag) {
            std::vector<std::string_view> names;
            if (result_.command)
                for (const Flag* known : FlagsOf(*result_.command))
                    names.push_back(known->name);
            Wrong(fmt::format("{} no flag --{}{} (see {}--help)", Of(), name,
                              Nearest(name, names, "--"),
                              result_.command ? std::string(result_.command->name) + " " : ""));
        }
        if (flag->takes == Takes::kNothing) {
            if (equals != std::string_view::npos)
                Wrong(
                    fmt::format("--{} takes no value; leave out \"{}\"", name, arg.substr(equals)));
            Put(result_, *flag, "true");
        } else {
            Put(result_, *flag,
                equals == std::string_view::npos ? Value(*flag)
                                                 : std::string(arg.substr(equals + 1)));
        }
    }

    // "-Af" is "-A -f"; "-nvision" is "-n vision".
    void Short(std::string_view arg) {
        arg.remove_prefix(1);
        while (!arg.empty()) {
            const char letter = arg[0];
            arg.remove_prefix(1);
            const Flag* flag = nullptr;
            if (result_.command) {
                for (const Flag* known : FlagsOf(*result_.command))
                    if (known->letter == letter) flag = known;
            } else {
                const auto found = std::ranges::find(CommonFlags(), letter, &Flag::letter);
                if (found != CommonFlags().end()) flag = &*found;
            }
            if (!flag) Wrong(fmt::format("{} no flag -{} (see --help)", Of(), letter));
            if (flag->takes == Takes::kNothing) {
                Put(result_, *flag, "true");
                continue;
            }
            if (arg.starts_with('=')) arg.remove_prefix(1);
            Put(result_, *flag, arg.empty() ? Value(*flag) : std::string(arg));
            return;
        }
    }

    void CheckOperands() {
        const Command* command = result_.command;
        if (!command) Wrong("which command? See --help.");
        const int count = static_cast<int>(result_.operands.size());
        if (count < command->least_operands)
            Wrong(fmt::format("{0} needs {1}; for example: {2}", command->name, command->operands,
                              command->examples[0].line));
        if (command->most_operands >= 0 && count > command->most_operands)
            Wrong(fmt::format(
                "{} takes {}, and \"{}\" is more{}", command->name,
                command->most_operands == 0 ? "nothing" : std::string(command->operands),
                result_.operands[static_cast<std::size_t>(command->most_operands)],
                command->takes_rest ? "; arguments of the script come after --" : ""));
        if (result_.has_rest && !command->takes_rest)
            Wrong(fmt::format("{} takes nothing after --", command->name));
    }

    const std::vector<std::string>& args_;
    std::size_t at_ = 0;
    Arguments result_;
};

}  // namespace

std::string Arguments::Text(std::string_view flag, std::string_view otherwise) const {
    const auto found = values_.find(flag);
    return found == values_.end() ? std::string(otherwise) : found->second.back();
}

std::vector<std::string> Arguments::All(std::string_view flag) const {
    const auto found = values_.find(flag);
    return found == values_.end() ? std::vector<std::string>() : found->second;
}

long long Arguments::Number(std::string_view flag, long long otherwise) const {
    return WholeNumber(Text(flag)).value_or(otherwise);
}

long long Arguments::Span(std::string_view flag, long long otherwise) const {
    return Has(flag) ? ParseSpan(Text(flag)) : otherwise;
}

const Command* FindCommand(std::string_view name) {
    const auto found = std::ranges::find(Commands(), name, &Command::name);
    return found == Commands().end() ? nullptr : &*found;
}

std::vector<const Flag*> FlagsOf(const Command& command) {
    std::vector<const Flag*> flags;
    for (const Flag& flag : command.flags)
        flags.push_back(&flag);
    if (command.prints) flags.push_back(&OutputFlag());
    for (const Flag& flag : CommonFlags())
        flags.push_back(&flag);
    return flags;
}

const Flag* FindFlag(const Command& command, std::string_view name) {
    for (const Flag* flag : FlagsOf(command))
        if (flag->name == name) return flag;
    return nullptr;
}

Arguments Parse(const std::vector<std::string>& args) {
    // "dlws help submit" is "dlws submit --help".
    if (!args.empty() && args[0] == "help") {
        std::vector<std::string> instead(args.begin() + 1, args.end());
        instead.emplace_back("--help");
        return Reader(instead).Read();
    }
    return Reader(args).Read();
}

long long ParseSpan(std::string_view text) {
    if (text.empty()) return -1;
    long long unit = 1;
    switch (text.back()) {
        case 's':
            unit = 1;
            break;
        case 'm':
            unit = 60;
            break;
        case 'h':
            unit = 3600;
            break;
        case 'd':
            unit = 86400;
            break;
        default:
            unit = 0;
    }
    const auto number = WholeNumber(unit == 0 ? text : text.substr(0, text.size() - 1));
    constexpr long long kMost = 10LL * 365 * 86400;
    if (!number || *number < 0 || *number > kMost) return -1;
    const long long seconds = *number * std::max(unit, 1LL);
    return seconds > kMost ? -1 : seconds;
}

}  // namespace dlws::cli
