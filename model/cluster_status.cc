// SPDX-License-Identifier: Apache-2.0
#include "model/cluster_status.h"

#include <boost/json.hpp>

#include "model/decode.h"
#include "model/encode.h"

namespace dlws::model {

namespace {

namespace json = boost::json;

GpuCounts ReadCounts(const Node& node) {
    return {.total = node["total"].Int(),
            .allocatable = node["allocatable"].Int(),
            .used = node["used"].Int(),
            .free = node["free"].Int(),
            .cordoned = node["cordoned"].Int(),
            .unhealthy = node["unhealthy"].Int()};
}

json::object Write(const GpuCounts& gpus) {
    return {{"total", gpus.total},       {"allocatable", gpus.allocatable},
            {"used", gpus.used},         {"free", gpus.free},
            {"cordoned", gpus.cordoned}, {"unhealthy", gpus.unhealthy}};
}

GpuTypeStatus ReadType(const Node& node) {
    return {node["type"].Text(), node["nodes"].Int(), ReadCounts(node), node["largestFree"].Int()};
}

json::object Write(const GpuTypeStatus& type) {
    json::object o{{"type", type.type}, {"nodes", type.nodes}};
    for (auto& member : Write(type.gpus))
        o.insert(member);
    o["largestFree"] = type.largestFree;
    return o;
}

GpuHolder ReadHolder(const Node& node) {
    return {node["namespace"].Text(), node["job"].Text(), node["user"].Text(), node["used"].Int()};
}

json::object Write(const GpuHolder& holder) {
    json::object o;
    PutText(o, "namespace", holder.ns);
    PutText(o, "job", holder.job);
    PutText(o, "user", holder.user);
    o["used"] = holder.used;
    return o;
}

NodeProblem ReadProblem(const Node& node) {
    return {node["node"].Text(), node["reason"].Text(), node["message"].Text(),
            node["since"].AsTime(), node["gpus"].Int()};
}

json::object Write(const NodeProblem& problem) {
    json::object o{{"node", problem.node}};
    PutText(o, "reason", problem.reason, kMaxTroubleText);
    PutText(o, "message", problem.message, kMaxTroubleText);
    PutTime(o, "since", problem.since);
    o["gpus"] = problem.gpus;
    return o;
}

template <class T>
void Read(const Node& parent, const std::string& name, T (*read)(const Node&), Top<T>& top) {
    parent[name].Each([&](const Node& item) { top.items.push_back(read(item)); });
    top.omitted = parent[name + "Omitted"].Int();
}

// Nothing is left out, be it 0 or empty: a merge patch keeps what it does not name.
template <class T>
void Put(json::object& o, const std::string& name, const Top<T>& top) {
    json::array items;
    for (const T& item : top.items)
        items.push_back(Write(item));
    o[name] = std::move(items);
    o[name + "Omitted"] = top.omitted;
}

NodeReport ReadReport(const Node& status) {
    NodeReport report;
    const Node gpus = status["gpus"], nodes = status["nodes"];
    report.gpus = ReadCounts(gpus);
    Read(gpus, "types", ReadType, report.types);
    Read(gpus, "users", ReadHolder, report.users);
    Read(gpus, "namespaces", ReadHolder, report.namespaces);
    Read(gpus, "jobs", ReadHolder, report.jobs);
    report.nodes = {nodes["total"].Int(), nodes["withGpus"].Int(), nodes["cordoned"].Int(),
                    nodes["unhealthy"].Int(), nodes["notReady"].Int()};
    Read(status, "problems", ReadProblem, report.problems);
    return report;
}

void Put(json::object& status, const NodeReport& report) {
    json::object gpus = Write(report.gpus);
    Put(gpus, "types", report.types);
    Put(gpus, "users", report.users);
    Put(gpus, "namespaces", report.namespaces);
    Put(gpus, "jobs", report.jobs);
    status["gpus"] = std::move(gpus);
    status["nodes"] = {{"total", report.nodes.total},
                       {"withGpus", report.nodes.withGpus},
                       {"cordoned", report.nodes.cordoned},
                       {"unhealthy", report.nodes.unhealthy},
                       {"notReady", report.nodes.notReady}};
    Put(status, "problems", report.problems);
}

}  // namespace

std::expected<ClusterStatus, std::string> ParseClusterStatus(std::string_view dlclusterJson) {
    Document doc(dlclusterJson);
    ClusterStatus status;
    if (doc.error().empty()) {
        const Node node = doc.Root()["status"];
        status.observedGeneration = node["observedGeneration"].Int64();
        status.summary = node["summary"].Text();
        node["storages"].Each([&](const Node& item) {
            StorageStatus s;
            s.name = item["name"].Text();
            s.problem = item["problem"].Text();
            s.nodesHealthy = item["nodesHealthy"].Int();
            s.nodesTotal = item["nodesTotal"].Int();
            s.bytesTotal = item["bytesTotal"].Int64();
            s.bytesFree = item["bytesFree"].Int64();
            s.inodesTotal = item["inodesTotal"].Int64();
            s.inodesFree = item["inodesFree"].Int64();
            s.message = item["message"].Text();
            status.storages.push_back(std::move(s));
        });
        status.report = ReadReport(node);
    }
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return status;
}

std::string ClusterStatusPatch(const ClusterStatus& status, std::string_view uid,
                               std::string_view resourceVersion) {
    json::array storages;
    for (const StorageStatus& s : status.storages) {
        json::object o{{"name", s.name}};
        PutText(o, "problem", s.problem);
        if (s.nodesTotal > 0) {
            o["nodesHealthy"] = s.nodesHealthy;
            o["nodesTotal"] = s.nodesTotal;
        }
        PutNumber(o, "bytesTotal", s.bytesTotal);
        PutNumber(o, "bytesFree", s.bytesFree);
        PutNumber(o, "inodesTotal", s.inodesTotal);
        PutNumber(o, "inodesFree", s.inodesFree);
        PutText(o, "message", s.message);
        storages.push_back(std::move(o));
    }
    json::object metadata;
    PutText(metadata, "uid", uid);
    PutText(metadata, "resourceVersion", resourceVersion);
    json::object now{{"observedGeneration", status.observedGeneration}};
    now["summary"] = nullptr;  // gone, if there is none
    PutText(now, "summary", status.summary);
    now["storages"] = std::move(storages);
    Put(now, status.report);
    return json::serialize(
        json::object{{"metadata", std::move(metadata)}, {"status", std::move(now)}});
}

}  // namespace dlws::model
