// SPDX-License-Identifier: Apache-2.0
#include "kube/kubeconfig.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <map>
#include <set>

#include "kube/base64.h"
#include "kube/config_files.h"

namespace dlws::kube::internal {
namespace {

/// Thrown within this file only, so that the reading code can be read.
struct Refusal {
    std::string message;
};

/// A node with the words for where it is: "FILE: line 7: users[0].user".
struct Place {
    YAML::Node node;
    std::string file;
    std::string path;

    explicit operator bool() const { return node.IsDefined() && !node.IsNull(); }

    [[noreturn]] void Refuse(const std::string& why) const {
        const YAML::Mark mark = node.IsDefined() ? node.Mark() : YAML::Mark::null_mark();
        const std::string line =
            mark.is_null() ? std::string() : fmt::format("line {}: ", mark.line + 1);
        throw Refusal{fmt::format("{}: {}{}{}{}", file, line, path, path.empty() ? "" : " ", why)};
    }

    Place operator[](const std::string& key) const {
        if (!node.IsDefined() || node.IsNull())
            return {YAML::Node(YAML::NodeType::Undefined), file,
                    path.empty() ? key : path + "." + key};
        if (!node.IsMap()) Refuse("must be a map");
        // Through a const reference: yaml-cpp's other operator[] would add the key.
        const YAML::Node& map = node;
        return {map[key], file, path.empty() ? key : path + "." + key};
    }

    std::string Text() const {
        if (!*this) return "";
        if (!node.IsScalar()) Refuse("must be a string");
        return node.Scalar();
    }

    bool Flag() const {
        const std::string text = Text();
        if (text.empty() || text == "false") return false;
        if (text == "true") return true;
        Refuse(fmt::format("is '{}': write true or false", text));
    }

    /// A file name, made relative to the kubeconfig's own folder.
    std::string File() const {
        std::string text = Text();
        if (text.empty() || text.front() == '/') return text;
        return (std::filesystem::absolute(file).parent_path() / text).lexically_normal().string();
    }

    std::string Base64() const {
        const auto bytes = DecodeBase64(Text());
        if (!bytes) Refuse(fmt::format("is {}", bytes.error().message));
        return *bytes;
    }
};

/// yaml-cpp keeps the last of two equal keys and expands aliases on every visit: both are refused
/// before anything is read.
class TreeCheck {
  public:
    explicit TreeCheck(std::string file) : file_(std::move(file)) {}

    void Visit(const YAML::Node& node, int depth) {
        const Place here{node, file_, ""};
        if (++nodes_ > Kubeconfig::kMaxNodes || depth > Kubeconfig::kMaxDepth) {
            here.Refuse("more nodes or deeper nesting than a kubeconfig can have");
        }
        if (node.IsMap()) {
            std::set<std::string> keys;
            for (const auto& entry : node) {
                if (!entry.first.IsScalar()) here.Refuse("a key must be a string");
                if (!keys.insert(entry.first.Scalar()).second) {
                    Place{entry.first, file_, ""}.Refuse(
                        fmt::format("the key '{}' is there twice", entry.first.Scalar()));
                }
                Visit(entry.second, depth + 1);
            }
        } else if (node.IsSequence()) {
            for (const auto& item : node)
                Visit(item, depth + 1);
        }
    }

  private:
    std::string file_;
    int nodes_ = 0;
};

void ReadServer(const Place& server, Config& config) {
    const std::string url = server.Text();
    const auto wrong = [&](std::string_view why) {
        server.Refuse(
            fmt::format("is '{}': {}; write for example https://10.0.0.1:6443", url, why));
    };
    if (url.empty()) {
        server.Refuse(
            "is missing: write the URL of the API server, for example "
            "https://10.0.0.1:6443");
    }
    std::string_view rest = url;
    const auto begins = [&](std::string_view prefix) {
        if (!rest.starts_with(prefix)) return false;
        rest.remove_prefix(prefix.size());
        return true;
    };
    if (begins("https://")) {
        config.tls = true;
    } else if (begins("http://")) {
        config.tls = false;
    } else {
        wrong("it does not begin with https:// (or http://)");
    }
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    std::string_view authority = rest.substr(0, slash);
    std::string_view path = rest.substr(slash);
    if (url.find_first_of("?#@ ") != std::string::npos) {
        wrong("it may have neither a query nor a user nor spaces");
    }
    while (path.ends_with('/'))
        path.remove_suffix(1);
    config.base_path = path;
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) wrong("the bracket is not closed");
        config.host = authority.substr(1, end - 1);
        authority.remove_prefix(end + 1);
    } else {
        const std::size_t colon = std::min(authority.find(':'), authority.size());
        config.host = authority.substr(0, colon);
        authority.remove_prefix(colon);
        if (authority.rfind(':') != 0 && !authority.empty()) {
            wrong("an IPv6 address must be in brackets");
        }
    }
    config.port = config.tls ? "443" : "80";
    if (authority.starts_with(':')) {
        config.port = authority.substr(1);
    } else if (!authority.empty()) {
        wrong("something is between the address and the port");
    }
    if (config.host.empty()) wrong("it has no host");
    if (config.port.empty() || config.port.size() > 5 ||
        config.port.find_first_not_of("0123456789") != std::string::npos ||
        std::stoi(config.port) < 1 || std::stoi(config.port) > 65535) {
        wrong("its port is no number from 1 to 65535");
    }
}

