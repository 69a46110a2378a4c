// SPDX-License-Identifier: Apache-2.0
#include "model/samba.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "model/decode.h"

namespace dlws::model {
namespace {

constexpr std::string_view kGlobal = R"([global]
netbios name = {computer}
server string = DLWorkspace
smb ports = {port}
disable netbios = yes

# SMB 3 and encrypted, or not at all. Nobody is a guest, and nobody is root.
server min protocol = SMB3_11
server smb encrypt = required
server signing = mandatory
map to guest = never
restrict anonymous = 2
# Passwords are set in Secrets, not by clients (SAMR): the program that would have to agree is not there.
check password script = /nonexistent
usershare max shares = 0
invalid users = root
access based share enum = yes

# A link that leads out of its share leads nowhere.
wide links = no
allow insecure wide links = no

# Jobs change the same files on other machines: no client keeps a copy that it believes to be current.
oplocks = no
level2 oplocks = no
smb2 leases = no
kernel oplocks = no

# Programs start from a share, as from a disk, whatever their mode is.
acl allow execute always = yes

# Nothing that a network file system may not be able to keep.
ea support = no
store dos attributes = no
map archive = no
map readonly = no
create mask = 0644
directory mask = 0755

# No printers.
load printers = no
printing = bsd
printcap name = /dev/null
disable spoolss = yes

max smbd processes = 1000
deadtime = 60
# Failed logins are told.
log level = 1 auth_audit:2
)";

constexpr std::string_view kStandalone = R"(
server role = standalone server
workgroup = WORKGROUP
passdb backend = tdbsam
)";

// Accounts of the domain that are no DLUsers get numbers above those of all DLUsers, and no share.
constexpr std::string_view kMember = R"(
security = ads
realm = {realm}
workgroup = {workgroup}
username map = {folder}/users.map
min domain uid = 1
idmap config * : backend = tdb
idmap config * : range = 3000000000-3999999999
)";

// In one line, whatever came in.
std::string Comment(std::string text) {
    std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == '\\'; }, '?');
    return fmt::format("\n# {}\n", text);
}

std::string Lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; });
    return text;
}

// Why the storage is not shown, if it is not; `taken`: the names of those before it.
std::string ShareProblem(const Storage& storage, const std::set<std::string>& taken) {
    static const std::set<std::string> kReserved{"global", "homes", "printers"};
    const std::string name = Lower(storage.share);
    if (!storage.problem.empty()) return storage.problem;
    if (storage.kind != StorageKind::HostMount)
        return "only a storage of kind HostMount can be a share";
    if (kReserved.contains(name)) return "the name means something else to Samba; choose another";
    if (!std::ranges::all_of(name, [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
        }))
        return "its name has other characters than letters, digits, '-', '_' and '.'";
    // Whoever may mount it in jobs is known by namespace, and SMB knows none.
    if (!storage.namespaces.empty())
        return "it is for the jobs of some namespaces, and SMB would show it to every user";
    if (taken.contains(name)) return "another storage has this share already";
    // To Samba '%' begins a variable, a backslash at the end goes on with the next line.
    const std::string folder = HostFolder(storage);
    if (folder.find_first_of("%\\\"") != std::string::npos ||
        std::ranges::any_of(folder, [](unsigned char c) { return c < 0x20; }))
        return "its path has a '%', '\\', '\"' or control character, which Samba cannot take";
    return "";
}

// Each storage that says it is a share, and why it is not shown.
std::vector<std::pair<const Storage*, std::string>> AskedFor(const DLCluster& cluster) {
    std::vector<std::pair<const Storage*, std::string>> all;
    std::set<std::string> taken;
    for (const Storage& storage : cluster.storages) {
        if (storage.share.empty()) continue;
        all.emplace_back(&storage, ShareProblem(storage, taken));
        if (all.back().second.empty()) taken.insert(Lower(storage.share));
    }
    return all;
}

// The sections of all shares.
std::string Shares(const DLCluster& cluster, std::vector<std::string>& problems) {
    std::string sections;
    for (const auto& [asked, why] : AskedFor(cluster)) {
        const Storage& storage = *asked;
        if (!why.empty()) {
            problems.push_back(fmt::format("share {} of storage {} is left out: {}", storage.share,
                                           storage.name, why));
            sections += Comment(problems.back());
            continue;
        }
        // %u: the user's name in passwd, whatever the client called itself.
        const bool own = storage.layout != StorageLayout::Shared;
        sections +=
            fmt::format("\n[{}]\npath = {}{}\nread only = {}\n", storage.share, HostFolder(storage),
                        own ? "/%u" : "", storage.readOnly ? "yes" : "no");
    }
    return sections;
}

std::string Passwd(const std::vector<DLUser>& users) {
    std::string text =
        "root:x:0:0:root:/root:/usr/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
    for (const DLUser& user : users)
        text += fmt::format("{0}:x:{1}:{2}:{0}:/nonexistent:/usr/sbin/nologin\n", user.meta.name,
                            user.uid, user.gid);
    return text;
}

std::string Group(const std::vector<DLUser>& users) {
    std::map<std::int64_t, std::string> members;  // by gid
    for (const DLUser& user : users) {
        members[user.gid];
        for (const std::int64_t group : user.supplementalGroups) {
            std::string& names = members[group];
            names += (names.empty() ? "" : ",") + user.meta.name;
        }
    }
    std::string text = "root:x:0:\nnogroup:x:65534:\n";
    for (const auto& [gid, names] : members)
        text += fmt::format("group{0}:x:{0}:{1}\n", gid, names);
    return text;
}

std::string UsersMap(const std::vector<DLUser>& users, const std::string& workgroup) {
    std::string text;
    for (const DLUser& user : users)
        text += fmt::format("!{0} = \"{1}\\{0}\"\n", user.meta.name, workgroup);
    return text;
}

}  // namespace

std::vector<std::string> SharedStorages(const DLCluster& cluster) {
    std::vector<std::string> names;
    for (const auto& [storage, why] : AskedFor(cluster))
        if (why.empty()) names.push_back(storage->name);
    return names;
}

SambaConfig RenderSamba(const DLCluster& cluster, const std::vector<DLUser>& users,
                        const SambaSettings& settings) {
    SambaConfig config;
    std::string text =
        fmt::format(kGlobal, fmt::arg("computer", settings.computer), fmt::arg("port", kSambaPort));
    if (settings.realm.empty())
        text += kStandalone;
    else
        text += fmt::format(kMember, fmt::arg("realm", settings.realm),
                            fmt::arg("workgroup", settings.workgroup),
                            fmt::arg("folder", kSambaFolder));
    text += Shares(cluster, config.problems);
    config.files = {{std::string(kSmbConf), std::move(text)},
                    {std::string(kSambaPasswd), Passwd(users)},
                    {std::string(kSambaGroup), Group(users)},
                    {std::string(kSambaUsersMap),
                     settings.realm.empty() ? "" : UsersMap(users, settings.workgroup)}};
    return config;
}

std::expected<SambaFiles, std::string> ParseSambaFiles(std::string_view json) {
    Document doc(json);
    SambaFiles files;
    if (doc.error().empty())
        for (auto& [name, text] : doc.Root()["data"].TextMap())
            files.emplace(name, text);
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return files;
}

std::string SambaPatch(const SambaFiles& has, const SambaFiles& wanted) {
    boost::json::object data;
    for (const auto& [name, text] : has)
        data[name] = nullptr;  // takes it away
    for (const auto& [name, text] : wanted)
        data[name] = text;
    return boost::json::serialize(boost::json::object{{"data", std::move(data)}});
}

}  // namespace dlws::model
