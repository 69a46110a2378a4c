// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.h"

#include <fmt/format.h>

#include "cli/json.h"
#include "cli/session.h"

namespace dlws::cli {
namespace {

// To the shell: complete names of files. No name of ours begins so.
constexpr std::string_view kFilesLine = ":files";

void AddWords(std::vector<std::string>& to, std::string_view words, std::string_view start,
              const std::string& before = "") {
    while (!words.empty()) {
        const std::size_t end = words.find('|');
        if (words.substr(0, end).starts_with(start))
            to.push_back(before + std::string(words.substr(0, end)));
        words = end == std::string_view::npos ? "" : words.substr(end + 1);
    }
}

void AddValues(Candidates& to, const Flag& flag, std::string_view start,
               const std::string& before = "") {
    if (flag.takes == Takes::kWord) AddWords(to.words, flag.value, start, before);
    if (flag.takes == Takes::kFile) to.files = true;
}

// The flag whose value the next word is; null: none.
const Flag* Awaits(const Command& command, std::string_view word) {
    if (word.size() < 2 || word[0] != '-' || word.find('=') != std::string_view::npos)
        return nullptr;
    for (const Flag* flag : FlagsOf(command)) {
        const bool named = word.starts_with("--") ? word.substr(2) == flag->name
                                                  : word.back() == flag->letter && word.size() == 2;
        if (named) return flag->takes == Takes::kNothing ? nullptr : flag;
    }
    return nullptr;
}

constexpr std::string_view kBash =
    R"(# bash completion of @PROGRAM@: source <(@PROGRAM@ completion bash)
_@FUNCTION@() {
    local line word="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    while IFS= read -r line; do
        if [ "$line" = ":files" ]; then
            compopt -o filenames 2>/dev/null
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$word")
        else
            COMPREPLY+=("$line")
        fi
    done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _@FUNCTION@ @PROGRAM@
)";

constexpr std::string_view kZsh = R"(#compdef @PROGRAM@
# zsh completion of @PROGRAM@: save as _@PROGRAM@ in a folder of $fpath
_@FUNCTION@() {
    local -a found
    found=("${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if (( ${found[(Ie):files]} )); then
        found=("${(@)found:#:files}")
        _files
    fi
    found=("${(@)found:#}")
    (( ${#found} )) && compadd -- "${found[@]}"
}
if [ "$funcstack[1]" = "_@FUNCTION@" ]; then _@FUNCTION@ "$@"; else compdef _@FUNCTION@ @PROGRAM@; fi
)";

std::string Replaced(std::string_view text, std::string_view what, std::string_view by) {
    std::string out(text);
    for (std::size_t at = 0; (at = out.find(what, at)) != std::string::npos; at += by.size())
        out.replace(at, what.size(), by);
    return out;
}

}  // namespace

Candidates Complete(const std::vector<std::string>& as_split) {
    Candidates found;
    std::vector<std::string> words = as_split;
    // bash makes three words of --phase=Queued.
    if (!words.empty() && words.back() == "=") words.back().clear();
    std::erase(words, "=");
    const std::string last = words.empty() ? "" : words.back();
    if (words.size() < 2) {
        for (const Command& command : Commands())
            if (command.name.starts_with(last)) found.words.emplace_back(command.name);
        return found;
    }
    const Command* command =
        FindCommand(words[0] == "help" && words.size() > 2 ? words[1] : words[0]);
    if (!command) return found;
    for (std::size_t i = 1; i + 1 < words.size(); ++i)
        if (words[i] == "--") {
            found.files = true;
            return found;
        }
    if (const Flag* flag = Awaits(*command, words[words.size() - 2])) {
        AddValues(found, *flag, last);
    } else if (const std::size_t equals = last.find('=');
               last.starts_with("--") && equals != std::string::npos) {
        if (const Flag* named = FindFlag(*command, last.substr(2, equals - 2)))
            AddValues(found, *named, last.substr(equals + 1), last.substr(0, equals + 1));
    } else if (last.starts_with('-')) {
        for (const Flag* flag : FlagsOf(*command))
            if (const std::string name = "--" + std::string(flag->name); name.starts_with(last))
                found.words.push_back(name);
    } else {
        found.jobs = command->completes_jobs;
        found.files = command->takes_rest;
        if (command->name == "completion") AddWords(found.words, command->operands, last);
        if (command->name == "top") AddWords(found.words, "nodes", last);
    }
    return found;
}

namespace {

void AddJobs(const World& world, const std::vector<std::string>& words, Candidates& found) {
    Arguments arguments;  // a namespace on the line counts, nothing else
    for (std::size_t i = 1; i + 2 < words.size(); ++i)
        if (words[i] == "-n" || words[i] == "--namespace") arguments.Set("namespace", words[i + 1]);
    Session session(world, arguments);
    HttpClient::Settings settings = session.portal().settings();
    settings.silence = std::chrono::seconds(2);
    settings.whole_answer = std::chrono::seconds(2);
    HttpRequest request;
    std::vector<std::pair<std::string, std::string>> query{{"mine", "true"}, {"limit", "500"}};
    if (session.ns_given) query.emplace_back("namespace", session.ns);
    request.path = WithQuery("/api/v1/jobs", query);
    const HttpReply reply = HttpClient(settings).Send(request);
    if (!reply.ok()) return;
    const json::value answer = json::parse(reply.body);
    for (const json::value& row : ListAt(answer, "items")) {
        const std::string ns = TextAt(row, "namespace"), name = TextAt(row, "name");
        const std::string shown = ns == session.ns ? name : ns + "/" + name;
        if (shown.starts_with(words.back())) found.words.push_back(shown);
    }
}

}  // namespace

int PrintCandidates(const World& world, const std::vector<std::string>& words) {
    Candidates found = Complete(words);
    try {
        if (found.jobs) AddJobs(world, words, found);
    } catch (const Failure&) {         // no settings, no login
    } catch (const std::exception&) {  // no JSON
    }
    for (const std::string& word : found.words)
        if (word.find_first_of("\n\r\t\x1b") == std::string::npos)
            fmt::print(world.out, "{}\n", word);
    if (found.files) fmt::print(world.out, "{}\n", kFilesLine);
    return kOk;
}

std::string CompletionScript(std::string_view shell, std::string_view program) {
    const std::string script = Replaced(shell == "zsh" ? kZsh : kBash, "@PROGRAM@", program);
    return Replaced(script, "@FUNCTION@", Replaced(program, "-", "_"));
}

}  // namespace dlws::cli
