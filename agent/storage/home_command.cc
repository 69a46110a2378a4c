// SPDX-License-Identifier: Apache-2.0
#include "agent/storage/home_command.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <random>
#include <utility>

#include "agent/files/beneath.h"
#include "kube/flags.h"

namespace dlws::agent {
namespace {

namespace json = boost::json;

struct Options {
    std::string work, name;
    std::int64_t uid = 0, gid = 0;
    bool help = false;
};

const kube::FlagSet<Options>& Flags() {
    using kube::Text;
    constexpr std::int64_t kMost = 4294967294;
    const auto id = [](const char* name, std::int64_t Options::* field, const char* help) {
        return kube::NumberOf<Options, std::int64_t>(name, field, 0, kMost, help);
    };
    static const kube::FlagSet<Options> flags{
        Text("work", &Options::work, "the folder in which users have theirs, absolute"),
        Text("name", &Options::name, "name of the user's folder"),
        id("uid", &Options::uid, "its owner, not 0"),
        id("gid", &Options::gid, "its group"),
        kube::Switch("help", &Options::help, "print this and end"),
    };
    return flags;
}

HomeOutcome Make(const Options& options) {
    const Fd work(::open(options.work.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!work) {
        HomeOutcome outcome;
        outcome.reason = "NoWorkFolder";
        outcome.message = fmt::format(
            "{}: {}; create this folder as root's with mode 0755, or correct the storage's path.",
            options.work, ErrnoText(errno));
        return outcome;
    }
    Home home;
    home.name = options.name;
    home.uid = uid_t(options.uid);
    home.gid = gid_t(options.gid);
    kube::Random random(std::random_device{}());
    HomeOutcome outcome = EnsureHome(work.get(), options.work, home, random);
    struct statvfs space{};
    const Fd folder = OpenBeneath(work.get(), home.name, O_PATH | O_DIRECTORY);
    if (outcome.ready && folder && ::fstatvfs(folder.get(), &space) == 0) {
        outcome.bytes_total = std::int64_t(space.f_blocks) * std::int64_t(space.f_frsize);
        outcome.bytes_free = std::int64_t(space.f_bavail) * std::int64_t(space.f_frsize);
    }
    return outcome;
}

}  // namespace

std::string ToJson(const HomeOutcome& outcome) {
    json::object out;
    out["ready"] = outcome.ready;
    out["made"] = outcome.made;
    out["reason"] = outcome.reason;
    out["message"] = outcome.message;
    out["bytesTotal"] = outcome.bytes_total;
    out["bytesFree"] = outcome.bytes_free;
    return json::serialize(out);
}

std::expected<HomeOutcome, std::string> ParseHomeOutcome(std::string_view text) {
    boost::system::error_code error;
    const json::value root = json::parse(text, error);
    const json::object* object = error ? nullptr : root.if_object();
    const json::value* ready = object ? object->if_contains("ready") : nullptr;
    if (!ready || !ready->is_bool()) return std::unexpected("it says not whether it is ready");
    const auto word = [&](std::string_view name) {
        const json::value* value = object->if_contains(name);
        return value && value->is_string() ? std::string(value->get_string()) : std::string();
    };
    HomeOutcome outcome;
    outcome.ready = ready->get_bool();
    const json::value* made = object->if_contains("made");
    outcome.made = made && made->is_bool() && made->get_bool();
    outcome.reason = word("reason");
    outcome.message = word("message");
    const auto number = [&](std::string_view name) {
        const json::value* value = object->if_contains(name);
        return value && value->is_int64() ? value->get_int64() : 0;
    };
    outcome.bytes_total = number("bytesTotal");
    outcome.bytes_free = number("bytesFree");
    return outcome;
}

int RunMakeHome(const std::vector<std::string>& args) {
    const auto options = Flags().Parse(args);
    if (options && options->help) {
        fmt::print(
            "dlws-agent make-home: makes a user's folder unless it is there.\n\n"
            "Usage: dlws-agent make-home --work=FOLDER --name=NAME --uid=N --gid=N\n\n{}",
            Flags().Help());
        return 0;
    }
    std::string wrong = options ? std::string() : options.error();
    if (options && !options->work.starts_with('/')) wrong = "--work must be an absolute path";
    if (!wrong.empty()) {
        fmt::print(stderr, "dlws-agent make-home: {}\n", wrong);
        return 2;
    }
    fmt::print("{}\n", ToJson(Make(*options)));
    return 0;
}

kube::Awaitable<HomeOutcome> MakeHome(ChildRunner& runner, std::string work, Home home) {
    std::vector<std::string> arguments{"make-home", "--work=" + work, "--name=" + home.name,
                                       fmt::format("--uid={}", home.uid),
                                       fmt::format("--gid={}", home.gid)};
    std::string key = "home\n" + work;
    const ChildRunner::Answer answer = co_await runner.Run(std::move(key), std::move(arguments));
    HomeOutcome outcome;
    outcome.reason = "NoAnswer";
    if (answer.kind == ChildRunner::Answer::kNoAnswer) {
        outcome.message = fmt::format("{} does not answer; see the state of its storage.", work);
        co_return outcome;
    }
    std::string why = answer.text;
    if (answer.kind == ChildRunner::Answer::kDone) {
        auto parsed = ParseHomeOutcome(answer.text);
        if (parsed) co_return std::move(*parsed);
        why = parsed.error();
    }
    outcome.reason = "CheckFailed";
    outcome.message = fmt::format(
        "The folder of {} could not be made ({}); look into the log of the agent on this node.",
        home.name, why);
    co_return outcome;
}

}  // namespace dlws::agent
