// SPDX-License-Identifier: Apache-2.0
#include "model/template_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <map>
#include <set>

#include "model/names.h"

namespace dlws::model {

namespace json = boost::json;

namespace {

using Values = std::map<std::string, std::string>;  // by path

// Items of a list are told apart by their names where they have some: containers[main].
std::string Label(const json::value& item, std::size_t i) {
    if (const json::object* o = item.if_object())
        for (const char* key : {"mountPath", "name", "key", "containerPort"})
            if (const json::value* name = o->if_contains(key)) {
                const std::string text = json::serialize(*name);  // no line ends in it
                return name->is_string() ? text.substr(1, text.size() - 2) : text;
            }
    return std::to_string(i);
}

void Flatten(const json::value& value, const std::string& path, Values& out) {
    if (const json::object* o = value.if_object(); o && !o->empty()) {
        for (const auto& [key, inner] : *o)
            Flatten(
                inner,
                path.empty() ? std::string(key) : fmt::format("{}.{}", path, std::string_view(key)),
                out);
        return;
    }
    if (const json::array* a = value.if_array(); a && !a->empty() && a->front().is_object()) {
        for (std::size_t i = 0; i < a->size(); ++i)
            Flatten((*a)[i], fmt::format("{}[{}]", path, Label((*a)[i], i)), out);
        return;
    }
    // Two items that are named alike are both told.
    std::string at = path;
    for (int n = 2; out.contains(at); ++n)
        at = fmt::format("{}#{}", path, n);
    out[at] = json::serialize(value);
}

// 0: reaches the node; 1: what runs; 2: the rest. By the path alone: what a user writes into a
// value must not push the rest out of sight.
int Rank(std::string_view line) {
    line = line.substr(0, line.find(": "));
    for (const char* rest : {" metadata.", ".env[", "nodeSelector", "tolerations"})
        if (line.find(rest) != std::string_view::npos) return 2;
    constexpr std::array node{".hostNetwork", ".hostPID",      ".hostIPC",
                              "hostPath",     "hostPort",      "securityContext",
                              "dnsPolicy",    "volumeMounts[", "resources.limits"};
    constexpr std::array runs{".image", ".command", ".args", "files "};
    const auto has = [&](const char* word) { return line.find(word) != std::string_view::npos; };
    if (std::ranges::any_of(node, has)) return 0;
    if (std::ranges::any_of(runs, has)) return 1;
    return 2;
}

std::vector<std::string> Lines(const json::value& job, const json::value& plain) {
    Values is, was;
    Flatten(job, "", is);
    Flatten(plain, "", was);
    std::vector<std::string> lines;
    std::set<std::string> paths;
    for (const auto& [path, value] : is)
        paths.insert(path);
    for (const auto& [path, value] : was)
        paths.insert(path);
    for (const std::string& path : paths) {
        const auto now = is.find(path), before = was.find(path);
        if (now != is.end() && before != was.end() && now->second == before->second) continue;
        if (before != was.end()) lines.push_back(fmt::format("- {}: {}", path, before->second));
        if (now != is.end()) lines.push_back(fmt::format("+ {}: {}", path, now->second));
    }
    return lines;
}

std::string Bounded(const std::vector<std::string>& lines) {
    constexpr std::size_t kRoom = 40;  // for the last line
    constexpr std::size_t kLongest = 512;
    std::string text;
    std::size_t told = 0;
    for (const std::string& line : lines) {
        const std::string shown =
            line.size() <= kLongest
                ? line
                : fmt::format("{}… ({} bytes, sha256 {})", line.substr(0, kLongest), line.size(),
                              Sha256Hex(line));
        if (text.size() + shown.size() + 1 + kRoom > kMaxDiff) break;
        text += shown + "\n";
        ++told;
    }
    if (told < lines.size()) text += fmt::format("… and {} more lines", lines.size() - told);
    return text;
}

}  // namespace

std::expected<Rendered, RenderError> RenderPlain(const DLJob& job, const DLCluster& cluster,
                                                 const PodUser& user) {
    DLJob plain;
    plain.meta = job.meta;
    plain.spec.image = "(image)";
    for (const Role& role : job.spec.roles)
        plain.spec.roles.push_back({.name = role.name, .replicas = role.replicas});
    return Render(plain, cluster, user);
}

std::string TemplateDiff(const Rendered& job, const Rendered& plain) {
    // By what differs: the names of the roles of which it is so.
    std::vector<std::pair<std::vector<std::string>, std::string>> groups;
    for (std::size_t r = 0; r < job.roles.size() && r < plain.roles.size(); ++r) {
        json::object mine = job.roles[r].podTemplate, theirs = plain.roles[r].podTemplate;
        // Who it is for is said already, and differs from role to role.
        for (json::object* t : {&mine, &theirs}) {
            t->at("metadata").as_object().erase("ownerReferences");
            t->at("metadata").as_object().at("labels").as_object().erase(kRoleLabel);
            json::array& env =
                t->at("spec").at("containers").at(0).as_object().at("env").as_array();
            env.erase(std::remove_if(env.begin(), env.end(),
                                     [](const json::value& e) {
                                         return std::string_view(e.at("name").as_string()) ==
                                                "DLWS_ROLE";
                                     }),
                      env.end());
        }
        auto lines = Lines(mine, theirs);
        const auto same = std::ranges::find(groups, lines, &decltype(groups)::value_type::first);
        if (same == groups.end())
            groups.emplace_back(std::move(lines), job.roles[r].name);
        else
            same->second += ", " + job.roles[r].name;
    }
    std::vector<std::string> all;
    for (const auto& [lines, roles] : groups)
        for (const std::string& line : lines)
            all.push_back(groups.size() == 1 ? line : fmt::format("[{}] {}", roles, line));
    if (job.files)
        for (const auto& [name, content] : job.files->at("data").as_object())
            all.push_back(fmt::format("+ files {}: {} bytes, sha256 {}", std::string_view(name),
                                      content.as_string().size(),
                                      Sha256Hex(std::string_view(content.as_string()))));
    std::vector<std::string> ranked;
    for (int rank : {0, 1, 2})
        for (const std::string& line : all)
            if (Rank(line) == rank) ranked.push_back(line);
    return Bounded(ranked);
}

std::vector<std::string> MountedObjects(const Rendered& job) {
    std::set<std::string> found;
    const auto add = [&](std::string_view kind, const json::value* name, bool ours) {
        if (name && name->is_string())
            found.insert(fmt::format("{} {}, {}", kind, std::string_view(name->get_string()),
                                     ours ? "of the job, cannot change" : "may change"));
    };
    const std::string files = FilesConfigMapName(job.job);
    const std::string ssh = SshSecretName(job.job, job.jobUid);
    // Whatever names one, wherever it stands.
    const auto look = [&](auto& self, const json::value& value) -> void {
        if (const json::array* a = value.if_array()) {
            for (const json::value& item : *a)
                self(self, item);
            return;
        }
        const json::object* o = value.if_object();
        if (!o) return;
        for (const auto& [key, inner] : *o) {
            const std::string_view k = key;
            const json::object* ref = inner.if_object();
            if (ref && k == "hostPath" && ref->contains("path") && ref->at("path").is_string()) {
                found.insert(fmt::format("Folder {}, may change",
                                         std::string_view(ref->at("path").get_string())));
            } else if (ref && (k == "configMap" || k == "configMapKeyRef" || k == "configMapRef")) {
                const json::value* name = ref->if_contains("name");
                add("ConfigMap", name, name && *name == json::value(files));
            } else if (ref && (k == "secret" || k == "secretKeyRef" || k == "secretRef")) {
                const json::value* name = ref->if_contains("secretName");
                if (!name) name = ref->if_contains("name");
                add("Secret", name, name && *name == json::value(ssh));
            } else if (k == "imagePullSecrets" && inner.is_array()) {
                for (const json::value& item : inner.get_array())
                    if (item.is_object())
                        add("Secret", item.get_object().if_contains("name"), false);
            }
            self(self, inner);
        }
    };
    for (const RenderedRole& role : job.roles)
        look(look, role.podTemplate.at("spec"));
    return {found.begin(), found.end()};
}

}  // namespace dlws::model
