// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "model/approval.h"
#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/exit_codes.h"
#include "model/log_archive.h"
#include "model/log_reader.h"
#include "model/node_facts.h"
#include "model/pod.h"
#include "model/pod_compare.h"
#include "model/quantity.h"
#include "model/render.h"
#include "model/time.h"
#include "test/fuzz/targets.h"

namespace dlws::fuzz {

namespace {

using namespace model;

// A job that parses must also render or say why not, and a status must survive a round trip.
void Job(std::string_view bytes) {
    const auto cluster = ParseDLCluster(bytes);
    const auto job = ParseDLJob(bytes);
    if (!job) return;
    const std::string once = ToJson(job->status);
    const auto again = ParseStatus("{\"status\":" + once + "}");
    if (!again || ToJson(*again) != once) std::abort();
    if (TotalPods(job->spec) > 64) return;
    const auto rendered = Render(*job, cluster ? *cluster : DLCluster());
    if (!rendered) {
        if (rendered.error().message.empty()) std::abort();
        return;
    }
    for (std::size_t r = 0; r < rendered->roles.size(); ++r)
        if (rendered->roles[r].replicas > 0) (void)MakePod(*rendered, r, 0, 0);
    (void)CanonicalBytes(*rendered);
}

// The cache of the operator holds projections only.
void Pod(std::string_view bytes) {
    const std::string kept = PodProjection(bytes);
    if (ParsePod(kept) != ParsePod(bytes)) std::abort();
    if (PodProjection(kept) != kept) std::abort();
}

void ANode(std::string_view bytes) {
    const std::string kept = NodeProjection(bytes);
    for (std::string_view label : {"dlworkspace.io/gpu-type", "pool"})
        if (ParseNode(kept, label) != ParseNode(bytes, label)) std::abort();
    if (NodeProjection(kept) != kept) std::abort();
}

// However a log is cut, its archive is the same; and an archive reads as lines with times only. The
// first byte says how large the pieces are.
void Log(std::string_view bytes) {
    if (bytes.empty()) return;
    const std::size_t step = 1 + std::size_t(static_cast<unsigned char>(bytes[0]));
    bytes.remove_prefix(1);
    const auto archive = [&](std::size_t piece, std::size_t limit) {
        Archiver archiver;
        std::string all, out;
        std::size_t at = 0, end = 0;
        while (at < bytes.size()) {
            end = std::min(bytes.size(), std::max(end, at) + piece);
            const std::size_t used = archiver.Feed(bytes.substr(at, end - at), out, limit);
            if (end - at > kMaxLogRecordHead && used == 0) std::abort();
            if (end == bytes.size() && used == 0) break;
            at += used;
            all += out;
            out.clear();
            const auto loaded = Archiver::Load(archiver.Save());
            if (!loaded || *loaded != archiver) std::abort();
            archiver = *loaded;
        }
        archiver.EndFile(bytes.substr(at), all);
        archiver.CloseLine(all);
        return all;
    };
    const std::string all = archive(bytes.size() + 1, SIZE_MAX);
    if (archive(step, step) != all) std::abort();
    const ReadAt read = [&](std::uint64_t offset, std::span<char> buffer) {
        const std::size_t size =
            offset < all.size() ? all.copy(buffer.data(), buffer.size(), offset) : 0;
        return std::expected<std::size_t, std::string>(size);
    };
    ArchiveReader reader(read);
    while (const auto line = reader.Next())
        if (!line->timed || !line->ended) std::abort();
    if (SeekToTime(read, all.size(), LogMicros(step) << 40).value() > all.size()) std::abort();
}

void AQuantity(std::string_view bytes) {
    const auto quantity = ParseQuantity(bytes);
    if (!quantity) {
        if (quantity.error().empty()) std::abort();
        return;
    }
    const auto twice = Add(*quantity, *quantity);
    if (twice && twice->milli != 2 * quantity->milli) std::abort();
    (void)quantity->Value();
}

void ExitCodeRule(std::string_view bytes) {
    const auto codes = ParseExitCodes(bytes);
    if (codes ? codes->none() || codes->test(0) : codes.error().empty()) std::abort();
}

void ATime(std::string_view bytes) {
    const auto time = ParseTime(bytes);
    if (time && ParseTime(FormatTime(*time)) != time) std::abort();
}

// Nobody is two people, and what does not answer the question says so.
void AnApproval(std::string_view bytes) {
    const auto approval = ParseDLJobApproval(bytes);
    if (!approval) {
        if (approval.error().empty()) std::abort();
        return;
    }
    Question question{approval->meta.ns,      approval->jobName, approval->jobUid,
                      approval->templateHash, approval->classes, User{"alice", "uid-of-alice"}};
    const bool counts = WhyItDoesNotCount(*approval, question, Time{}).empty();
    if (counts && (!approval->approver || approval->approver->username == "alice" ||
                   approval->approver->uid == "uid-of-alice"))
        std::abort();
    question.templateHash += "0";
    if (WhyItDoesNotCount(*approval, question, Time{}).empty()) std::abort();
}

void KeptTemplate(std::string_view bytes) {
    const auto kept = ParseRendered(bytes);
    if (!kept) {
        if (kept.error().empty()) std::abort();
        return;
    }
    const std::string once = CanonicalBytes(*kept);
    const auto again = ParseRendered(once);
    if (!again || CanonicalBytes(*again) != once) std::abort();
}

// What the API server says it stored, of a pod that reaches its node.
void StoredPod(std::string_view bytes) {
    static const std::string posted = [] {
        DLJob job;
        job.meta = {.name = "j", .ns = "n", .uid = "u"};
        job.spec.image = "i";
        job.spec.roles = {Role{.name = "worker"}};
        job.spec.permissions.hostNetwork = true;
        DLCluster cluster;
        cluster.permissions = {{PermissionClass::HostNetwork, PermissionPolicy::Allow}};
        return MakePod(Render(job, cluster).value(), 0, 0, 0);
    }();
    if (!Altered(posted, posted).empty()) std::abort();
    (void)Altered(posted, bytes);
}

constexpr Target kTargets[] = {{"dljob", Job},
                               {"approval", AnApproval},
                               {"kept-template", KeptTemplate},
                               {"stored-pod", StoredPod},
                               {"pod", Pod},
                               {"node", ANode},
                               {"quantity", AQuantity},
                               {"exit-codes", ExitCodeRule},
                               {"log", Log},
                               {"time", ATime}};

}  // namespace

std::span<const Target> ModelTargets() {
    return kTargets;
}

}  // namespace dlws::fuzz
