// SPDX-License-Identifier: Apache-2.0
#include "agent/jobs/job_recorder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <chrono>
#include <system_error>

#include "kube/log.h"
#include "kube/yaml.h"
#include "model/status.h"

namespace dlws::agent {
namespace {

namespace json = boost::json;

constexpr std::string_view kLog = "jobs";

json::object Parsed(std::string_view text) {
    boost::system::error_code error;
    json::value value = json::parse(text, error);
    return !error && value.is_object() ? std::move(value.get_object()) : json::object();
}

std::string_view Word(const json::value& object, std::string_view key) {
    const json::object* o = object.if_object();
    const json::value* found = o ? o->if_contains(key) : nullptr;
    return found && found->is_string() ? std::string_view(found->get_string()) : "";
}

std::expected<void, std::string> WriteAll(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = ::write(file, text.data(), text.size());
        if (n < 0) return std::unexpected(std::generic_category().message(errno));
        text.remove_prefix(std::size_t(n));
    }
    if (::fsync(file) != 0) return std::unexpected(std::generic_category().message(errno));
    return {};
}

// Whole or not at all, unless it is there.
std::expected<void, std::string> WriteOnce(int folder, const JobRecord& record,
                                           const std::string& name, const std::string& text) {
    const auto there = OpenUserFile(folder, record.user, name, {.append = false});
    if (there) return {};
    if (!there.error().IsAbsent()) return std::unexpected(there.error().message);
    const std::string temporary = "." + name + ".new";
    const auto file = OpenUserFile(folder, record.user, temporary, {.create = true});
    if (!file) return std::unexpected(file.error().message);
    auto written = ::ftruncate(file->get(), 0) == 0
                       ? WriteAll(file->get(), text)
                       : std::unexpected(std::generic_category().message(errno));
    if (written &&
        ::renameat2(folder, temporary.c_str(), folder, name.c_str(), RENAME_NOREPLACE) != 0 &&
        // NFS has no exclusive rename; then another agent's may be replaced, with the same.
        (errno != EINVAL || ::renameat(folder, temporary.c_str(), folder, name.c_str()) != 0) &&
        errno != EEXIST)
        written = std::unexpected(std::generic_category().message(errno));
    if (!written) return std::unexpected(fmt::format("cannot write {}: {}", name, written.error()));
    return {};
}

}  // namespace

std::string JobYaml(std::string_view job) {
    json::object whole = Parsed(job);
    json::value* metadata = whole.if_contains("metadata");
    if (!metadata || !metadata->is_object() || !whole.contains("spec")) return "";
    json::object meta;
    for (const char* key :
         {"name", "namespace", "uid", "creationTimestamp", "labels", "annotations"})
        if (json::value* found = metadata->get_object().if_contains(key))
            meta[key] = std::move(*found);
    // A copy of what is below, by kubectl.
    if (json::value* notes = meta.if_contains("annotations"); notes && notes->is_object())
        notes->get_object().erase("kubectl.kubernetes.io/last-applied-configuration");
    json::object out{{"apiVersion", whole["apiVersion"]},
                     {"kind", whole["kind"]},
                     {"metadata", std::move(meta)},
                     {"spec", std::move(whole["spec"])}};
    return kube::ToYaml(out);
}

std::string ResultJson(std::string_view job) {
    const json::object whole = Parsed(job);
    const json::value* status = whole.if_contains("status");
    if (!status || !status->is_object()) return "";
    const json::value* conditions = status->get_object().if_contains("conditions");
    if (!conditions || !conditions->is_array()) return "";
    for (const json::value& c : conditions->get_array()) {
        if (Word(c, "type") == model::kConditionFinished && Word(c, "status") == "True")
            return json::serialize(*status) + "\n";
    }
    return "";
}

std::expected<void, std::string> WriteRecord(int root, const JobRecord& record) {
    const auto folder = MakeUserFolders(root, record.user, record.folder);
    if (!folder) return std::unexpected(folder.error().message);
    if (!record.job_yaml.empty())
        if (auto done = WriteOnce(folder->get(), record, "job.yaml", record.job_yaml); !done)
            return done;
    if (record.result_json.empty()) return {};
    return WriteOnce(folder->get(), record, "result.json", record.result_json);
}

void JobRecorder::SetRoot(std::optional<std::string> path) {
    const std::lock_guard lock(mutex_);
    if (root_ == path) return;
    root_ = std::move(path);
    changed_.notify_all();
}

void JobRecorder::Put(const std::string& uid, JobRecord record) {
    const std::lock_guard lock(mutex_);
    waiting_[uid] = std::move(record);
    changed_.notify_all();
}

void JobRecorder::Start() {
    thread_ = std::jthread([this](std::stop_token stop) { Work(std::move(stop)); });
}

void JobRecorder::Stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
}

void JobRecorder::Work(std::stop_token stop) {
    std::string told;
    while (!stop.stop_requested()) {
        std::map<std::string, JobRecord> batch;
        std::string path;
        {
            std::unique_lock lock(mutex_);
            if (!changed_.wait(lock, stop, [this] { return root_ && !waiting_.empty(); })) return;
            batch.swap(waiting_);
            path = *root_;
        }
        const auto root = OpenRoot(path);
        std::string wrong = root ? "" : root.error().message;
        for (auto& [uid, record] : batch) {
            const auto done = root ? WriteRecord(root->get(), record)
                                   : std::expected<void, std::string>(std::unexpected(wrong));
            if (done) continue;
            wrong = fmt::format("{}: {}", record.folder, done.error());
            const std::lock_guard lock(mutex_);
            waiting_.emplace(uid, std::move(record));  // unless there is news of it by now
        }
        if (!wrong.empty() && wrong != told) kube::LogWarning(kLog, "{}", wrong);
        told = wrong;
        if (wrong.empty()) continue;
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, stop, std::chrono::seconds(5), [] { return false; });
    }
}

}  // namespace dlws::agent
