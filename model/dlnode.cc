// SPDX-License-Identifier: Apache-2.0
#include "model/dlnode.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "model/decode.h"
#include "model/encode.h"

namespace dlws::model {

namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, kStorageStates> kStates{"Healthy", "Hung", "Missing", "Full",
                                                               "ReadOnly"};
// What the CRD takes.
constexpr std::size_t kMaxWord = 64, kMaxMount = 128, kMaxProblems = 32, kMaxStorages = 32,
                      kMaxHomes = 1024;

void ReadStorage(const Node& node, std::vector<NodeStorage>& storages) {
    const auto state = StorageStateOf(node["state"].Text());
    NodeStorage s;
    s.name = node["name"].Text();
    if (!state || s.name.empty()) return;
    s.state = *state;
    s.reason = node["reason"].Text();
    s.message = node["message"].Text();
    s.since = node["since"].AsTime();
    s.lostSince = node["lostSince"].AsTime();
    s.lostUntil = node["lostUntil"].AsTime();
    s.mount = node["mount"].Text();
    s.remountedAt = node["remountedAt"].AsTime();
    s.fileSystem = node["fileSystem"].Text();
    s.bytesTotal = node["bytesTotal"].Int64();
    s.bytesFree = node["bytesFree"].Int64();
    s.inodesTotal = node["inodesTotal"].Int64();
    s.inodesFree = node["inodesFree"].Int64();
    storages.push_back(std::move(s));
}

json::object Write(const NodeStorage& s) {
    json::object o{{"name", s.name}, {"state", ToString(s.state)}};
    PutText(o, "reason", s.reason, kMaxWord);
    PutText(o, "message", s.message);
    PutTime(o, "since", s.since);
    PutTime(o, "lostSince", s.lostSince);
    PutTime(o, "lostUntil", s.lostUntil);
    PutText(o, "mount", s.mount, kMaxMount);
    PutTime(o, "remountedAt", s.remountedAt);
    PutText(o, "fileSystem", s.fileSystem, kMaxWord);
    PutNumber(o, "bytesTotal", s.bytesTotal);
    PutNumber(o, "bytesFree", s.bytesFree);
    PutNumber(o, "inodesTotal", s.inodesTotal);
    PutNumber(o, "inodesFree", s.inodesFree);
    return o;
}

json::object Write(const NodeHome& h) {
    json::object o{{"storage", h.storage}, {"user", h.user}};
    PutText(o, "reason", h.reason, kMaxWord);
    PutText(o, "message", h.message);
    PutNumber(o, "bytesTotal", h.bytesTotal);
    PutNumber(o, "bytesFree", h.bytesFree);
    return o;
}

}  // namespace

std::string_view ToString(StorageState state) {
    return kStates[std::size_t(state)];
}

std::optional<StorageState> StorageStateOf(std::string_view name) {
    const auto found = std::ranges::find(kStates, name);
    if (found == kStates.end()) return std::nullopt;
    return StorageState(found - kStates.begin());
}

bool IsFresh(const DLNode& node, Time now) {
    return node.checkedAt && now - *node.checkedAt <= kStale && *node.checkedAt - now <= kStale;
}

const NodeStorage* FindStorage(const DLNode& node, std::string_view name) {
    const auto found = std::ranges::find(node.storages, name, &NodeStorage::name);
    return found == node.storages.end() ? nullptr : &*found;
}

std::expected<DLNode, std::string> ParseDLNode(std::string_view json) {
    Document doc(json);
    DLNode node;
    if (doc.error().empty()) {
        node.meta = ReadMetadata(doc.Root()["metadata"]);
        const Node status = doc.Root()["status"];
        node.checkedAt = status["checkedAt"].AsTime();
        node.problems = status["problems"].Texts();
        status["storages"].Each([&](const Node& item) { ReadStorage(item, node.storages); });
        status["homes"].Each([&](const Node& item) {
            NodeHome home;
            home.storage = item["storage"].Text();
            home.user = item["user"].Text();
            home.reason = item["reason"].Text();
            home.message = item["message"].Text();
            home.bytesTotal = item["bytesTotal"].Int64();
            home.bytesFree = item["bytesFree"].Int64();
            node.homes.push_back(std::move(home));
        });
    }
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return node;
}

std::string StatusJson(const DLNode& node) {
    json::object status;
    PutTime(status, "checkedAt", node.checkedAt);
    json::array problems, storages, homes;
    for (const std::string& problem : node.problems)
        if (problems.size() < kMaxProblems) problems.emplace_back(Cut(problem));
    for (const NodeStorage& storage : node.storages)
        if (storages.size() < kMaxStorages) storages.push_back(Write(storage));
    for (const NodeHome& home : node.homes)
        if (homes.size() < kMaxHomes) homes.push_back(Write(home));
    std::string summary;
    for (const NodeStorage& storage : node.storages)
        summary += fmt::format("{}{} {}", summary.empty() ? "" : ", ", storage.name,
                               ToString(storage.state));
    PutText(status, "summary", summary);
    if (!problems.empty()) status["problems"] = std::move(problems);
    if (!storages.empty()) status["storages"] = std::move(storages);
    if (!homes.empty()) status["homes"] = std::move(homes);
    return json::serialize(status);
}

}  // namespace dlws::model