void ReadCluster(const Place& cluster, Config& config) {
    ReadServer(cluster["server"], config);
    if (cluster["proxy-url"]) {
        cluster["proxy-url"].Refuse("is not supported: remove it, or reach the server directly");
    }
    config.tls_server_name = cluster["tls-server-name"].Text();
    config.insecure_skip_verify = cluster["insecure-skip-tls-verify"].Flag();
    config.ca_pem = cluster["certificate-authority-data"].Base64();
    if (config.ca_pem.empty()) config.ca_file = cluster["certificate-authority"].File();
    if (config.insecure_skip_verify && (!config.ca_pem.empty() || !config.ca_file.empty())) {
        cluster["insecure-skip-tls-verify"].Refuse(
            "is true, but there is a certificate-authority too: remove one of them");
    }
}

ExecPlugin ReadExec(const Place& exec) {
    ExecPlugin plugin;
    plugin.api_version = exec["apiVersion"].Text();
    if (plugin.api_version != "client.authentication.k8s.io/v1" &&
        plugin.api_version != "client.authentication.k8s.io/v1beta1") {
        exec["apiVersion"].Refuse(fmt::format(
            "is '{}': write client.authentication.k8s.io/v1 (or v1beta1)", plugin.api_version));
    }
    plugin.command = exec["command"].Text();
    if (plugin.command.empty()) exec["command"].Refuse("is missing: write the program to run");
    // A name with a slash is relative to the kubeconfig, one without is looked up in PATH.
    if (plugin.command.find('/') != std::string::npos) plugin.command = exec["command"].File();
    if (const Place args = exec["args"]) {
        if (!args.node.IsSequence()) args.Refuse("must be a list");
        for (std::size_t i = 0; i < args.node.size(); ++i) {
            plugin.args.push_back(
                Place{args.node[i], args.file, fmt::format("{}[{}]", args.path, i)}.Text());
        }
    }
    if (const Place env = exec["env"]) {
        if (!env.node.IsSequence()) env.Refuse("must be a list of name and value");
        for (std::size_t i = 0; i < env.node.size(); ++i) {
            const Place entry{env.node[i], env.file, fmt::format("{}[{}]", env.path, i)};
            const std::string name = entry["name"].Text();
            if (name.empty() || name.find('=') != std::string::npos) {
                entry["name"].Refuse("must be the name of an environment variable");
            }
            plugin.env[name] = entry["value"].Text();
        }
    }
    plugin.install_hint = exec["installHint"].Text();
    plugin.provide_cluster_info = exec["provideClusterInfo"].Flag();
    if (exec["interactiveMode"].Text() == "Always") {
        exec["interactiveMode"].Refuse("is Always, but there is nobody at a terminal here");
    }
    return plugin;
}

void ReadUser(const Place& user, Config& config) {
    for (const char* name : {"as", "as-uid", "as-groups", "as-user-extra"}) {
        if (user[name]) user[name].Refuse("is not supported: impersonation is never used here");
    }
    if (user["auth-provider"]) {
        user["auth-provider"].Refuse(
            "is not supported (Kubernetes removed it in 1.26): use an exec plugin");
    }
    config.client_cert_pem = user["client-certificate-data"].Base64();
    if (config.client_cert_pem.empty()) config.client_cert_file = user["client-certificate"].File();
    config.client_key_pem = user["client-key-data"].Base64();
    if (config.client_key_pem.empty()) config.client_key_file = user["client-key"].File();
    const bool certificate = !config.client_cert_pem.empty() || !config.client_cert_file.empty();
    const bool key = !config.client_key_pem.empty() || !config.client_key_file.empty();
    if (certificate && !key) user["client-key"].Refuse("is missing: there is a client-certificate");
    if (key && !certificate) {
        user["client-certificate"].Refuse("is missing: there is a client-key");
    }
    config.token = Trimmed(user["token"].Text());
    config.token_file = user["tokenFile"].File();
    config.username = user["username"].Text();
    config.password = user["password"].Text();
    if (const Place exec = user["exec"]) config.exec = ReadExec(exec);
}

}  // namespace

