// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/log_manager.h"

#include <boost/json.hpp>
#include <random>
#include <utility>

#include "kube/log.h"
#include "model/log_archive.h"
#include "model/names.h"
#include "model/pod.h"

namespace dlws::agent {
namespace {

namespace json = boost::json;

constexpr std::string_view kLog = "logs";

// Of a user by the name of the folder; the default user's too.
std::optional<UserIds> IdsOf(const std::string& folder, const model::DLCluster& cluster,
                             const std::map<std::string, model::DLUser>& users) {
    UserIds ids;
    if (folder == cluster.defaultUser.name) {
        ids.uid = uid_t(cluster.defaultUser.uid);
        ids.gid = gid_t(cluster.defaultUser.gid);
        return ids;
    }
    const auto user = users.find(folder);
    if (user == users.end()) return std::nullopt;
    ids.uid = uid_t(user->second.uid);
    ids.gid = gid_t(user->second.gid);
    return ids;
}

std::string JobFolderOf(std::string_view pod) {
    boost::system::error_code error;
    const json::value parsed = json::parse(pod, error);
    if (error) return "";
    const json::value* annotations = parsed.find_pointer("/metadata/annotations", error);
    if (!annotations || !annotations->is_object()) return "";
    const json::value* folder = annotations->get_object().if_contains(model::kJobFolderAnnotation);
    return folder && folder->is_string() ? std::string(folder->get_string()) : "";
}

void Add(FollowerStats& sum, const FollowerStats& more) {
    sum.bytes_read += more.bytes_read;
    sum.bytes_written += more.bytes_written;
    sum.lines += more.lines;
    sum.dropped_bytes += more.dropped_bytes;
    for (const auto& [kind, count] : more.errors)
        sum.errors[kind] += count;
}

}  // namespace

JobPod ReadJobPod(const kube::Object& object) {
    JobPod out{.ns = object.meta.ns, .folder = {}, .file = {}, .failed = {}};
    const auto pod = model::ParsePod(object.raw);
    if (!pod || pod->job.empty() || pod->ownerUid.empty()) return out;
    if (pod->main.exitCode != 0) out.failed = pod->main.finishedAt;
    std::string folder = JobFolderOf(object.raw);
    if (!model::StaysBelow(folder)) return out;
    out.folder = std::move(folder);
    out.file = model::ArchiveFileName({pod->role, pod->index, pod->attempt});
    return out;
}

const model::Storage* JobFilesOf(const model::DLCluster& cluster) {
    for (const model::Storage& s : cluster.storages)
        if (s.layout == model::StorageLayout::PerJob && s.kind == model::StorageKind::HostMount &&
            s.problem.empty() && !s.readOnly)
            return &s;
    return nullptr;
}

Linker::Answer FactsOf(const JobPod& pod, bool managed, const model::DLCluster& cluster,
                       const std::map<std::string, model::DLUser>& users) {
    using Ours = Linker::Ours;
    if (pod.folder.empty()) return {.ours = Ours::kNo};
    // The label of the namespace or the DLUser may be seen a moment later.
    if (!managed) return {};
    const model::Storage* storage = JobFilesOf(cluster);
    if (!storage) return {.ours = Ours::kNo};
    const auto ids = IdsOf(pod.folder.substr(0, pod.folder.find('/')), cluster, users);
    if (!ids) return {};
    PodFacts facts;
    facts.user = *ids;
    facts.storage = storage->name;
    facts.folder = pod.folder;
    facts.file = pod.file;
    return {.ours = Ours::kYes, .facts = std::move(facts)};
}

LogManager::LogManager(kube::Metrics& metrics, Settings settings) : settings_(std::move(settings)) {
    metrics.AddCollector([this](kube::Samples& out) {
        FollowerStats now;
        {
            const std::lock_guard lock(mutex_);
            now = stats_;
            // Before the first of its kind: increase() does not see a series begin.
            for (const char* kind : kLogErrorKinds)
                now.errors.try_emplace(kind);
            if (follower_) {
                const FollowerStats current = follower_->Stats();
                Add(now, current);
                now.backlog_bytes = current.backlog_bytes;
                now.failing_pods = current.failing_pods;
            }
        }
        using kube::Samples;
        const auto one = [&](std::string_view name, Samples::Type type, std::string_view help,
                             double value) {
            if (out.Family(name, type, help)) out.Add({}, value);
        };
        one("dlws_agent_log_bytes_total", Samples::kCounter, "Bytes of logs archived",
            double(now.bytes_written));
        one("dlws_agent_log_lines_total", Samples::kCounter, "Lines of logs archived",
            double(now.lines));
        one("dlws_agent_log_dropped_bytes_total", Samples::kCounter,
            "Bytes of logs given up because too many waited, or an archive was full",
            double(now.dropped_bytes));
        one("dlws_agent_log_backlog_bytes", Samples::kGauge,
            "Bytes of logs on the node that wait for the storage", double(now.backlog_bytes));
        one("dlws_agent_log_failing_pods", Samples::kGauge,
            "Pods whose logs could not be archived when last tried", double(now.failing_pods));
        if (out.Family("dlws_agent_log_errors_total", Samples::kCounter,
                       "Failed tries to archive, by kind"))
            for (const auto& [kind, count] : now.errors)
                out.Add({{"kind", kind}}, double(count));
    });
}

LogManager::~LogManager() {
    Stop();
}

void LogManager::SetCluster(std::shared_ptr<const model::DLCluster> cluster) {
    cluster_ = std::move(cluster);
    AnswerAnew();
}

void LogManager::OnUser(const kube::Change& change) {
    const std::string& name = (change.after ? change.after : change.before)->meta.name;
    users_.erase(name);
    if (change.after)
        if (auto user = model::ParseDLUser(change.after->raw))
            users_.emplace(name, std::move(*user));
    AnswerAnew();
}

void LogManager::OnNamespace(const kube::Change& change) {
    if (change.before) namespaces_.erase(change.before->meta.name);
    if (change.after) namespaces_.insert(change.after->meta.name);
    AnswerAnew();
}

void LogManager::PutPod(const std::string& uid, JobPod pod) {
    Linker::Answer answer = AnswerFor(pod);
    pods_.insert_or_assign(uid, std::move(pod));
    const std::lock_guard lock(mutex_);
    answers_.insert_or_assign(uid, std::move(answer));
    if (linker_) linker_->Wake();
}

void LogManager::PodGone(const std::string& uid) {
    // As many as a node ever has at once are enough.
    constexpr std::size_t kMost = 4096;
    gone_.push_back(uid);
    if (gone_.size() <= kMost) return;
    pods_.erase(gone_.front());
    const std::lock_guard lock(mutex_);
    answers_.erase(gone_.front());
    gone_.pop_front();
}

Linker::Answer LogManager::AnswerFor(const JobPod& pod) const {
    return cluster_ ? FactsOf(pod, namespaces_.contains(pod.ns), *cluster_, users_)
                    : Linker::Answer{};
}

void LogManager::AnswerAnew() {
    std::map<std::string, Linker::Answer> answers;
    for (const auto& [uid, pod] : pods_)
        answers.emplace(uid, AnswerFor(pod));
    const std::lock_guard lock(mutex_);
    answers_ = std::move(answers);
    if (linker_) linker_->Wake();
}

void LogManager::SetPlace(bool healthy, const std::string& mount) {
    const model::Storage* storage = cluster_ ? JobFilesOf(*cluster_) : nullptr;
    std::optional<Place> place;
    if (storage && healthy) place = Place{storage->name, model::HostFolder(*storage), mount};
    const std::lock_guard lock(mutex_);
    // While it is not healthy the follower goes on trying, by itself.
    if (!place || place == place_) return;
    place_ = std::move(place);
    run_.request_stop();
    changed_.notify_all();
}

std::expected<void, std::string> LogManager::Start() {
    auto node = NodeFolder::Open(settings_.node_folder);
    if (!node) return std::unexpected(node.error());
    node_ = std::move(*node);
    link_ = std::jthread([this](std::stop_token stop) { Link(std::move(stop)); });
    follow_ = std::jthread([this](std::stop_token stop) { Follow(std::move(stop)); });
    return {};
}

void LogManager::Stop() {
    link_.request_stop();
    follow_.request_stop();
    {
        const std::lock_guard lock(mutex_);
        run_.request_stop();
        if (linker_) linker_->Wake();
    }
    if (link_.joinable()) link_.join();
    if (follow_.joinable()) follow_.join();
}

Linker::Answer LogManager::Ask(const std::string& uid) {
    const std::lock_guard lock(mutex_);
    const auto found = answers_.find(uid);
    return found == answers_.end() ? Linker::Answer{} : found->second;
}

void LogManager::Link(std::stop_token stop) {
    Linker linker(*node_, {.pods_folder = settings_.pods_folder},
                  [this](const std::string& uid) { return Ask(uid); });
    {
        const std::lock_guard lock(mutex_);
        linker_ = &linker;
    }
    std::string told;
    while (!stop.stop_requested()) {
        const auto done = linker.Scan();
        const std::string wrong = done ? "" : done.error();
        if (!wrong.empty() && wrong != told) kube::LogWarning(kLog, "{}", wrong);
        told = wrong;
        linker.Wait();
    }
    const std::lock_guard lock(mutex_);
    linker_ = nullptr;
}

void LogManager::Follow(std::stop_token stop) {
    kube::Random random(std::random_device{}());
    std::string told;
    while (true) {
        Place place;
        std::stop_token run;
        {
            std::unique_lock lock(mutex_);
            if (!changed_.wait(lock, stop, [this] { return place_.has_value(); })) return;
            place = *place_;
            run_ = std::stop_source();
            run = run_.get_token();
        }
        if (stop.stop_requested()) return;
        auto root = OpenRoot(place.path);
        if (!root) {
            if (told != root.error().message) kube::LogWarning(kLog, "{}", root.error().message);
            told = root.error().message;
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, stop, std::chrono::seconds(5), [] { return false; });
            continue;
        }
        kube::LogInfo(kLog, "logs go to {}", place.path);
        Follower follower(*node_, root->get(), {.storage = place.storage}, random);
        {
            const std::lock_guard lock(mutex_);
            follower_ = &follower;
        }
        follower.Run(run);
        const std::lock_guard lock(mutex_);
        Add(stats_, follower.Stats());
        follower_ = nullptr;
    }
}

}  // namespace dlws::agent
