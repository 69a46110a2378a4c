// SPDX-License-Identifier: Apache-2.0
#include "cli/manifest.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <filesystem>

#include "cli/text.h"

namespace dlws::cli {
namespace {

namespace json = boost::json;

[[noreturn]] void Wrong(std::string text) {
    throw Failure(kCommandLine, std::move(text));
}

std::string FileName(const std::string& path) {
    return std::filesystem::path(path).filename().string();
}

json::array Files(const std::vector<SubmittedFile>& files) {
    if (files.size() > kMaxFiles)
        Wrong(
            fmt::format("a job has at most {} files; put the others into the image or on shared "
                        "storage",
                        kMaxFiles));
    json::array list;
    std::size_t bytes = 0;
    for (const SubmittedFile& file : files) {
        const std::string name = FileName(file.path);
        const bool plain = !name.empty() && name.size() <= 128 && !name.starts_with("..") &&
                           std::ranges::all_of(name, [](unsigned char c) {
                               return std::isalnum(c) || c == '-' || c == '_' || c == '.';
                           });
        if (!plain)
            Wrong(
                fmt::format("{}: a file of a job has a plain name of letters, digits, dash, "
                            "underscore and dot; rename it, for example to train.py",
                            Clean(file.path)));
        for (const json::value& other : list)
            if (other.at("name").as_string() == name)
                Wrong(fmt::format("two of the files are named {}; they all lie in /job", name));
        if (!IsUtf8(file.content) || file.content.find('\0') != std::string::npos)
            Wrong(fmt::format("{} is no text in UTF-8; put it into the image or on shared storage",
                              file.path));
        bytes += file.content.size();
        if (bytes > kMaxFileBytes)
            Wrong(
                fmt::format("with {} the job's files are over {} bytes together; put large ones "
                            "into the image or on shared storage",
                            file.path, kMaxFileBytes));
        json::object entry{{"name", name}, {"content", file.content}};
        if (file.content.starts_with("#!")) entry["mode"] = 0555;
        list.push_back(entry);
    }
    return list;
}

json::array Words(const std::string& text) {
    json::array words;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find(' ', at), text.size());
        if (end > at) words.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

json::array CommandOf(const SubmittedFile& script, const std::string& run_with) {
    const std::string path = "/job/" + FileName(script.path);
    json::array command = Words(run_with);
    if (command.empty()) {
        if (path.ends_with(".py"))
            command = {"python3"};
        else if (!script.content.starts_with("#!") && path.ends_with(".sh"))
            command = {"bash"};
        else if (!script.content.starts_with("#!"))
            Wrong(fmt::format("how is {} run? Write --run-with, for example --run-with julia",
                              script.path));
    }
    command.emplace_back(path);
    return command;
}

// generateName from a file's name: what the portal adds makes it a name.
std::string Prefix(const std::string& path) {
    std::string stem = std::filesystem::path(path).stem().string();
    for (char& c : stem)
        c = std::isalnum(static_cast<unsigned char>(c))
                ? static_cast<char>(std::tolower(static_cast<unsigned char>(c)))
                : '-';
    const std::size_t first = stem.find_first_of("abcdefghijklmnopqrstuvwxyz");
    stem = first == std::string::npos ? "job" : stem.substr(first, 30);
    while (stem.ends_with('-'))
        stem.pop_back();
    return stem + "-";
}

json::array Environment(const std::vector<std::string>& settings,
                        const char* (*variable)(const char*)) {
    json::array env;
    for (const std::string& setting : settings) {
        const std::size_t equals = setting.find('=');
        const std::string name = setting.substr(0, equals);
        if (name.empty()) Wrong(fmt::format("--env {}: write --env NAME=VALUE", setting));
        const char* own = equals == std::string::npos ? variable(name.c_str()) : nullptr;
        if (equals == std::string::npos && !own)
            Wrong(fmt::format("--env {0}: it is not set here; write --env {0}=VALUE", name));
        env.push_back({{"name", name}, {"value", own ? own : setting.substr(equals + 1)}});
    }
    return env;
}

// NAME[/PATH]:MOUNT[:ro]
json::array Storages(const std::vector<std::string>& settings) {
    json::array storages;
    for (const std::string& setting : settings) {
        std::string rest = setting;
        const bool read_only = rest.ends_with(":ro");
        if (read_only) rest.resize(rest.size() - 3);
        const std::size_t colon = rest.find(':');
        const std::string what = rest.substr(0, colon);
        const std::size_t slash = what.find('/');
        if (colon == std::string::npos || what.substr(0, slash).empty() ||
            !rest.substr(colon + 1).starts_with('/'))
            Wrong(
                fmt::format("--storage {}: write NAME[/FOLDER]:/WHERE[:ro], for example "
                            "--storage data/digits:/data:ro",
                            setting));
        json::object entry{{"name", what.substr(0, slash)}};
        if (slash != std::string::npos && slash + 1 < what.size())
            entry["path"] = what.substr(slash + 1);
        entry["mountPath"] = rest.substr(colon + 1);
        if (read_only) entry["readOnly"] = true;
        storages.push_back(entry);
    }
    return storages;
}

json::object Role(const Arguments& arguments) {
    json::object role{{"name", "worker"}};
    for (const char* flag : {"replicas", "gpus"})
        if (arguments.Has(flag)) role[flag] = arguments.Number(flag, 0);
    if (arguments.Has("gpu-type")) role["gpuType"] = arguments.Text("gpu-type");
    json::object resources;
    for (const char* flag : {"cpu", "memory", "shm"})
        if (arguments.Has(flag)) resources[flag] = arguments.Text(flag);
    if (!resources.empty()) role["resources"] = resources;
    return role;
}

}  // namespace

json::object MakeManifest(const Arguments& arguments, const std::vector<SubmittedFile>& files,
                          const char* (*variable)(const char*)) {
    const bool script = !arguments.operands.empty();
    if (!script && arguments.rest.empty())
        Wrong("what shall run? Write a script, a command after --, or -f job.yaml");
    if (!arguments.Has("image"))
        Wrong("in which image? Write --image, for example --image python:3.12");

    json::object metadata;
    if (arguments.Has("name"))
        metadata["name"] = arguments.Text("name");
    else
        metadata["generateName"] = Prefix(script ? files[0].path : arguments.rest[0]);

    json::object spec{{"image", arguments.Text("image")}};
    json::array rest(arguments.rest.begin(), arguments.rest.end());
    spec["command"] = script ? CommandOf(files[0], arguments.Text("run-with")) : rest;
    if (script && !rest.empty()) spec["args"] = rest;
    if (arguments.Has("workdir")) spec["workingDir"] = arguments.Text("workdir");
    if (arguments.Has("framework")) spec["framework"] = arguments.Text("framework");
    if (json::object role = Role(arguments); role.size() > 1) spec["roles"] = json::array{role};
    if (arguments.Has("env")) spec["env"] = Environment(arguments.All("env"), variable);
    if (arguments.Has("storage")) spec["storage"] = Storages(arguments.All("storage"));
    if (arguments.Has("retries"))
        spec["retry"] = json::object{{"limit", arguments.Number("retries", 0)}};
    if (arguments.Has("deadline")) spec["activeDeadlineSeconds"] = arguments.Span("deadline", 0);
    if (!files.empty()) spec["files"] = Files(files);
    return {{"apiVersion", "dlworkspace.io/v1"},
            {"kind", "DLJob"},
            {"metadata", metadata},
            {"spec", spec}};
}

ManifestAbout LookAtManifest(const std::string& text, const std::string& source) try {
    const std::size_t begins = text.find_first_not_of(" \t\r\n");
    const std::vector<YAML::Node> documents = YAML::LoadAll(text);
    std::vector<YAML::Node> filled;
    for (const YAML::Node& document : documents)
        if (document.IsDefined() && !document.IsNull()) filled.push_back(document);
    if (filled.empty()) Wrong(fmt::format("{} is empty", source));
    if (filled.size() > 1)
        Wrong(fmt::format("{} holds {} documents; submit each from a file of its own", source,
                          filled.size()));
    const YAML::Node& root = filled[0];
    if (!root.IsMap()) Wrong(fmt::format("{} is no DLJob: it is no map", source));
    ManifestAbout about;
    about.json = begins != std::string::npos && text[begins] == '{';
    if (const YAML::Node metadata = root["metadata"]; metadata && metadata.IsMap()) {
        if (const YAML::Node name = metadata["name"]; name && name.IsScalar())
            about.name = name.Scalar();
        if (const YAML::Node ns = metadata["namespace"]; ns && ns.IsScalar())
            about.ns = ns.Scalar();
    }
    return about;
} catch (const YAML::Exception& error) {
    Wrong(fmt::format("{} is not YAML: {} (line {} of {})", source, error.msg, error.mark.line + 1,
                      source));
}

}  // namespace dlws::cli
