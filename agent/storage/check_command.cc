// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/check_command.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdio>
#include <limits>

#include "kube/flags.h"

namespace dlws::agent {
namespace {

namespace json = boost::json;

struct Options : MountToCheck {
    bool help = false;
};

const kube::FlagSet<Options>& Flags() {
    using kube::Switch;
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    const auto text = [](const char* name, std::string MountToCheck::* field, const char* help) {
        return kube::Text<Options>(name, field, help);
    };
    const auto count = [](const char* name, std::int64_t MountToCheck::* field, const char* help) {
        return kube::NumberOf<Options, std::int64_t>(name, field, 0, kMost, help);
    };
    static const kube::FlagSet<Options> flags{
        text("path", &Options::path, "the mount point, absolute"),
        text("below", &Options::below, "the folder below it that jobs use; default the whole"),
        text("file-system", &Options::file_system,
             "what must be mounted, as in /proc/self/mountinfo: nfs4, fuse.glusterfs, lustre, "
             "ceph; default any"),
        text("sentinel", &Options::sentinel,
             "a file below the mount point that must exist; default none"),
        text("node", &Options::node_name, "this node's name, for the probe's file"),
        Switch<Options>("read-only", &Options::read_only, "do not try to write; default false"),
        count("min-free-bytes", &Options::min_free_bytes, "fewer: Full; default 1073741824"),
        count("min-free-inodes", &Options::min_free_inodes, "fewer: Full; default 1000"),
        Switch<Options>("help", &Options::help, "print this and end"),
    };
    return flags;
}

}  // namespace

std::vector<std::string> CheckArguments(const MountToCheck& mount) {
    return {"--path=" + mount.path,
            "--below=" + mount.below,
            "--file-system=" + mount.file_system,
            "--sentinel=" + mount.sentinel,
            "--node=" + mount.node_name,
            fmt::format("--read-only={}", mount.read_only),
            fmt::format("--min-free-bytes={}", mount.min_free_bytes),
            fmt::format("--min-free-inodes={}", mount.min_free_inodes)};
}

std::string ToJson(const StorageFact& fact) {
    json::object out;
    out["state"] = ToString(fact.state);
    out["reason"] = fact.reason;
    out["message"] = fact.message;
    out["fileSystem"] = fact.file_system;
    out["mount"] = fact.mount;
    out["bytesTotal"] = fact.bytes_total;
    out["bytesFree"] = fact.bytes_free;
    out["inodesTotal"] = fact.inodes_total;
    out["inodesFree"] = fact.inodes_free;
    return json::serialize(out);
}

std::expected<StorageFact, std::string> ParseFact(std::string_view text) {
    boost::system::error_code error;
    const json::value root = json::parse(text, error);
    const json::object* object = error ? nullptr : root.if_object();
    if (!object) return std::unexpected("it is no JSON object");
    const auto word = [&](std::string_view name) {
        const json::value* value = object->if_contains(name);
        return value && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    const auto number = [&](std::string_view name) {
        const json::value* value = object->if_contains(name);
        return value && value->is_int64() ? value->get_int64() : std::int64_t{0};
    };
    const auto state = StorageStateOf(word("state"));
    if (!state) return std::unexpected("it has no state");
    StorageFact fact;
    fact.state = *state;
    fact.reason = word("reason");
    fact.message = word("message");
    fact.file_system = word("fileSystem");
    fact.mount = word("mount");
    fact.bytes_total = number("bytesTotal");
    fact.bytes_free = number("bytesFree");
    fact.inodes_total = number("inodesTotal");
    fact.inodes_free = number("inodesFree");
    return fact;
}

int RunCheckMount(const std::vector<std::string>& args) {
    const auto options = Flags().Parse(args);
    if (options && options->help) {
        fmt::print(
            "dlws-agent check-mount: tells as JSON what a storage is like on this node.\n\n"
            "Usage: dlws-agent check-mount --path=FOLDER --node=NAME [--name=value ...]\n\n{}",
            Flags().Help());
        return 0;
    }
    const std::string wrong = options ? Refusal(*options) : options.error();
    if (!wrong.empty()) {
        fmt::print(stderr, "dlws-agent check-mount: {}\n", wrong);
        return 2;
    }
    fmt::print("{}\n", ToJson(CheckMount(*options)));
    return 0;
}

}  // namespace dlws::agent
