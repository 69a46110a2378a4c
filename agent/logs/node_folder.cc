// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/node_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <system_error>

#include "agent/files/folder_list.h"

namespace dlws::agent {

namespace {

namespace json = boost::json;

constexpr std::string_view kJson = ".json";
constexpr std::size_t kMaxFile = 1 << 20;  // facts with 65536 groups

std::unexpected<std::string> Fail(std::string_view doing, std::string_view name) {
    const int code = errno;
    return std::unexpected(
        fmt::format("cannot {} {}: {}", doing, name, std::generic_category().message(code)));
}

/// A new file in the place of the old, so that there is always a whole one.
std::expected<void, std::string> Replace(int folder, const std::string& name, std::string_view text,
                                         bool durable) {
    const std::string next = name + ".tmp";
    Fd file(::openat(folder, next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                     0600));
    if (!file) return Fail("make", next);
    while (!text.empty()) {
        const ssize_t n = ::write(file.get(), text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Fail("write", next);
        text.remove_prefix(std::size_t(n));
    }
    if (durable && ::fdatasync(file.get()) != 0) return Fail("sync", next);
    if (::renameat(folder, next.c_str(), folder, name.c_str()) != 0) return Fail("replace", name);
    if (durable && ::fsync(folder) != 0) return Fail("sync the folder of", name);
    return {};
}

std::optional<std::string> ReadAll(int folder, const std::string& name) {
    Fd file(::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return std::nullopt;
    std::string text;
    std::array<char, 4096> chunk;
    while (text.size() <= kMaxFile) {
        const ssize_t n = ::read(file.get(), chunk.data(), chunk.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return std::nullopt;
        if (n == 0) return text;
        text.append(chunk.data(), std::size_t(n));
    }
    return std::nullopt;
}

bool Exists(int folder, const std::string& name) {
    struct stat status{};
    return ::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

std::unexpected<std::string> CannotList(std::string_view folder, int code) {
    return std::unexpected(fmt::format("cannot read the folder {} of the node: {}", folder,
                                       std::generic_category().message(code)));
}

std::expected<std::set<std::string>, std::string> Uids(int folder, std::string_view ending) {
    std::set<std::string> uids;
    const auto names = ListFolder(folder);
    if (!names) return CannotList("facts or gone", names.error());
    for (std::string_view name : *names) {
        if (!name.ends_with(ending)) continue;
        name.remove_suffix(ending.size());
        if (IsPodUid(name)) uids.emplace(name);
    }
    return uids;
}

template <typename Number>
bool TakeField(std::string_view& text, Number& number) {
    const std::size_t end = std::min(text.find('.'), text.size());
    const auto [stop, error] = std::from_chars(text.data(), text.data() + end, number);
    if (error != std::errc() || stop != text.data() + end) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
    return true;
}

}  // namespace

bool IsPodUid(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-';
    });
}

std::expected<NodeFolder, std::string> NodeFolder::Open(const std::string& path) {
    NodeFolder node;
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return Fail("make", path);
    for (const auto& [name, fd] : {std::pair{"links", &node.links_},
                                   {"facts", &node.facts_},
                                   {"gone", &node.gone_},
                                   {"state", &node.state_}}) {
        const std::string folder = path + "/" + name;
        if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return Fail("make", folder);
        fd->Reset(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!*fd) return Fail("open", folder);
    }
    return node;
}

std::string NodeFolder::LinkName(std::string_view uid, const LogLink& link) const {
    return fmt::format("{}.{}.{}.{}", uid, link.sequence, link.restart, link.inode);
}

std::expected<LinksByPod, std::string> NodeFolder::Links() const {
    LinksByPod links;
    const auto names = ListFolder(links_.get());
    if (!names) return CannotList("links", names.error());
    for (const std::string& name : *names) {
        const std::size_t dot = std::min(name.find('.'), name.size());
        const std::string uid = name.substr(0, dot);
        std::string_view rest = std::string_view(name).substr(std::min(dot + 1, name.size()));
        LogLink link;
        if (IsPodUid(uid) && TakeField(rest, link.sequence) && TakeField(rest, link.restart) &&
            TakeField(rest, link.inode) && rest.empty())
            links[uid].push_back(link);
    }
    for (auto& [uid, of_pod] : links)
        std::ranges::sort(of_pod, {}, &LogLink::sequence);
    return links;
}

void NodeFolder::RemoveLink(std::string_view uid, const LogLink& link) const {
    ::unlinkat(links_.get(), LinkName(uid, link).c_str(), 0);
}

std::expected<void, std::string> NodeFolder::WriteFacts(const PodFacts& facts) const {
    json::array groups(facts.user.groups.begin(), facts.user.groups.end());
    const json::object object{{"uid", facts.uid},         {"user", facts.user.uid},
                              {"group", facts.user.gid},  {"groups", std::move(groups)},
                              {"storage", facts.storage}, {"folder", facts.folder},
                              {"file", facts.file}};
    return Replace(facts_.get(), facts.uid + std::string(kJson), json::serialize(object), true);
}

std::optional<PodFacts> NodeFolder::ReadFacts(std::string_view uid) const {
    const auto text = ReadAll(facts_.get(), std::string(uid) + std::string(kJson));
    if (!text) return std::nullopt;
    boost::system::error_code error;
    const json::value value = json::parse(*text, error);
    if (error) return std::nullopt;
    try {
        PodFacts facts{.uid = value.at("uid").as_string().c_str(),
                       .user = {.uid = value.at("user").to_number<uid_t>(),
                                .gid = value.at("group").to_number<gid_t>()},
                       .storage = value.at("storage").as_string().c_str(),
                       .folder = value.at("folder").as_string().c_str(),
                       .file = value.at("file").as_string().c_str()};
        for (const json::value& group : value.at("groups").as_array())
            facts.user.groups.push_back(group.to_number<gid_t>());
        return facts;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

bool NodeFolder::HasFacts(std::string_view uid) const {
    return Exists(facts_.get(), std::string(uid) + std::string(kJson));
}

std::expected<std::set<std::string>, std::string> NodeFolder::PodsWithFacts() const {
    return Uids(facts_.get(), kJson);
}

std::expected<void, std::string> NodeFolder::MarkGone(std::string_view uid) const {
    const std::string name(uid);
    Fd file(::openat(gone_.get(), name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return Fail("mark as gone", name);
    return {};
}

void NodeFolder::UnmarkGone(std::string_view uid) const {
    ::unlinkat(gone_.get(), std::string(uid).c_str(), 0);
}

bool NodeFolder::IsGone(std::string_view uid) const {
    return Exists(gone_.get(), std::string(uid));
}

std::expected<std::set<std::string>, std::string> NodeFolder::GonePods() const {
    return Uids(gone_.get(), "");
}

std::string NodeFolder::Version() const {
    std::string version;
    for (const Fd* folder : {&links_, &facts_, &gone_}) {
        struct stat status{};
        if (::fstat(folder->get(), &status) == 0)
            version += fmt::format("{}.{} ", status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    }
    return version;
}

std::int64_t NodeFolder::GoneFor(std::string_view uid) const {
    struct stat status{};
    if (::fstatat(gone_.get(), std::string(uid).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    return std::max<std::int64_t>(0, ::time(nullptr) - status.st_mtim.tv_sec);
}

std::expected<void, std::string> NodeFolder::SaveState(std::string_view uid, std::string_view text,
                                                       bool durable) const {
    return Replace(state_.get(), std::string(uid) + std::string(kJson), text, durable);
}

std::expected<std::optional<std::string>, std::string> NodeFolder::LoadState(
    std::string_view uid) const {
    const std::string name = std::string(uid) + std::string(kJson);
    errno = 0;
    auto text = ReadAll(state_.get(), name);
    if (!text && errno != ENOENT) return Fail("read the state", name);
    return text;
}

void NodeFolder::Forget(std::string_view uid) const {
    const std::string name = std::string(uid) + std::string(kJson);
    // The mark last: the linker removes what is left of a pod that has only this.
    ::unlinkat(facts_.get(), name.c_str(), 0);
    ::unlinkat(state_.get(), name.c_str(), 0);
    UnmarkGone(uid);
}

}  // namespace dlws::agent
