// SPDX-License-Identifier: Apache-2.0
#include "cli/config.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <boost/json.hpp>
#include <filesystem>
#include <vector>

#include "cli/failure.h"
#include "cli/files.h"
#include "kube/yaml.h"

namespace dlws::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxFile = 1u << 20;

[[noreturn]] void Wrong(const std::string& file, const YAML::Mark& mark, const std::string& why) {
    throw Failure(kCommandLine, mark.is_null()
                                    ? fmt::format("{}: {}", file, why)
                                    : fmt::format("{}: line {}: {}", file, mark.line + 1, why));
}

// An undefined node: there is no such file, or it is empty.
YAML::Node Load(const std::string& file) try {
    const auto text = ReadFileIfThere(file, kMaxFile);
    if (!text) return YAML::Node(YAML::NodeType::Undefined);
    const YAML::Node root = YAML::Load(*text);
    if (root.IsDefined() && !root.IsNull() && !root.IsMap()) Wrong(file, root.Mark(), "is no map");
    return root;
} catch (const YAML::Exception& error) {
    Wrong(file, error.mark, "not YAML: " + error.msg);
}

YAML::Node Child(const YAML::Node& map, const std::string& key) {
    if (!map.IsDefined() || !map.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
    return map[key];
}

std::string Text(const std::string& file, const YAML::Node& map, const std::string& key) {
    const YAML::Node node = Child(map, key);
    if (!node.IsDefined() || node.IsNull()) return "";
    if (!node.IsScalar()) Wrong(file, node.Mark(), key + " must be text");
    return node.Scalar();
}

std::string TokensFile(const std::string& folder) {
    return folder + "/tokens.yaml";
}

YAML::Node LoadTokens(const std::string& folder) {
    const std::string file = TokensFile(folder);
    struct stat about{};
    if (::stat(file.c_str(), &about) == 0 && (about.st_mode & 077) != 0)
        throw Failure(kCommandLine,
                      fmt::format("{0} may be read by others than you; chmod 600 {0}", file));
    return Load(file);
}

void WriteTokens(const std::string& folder, const std::string& server, const Login* login) {
    const YAML::Node old = LoadTokens(folder);
    json::array logins;
    for (const auto& entry : Child(old, "logins")) {
        const std::string other = Text(TokensFile(folder), entry, "server");
        if (other == server) continue;
        json::object kept;
        for (const char* key : {"server", "username", "expiresAt", "token"})
            kept[key] = Text(TokensFile(folder), entry, key);
        logins.push_back(kept);
    }
    if (login)
        logins.push_back({{"server", server},
                          {"username", login->username},
                          {"expiresAt", login->expires_at},
                          {"token", login->token}});
    WritePrivateFile(TokensFile(folder), kube::ToYaml(json::object{{"logins", logins}}));
}

}  // namespace

Config ReadConfig(const std::string& folder) {
    const std::string file = folder + "/config.yaml";
    const YAML::Node root = Load(file);
    if (root.IsDefined() && root.IsMap()) {
        for (const auto& item : root) {
            const std::string key = item.first.Scalar();
            if (key != "server" && key != "caFile" && key != "namespace")
                Wrong(file, item.first.Mark(),
                      fmt::format("there is no setting {}; there are server, caFile, namespace",
                                  key));
        }
    }
    Config config{Text(file, root, "server"), Text(file, root, "caFile"),
                  Text(file, root, "namespace")};
    if (!config.ca_file.empty() && config.ca_file[0] != '/')
        config.ca_file = folder + "/" + config.ca_file;
    return config;
}

void WriteConfig(const std::string& folder, const Config& config) {
    json::object document;
    if (!config.server.empty()) document["server"] = config.server;
    if (!config.ca_file.empty())
        document["caFile"] = std::filesystem::absolute(config.ca_file).string();
    if (!config.ns.empty()) document["namespace"] = config.ns;
    WritePrivateFile(folder + "/config.yaml", kube::ToYaml(document));
}

