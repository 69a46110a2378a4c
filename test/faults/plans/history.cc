// SPDX-License-Identifier: Apache-2.0
#include "test/faults/plans/history.h"

#include <fmt/format.h>

#include <sstream>

#include "test/e2e/fixture.h"

namespace dlws::faults {

using e2e::Text;

History::History(const e2e::Api& api, const std::string& ns)
    : api_(api),
      pods_path_("/api/v1/namespaces/" + ns + "/pods"),
      jobs_path_("/apis/dlworkspace.io/v1/namespaces/" + ns + "/dljobs") {
    const e2e::Reply pods = api.Get(pods_path_), jobs = api.Get(jobs_path_);
    pods_version_ = Text(pods.body, "metadata/resourceVersion");
    jobs_version_ = Text(jobs.body, "metadata/resourceVersion");
}

void History::CatchUp() {
    Read(pods_path_, pods_version_, &History::OnPod);
    Read(jobs_path_, jobs_version_, &History::OnJob);
    caught_up_ = std::chrono::steady_clock::now();
}

void History::Read(const std::string& path, std::string& version,
                   void (History::*handler)(const std::string&, const Json&)) {
    // Where nothing happens, no event tells a newer version to go on from.
    const std::string newest = Text(api_.Get(path + "?limit=1").body, "metadata/resourceVersion");
    const e2e::Reply reply =
        api_.GetText(fmt::format("{}?watch=1&timeoutSeconds=1&resourceVersion={}", path, version));
    if (!reply.ok()) {
        violations_.push_back("the history cannot be read: " + reply.text);
        return;
    }
    std::istringstream lines(reply.text);
    for (std::string line; std::getline(lines, line);) {
        const Json event = Json::parse(line);
        const std::string type = Text(event, "type");
        if (type == "ERROR") {
            violations_.push_back("the history cannot be read: " + line);
            return;
        }
        (this->*handler)(type, e2e::At(event, "object"));
        version = Text(event, "object/metadata/resourceVersion");
    }
    if (!newest.empty() && std::stoull(newest) > std::stoull(version)) version = newest;
}

void History::OnPod(const std::string& type, const Json& pod) {
    if (Text(pod, "metadata/ownerReferences/0/kind") != "DLJob") return;
    const std::string uid = Text(pod, "metadata/uid"), phase = Text(pod, "status/phase");
    const Json& labels = e2e::At(pod, "metadata/labels");
    auto label = [&](const char* name) {
        const std::string key = std::string("dlworkspace.io/") + name;
        return labels.has_field(key) ? labels.at(key).as_string() : std::string();
    };
    const Pod is{Text(pod, "metadata/name"), label("job-uid"), label("role") + "-" + label("index"),
                 label("attempt")};
    if (seen_.insert(uid).second) {
        for (const auto& [other_uid, other] : live_) {
            if (other.job != is.job) continue;
            if (other.attempt != is.attempt)
                violations_.push_back(
                    fmt::format("pod {} was created while {} lived", is.name, other.name));
            else if (other.slot == is.slot)
                violations_.push_back(fmt::format("two pods of the slot {} lived", is.slot));
        }
    }
    if (type == "DELETED" || phase == "Succeeded" || phase == "Failed")
        live_.erase(uid);
    else
        live_[uid] = is;
}

void History::OnJob(const std::string& type, const Json& job) {
    const std::string uid = Text(job, "metadata/uid");
    if (type == "DELETED") {
        jobs_.erase(uid);
        return;
    }
    Job& was = jobs_[uid];
    const bool finished = e2e::Condition(job, "Finished") == "True";
    const int restarts = e2e::Number(job, "status/restarts/user") +
                         e2e::Number(job, "status/restarts/infrastructure");
    if (was.finished && !finished) violations_.emplace_back("Finished left True");
    if (restarts < was.restarts)
        violations_.push_back(fmt::format("{} counted failures became {}", was.restarts, restarts));
    was = {finished, restarts};
}

}  // namespace dlws::faults
