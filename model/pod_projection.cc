// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <span>

#include "model/decode.h"
#include "model/field_tree.h"
#include "model/names.h"
#include "model/pod.h"

namespace dlws::model {

namespace {

// What is kept.
constexpr std::array kLabels{Field{kJobLabel}, Field{kRoleLabel}, Field{kIndexLabel},
                             Field{kAttemptLabel}};
constexpr std::array kOwner{Field{"controller"}, Field{"uid"}};
constexpr std::array kMetadata{Field{"name"},
                               Field{"namespace"},
                               Field{"uid"},
                               Field{"resourceVersion"},
                               Field{"creationTimestamp"},
                               Field{"deletionTimestamp"},
                               Field{"labels", kLabels},
                               Field{"ownerReferences", kOwner}};
constexpr std::array kRequests{Field{kGpuResource}};
constexpr std::array kResources{Field{"requests", kRequests}};
constexpr std::array kOfContainer{Field{"resources", kResources}};
constexpr std::array kOfInit{Field{"restartPolicy"}, Field{"resources", kResources}};
constexpr std::array kSpec{Field{"nodeName"}, Field{"containers", kOfContainer},
                           Field{"initContainers", kOfInit}};
constexpr std::array kCondition{Field{"type"}, Field{"status"}, Field{"reason"}, Field{"message"}};
constexpr std::array kTerminated{Field{"reason"}, Field{"message"}, Field{"exitCode"},
                                 Field{"signal"}, Field{"finishedAt"}};
constexpr std::array kState{Field{"running"}, Field{"waiting"}, Field{"terminated", kTerminated}};
constexpr std::array kContainer{Field{"name"}, Field{"started"}, Field{"state", kState}};
constexpr std::array kStatus{Field{"phase"},
                             Field{"reason"},
                             Field{"message"},
                             Field{"conditions", kCondition},
                             Field{"containerStatuses", kContainer},
                             Field{"initContainerStatuses", kContainer}};
constexpr std::array kPod{Field{"metadata", kMetadata}, Field{"spec", kSpec},
                          Field{"status", kStatus}};

// A value of another type than expected is kept whole: ParsePod complains of it, not we.
void Write(simdjson::dom::element value, std::span<const Field> fields, std::string& out) {
    simdjson::dom::object object;
    simdjson::dom::array array;
    const char* comma = "";
    if (fields.empty()) {
        out += simdjson::minify(value);
    } else if (value.get(object) == simdjson::SUCCESS) {
        out += '{';
        for (const auto& member : object) {
            const auto field = std::ranges::find(fields, member.key, &Field::name);
            if (field == fields.end()) continue;
            out.append(comma).append("\"").append(field->name).append("\":");
            Write(member.value, field->inner, out);
            comma = ",";
        }
        out += '}';
    } else if (value.get(array) == simdjson::SUCCESS) {
        out += '[';
        for (simdjson::dom::element item : array) {
            out += comma;
            Write(item, fields, out);
            comma = ",";
        }
        out += ']';
    } else {
        out += simdjson::minify(value);
    }
}

}  // namespace

std::string PodProjection(std::string_view json) {
    Document doc(json);
    if (!doc.error().empty()) return std::string(json);
    std::string out;
    Write(doc.Root().element(), kPod, out);
    return {out.data(), out.size()};  // no larger than it has to be: it stays for long
}

}  // namespace dlws::model