std::optional<Login> ReadLogin(const std::string& folder, const std::string& server) {
    const std::string file = TokensFile(folder);
    const YAML::Node root = LoadTokens(folder);
    for (const auto& entry : Child(root, "logins")) {
        if (Text(file, entry, "server") != server) continue;
        return Login{Text(file, entry, "token"), Text(file, entry, "username"),
                     Text(file, entry, "expiresAt")};
    }
    return std::nullopt;
}

void WriteLogin(const std::string& folder, const std::string& server, const Login& login) {
    WriteTokens(folder, server, &login);
}

bool ForgetLogin(const std::string& folder, const std::string& server) {
    if (!ReadLogin(folder, server)) return false;
    WriteTokens(folder, server, nullptr);
    return true;
}

namespace {

struct KubeFile {
    std::string path;
    YAML::Node root;
};

// The first entry of that name, and the file it is in.
std::pair<YAML::Node, std::string> Named(const std::vector<KubeFile>& files,
                                         const std::string& list, const std::string& kind,
                                         const std::string& name) {
    for (const KubeFile& file : files)
        for (const auto& entry : Child(file.root, list))
            if (Text(file.path, entry, "name") == name) return {Child(entry, kind), file.path};
    return {YAML::Node(YAML::NodeType::Undefined), ""};
}

std::string WhyNoToken(const YAML::Node& user, const std::string& name) {
    const auto has = [&](const char* key) { return Child(user, key).IsDefined(); };
    const auto because = [&](std::string_view what) {
        return fmt::format("the user {} of the kubeconfig has {}", name, what);
    };
    if (has("exec")) return because("an exec plugin, which dlws does not run");
    if (has("auth-provider")) return because("an auth-provider, which dlws does not know");
    if (has("client-certificate") || has("client-certificate-data"))
        return because("a client certificate, which the portal cannot pass on");
    if (has("username")) return because("a password, which Kubernetes no longer takes");
    return because("no token");
}

}  // namespace

KubeIdentity ReadKubeconfig(const std::string& paths, const std::string& context) {
    std::vector<KubeFile> files;
    for (std::size_t at = 0; at <= paths.size();) {
        const std::size_t end = std::min(paths.find(':', at), paths.size());
        if (end > at) files.push_back({paths.substr(at, end - at), {}});
        at = end + 1;
    }
    KubeIdentity identity;
    identity.context = context;
    for (KubeFile& file : files) {
        file.root.reset(Load(file.path));
        if (identity.context.empty())
            identity.context = Text(file.path, file.root, "current-context");
    }
    if (identity.context.empty()) {
        identity.why_not = "there is no kubeconfig with a current context";
        return identity;
    }
    const auto [chosen, file] = Named(files, "contexts", "context", identity.context);
    if (!chosen.IsDefined()) {
        identity.why_not = fmt::format("the kubeconfig has no context {}", identity.context);
        if (!context.empty())
            throw Failure(kCommandLine, fmt::format("{}: there is no context {}", paths, context));
        return identity;
    }
    identity.ns = Text(file, chosen, "namespace");
    const std::string name = Text(file, chosen, "user");
    const auto [user, user_file] = Named(files, "users", "user", name);
    identity.token = Text(user_file, user, "token");
    // A token in a file wins over the one beside it, as in client-go.
    if (std::string token_file = Text(user_file, user, "tokenFile"); !token_file.empty()) {
        if (token_file[0] != '/')
            token_file = (std::filesystem::absolute(user_file).parent_path() / token_file).string();
        identity.token = ReadFile(token_file, kMaxFile);
    }
    std::erase_if(identity.token, [](unsigned char c) { return c <= ' '; });
    if (identity.token.empty()) identity.why_not = WhyNoToken(user, name);
    return identity;
}

}  // namespace dlws::cli
