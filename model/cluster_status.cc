// SPDX-License-Identifier: Apache-2.0
#include "model/cluster_status.h"

#include <boost/json.hpp>

#include "model/decode.h"
#include "model/encode.h"

namespace dlws::model {

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
    }
    if (!doc.error().empty()) return std::unexpected(doc.error());
    return status;
}

std::string ClusterStatusPatch(const ClusterStatus& status, std::string_view uid,
                               std::string_view resourceVersion) {
    namespace json = boost::json;
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
    return json::serialize(
        json::object{{"metadata", std::move(metadata)}, {"status", std::move(now)}});
}

}  // namespace dlws::model