struct Kubeconfig::Data {
    struct List {
        const char* plural;
        const char* singular;
        std::map<std::string, Place> entries;
    };
    std::string files;
    Place current_context;
    List clusters{"clusters", "cluster", {}};
    List users{"users", "user", {}};
    List contexts{"contexts", "context", {}};

    static void Merge(const Place& root, List& into) {
        const Place list = root[into.plural];
        if (!list) return;
        if (!list.node.IsSequence()) list.Refuse("must be a list");
        std::set<std::string> seen;
        for (std::size_t i = 0; i < list.node.size(); ++i) {
            const Place entry{list.node[i], list.file, fmt::format("{}[{}]", list.path, i)};
            const std::string name = entry["name"].Text();
            if (name.empty()) entry["name"].Refuse("is missing");
            if (!seen.insert(name).second) {
                entry["name"].Refuse(fmt::format("'{}' is there twice", name));
            }
            into.entries.emplace(name, entry[into.singular]);
        }
    }

    const Place& Find(const List& list, const std::string& name,
                      const std::string& wanted_by) const {
        const auto found = list.entries.find(name);
        if (found == list.entries.end()) {
            std::string names;
            for (const auto& [other, place] : list.entries) {
                names += (names.empty() ? "" : ", ") + other;
            }
            throw Refusal{fmt::format("{}: {} '{}'{} does not exist; there is: {}", files,
                                      list.singular, name, wanted_by,
                                      names.empty() ? "none" : names)};
        }
        return found->second;
    }
};

Kubeconfig::Kubeconfig() : data_(std::make_unique<Data>()) {}
Kubeconfig::~Kubeconfig() = default;

Result<void> Kubeconfig::AddFile(const std::string& path) try {
    auto text = ReadSmallFile(path, kMaxBytes);
    if (!text) return std::unexpected(text.error());
    if (text->find('\0') != std::string::npos) throw Refusal{path + ": it is not text"};
    const Place root{YAML::Load(*text), path, ""};
    if (!root) throw Refusal{path + ": it is empty"};
    if (!root.node.IsMap()) root.Refuse("a kubeconfig is a map with clusters, users and contexts");
    TreeCheck(path).Visit(root.node, 0);
    const std::string kind = root["kind"].Text();
    if (!kind.empty() && kind != "Config") {
        root["kind"].Refuse(fmt::format("is '{}': that is no kubeconfig (kind: Config)", kind));
    }
    data_->files += (data_->files.empty() ? "" : ":") + path;
    if (!data_->current_context && !root["current-context"].Text().empty()) {
        data_->current_context = root["current-context"];
    }
    Data::Merge(root, data_->clusters);
    Data::Merge(root, data_->users);
    Data::Merge(root, data_->contexts);
    return {};
} catch (const Refusal& refusal) {
    return std::unexpected(Error{.kind = ErrorKind::kInvalidArgument, .message = refusal.message});
} catch (const YAML::Exception& exception) {
    return std::unexpected(Error{
        .kind = ErrorKind::kInvalidArgument,
        .message = exception.mark.is_null() ? fmt::format("{}: not YAML: {}", path, exception.msg)
                                            : fmt::format("{}: line {}: not YAML: {}", path,
                                                          exception.mark.line + 1, exception.msg)});
}

Result<Config> Kubeconfig::Resolve(const std::string& context) const try {
    const std::string name = context.empty() ? data_->current_context.Text() : context;
    if (name.empty()) {
        throw Refusal{fmt::format(
            "{}: current-context is not set: set it, or say which context to use", data_->files)};
    }
    const std::string wanted = fmt::format(" (wanted by context '{}')", name);
    const Place& chosen = data_->Find(data_->contexts, name, "");
    const std::string cluster_name = chosen["cluster"].Text();
    if (cluster_name.empty()) {
        chosen["cluster"].Refuse("is missing: write the name of one of the clusters");
    }
    Config config;
    ReadCluster(data_->Find(data_->clusters, cluster_name, wanted), config);
    const std::string user_name = chosen["user"].Text();
    if (!user_name.empty()) ReadUser(data_->Find(data_->users, user_name, wanted), config);
    const std::string ns = chosen["namespace"].Text();
    if (!ns.empty()) config.default_namespace = ns;
    return config;
} catch (const Refusal& refusal) {
    return std::unexpected(Error{.kind = ErrorKind::kInvalidArgument, .message = refusal.message});
} catch (const YAML::Exception& exception) {
    return std::unexpected(Error{.kind = ErrorKind::kInvalidArgument,
                                 .message = fmt::format("{}: {}", data_->files, exception.what())});
}

}  // namespace dlws::kube::internal
