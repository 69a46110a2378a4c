// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <string>

#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/exit_codes.h"
#include "model/pod.h"
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

constexpr Target kTargets[] = {{"dljob", Job},
                               {"pod", Pod},
                               {"quantity", AQuantity},
                               {"exit-codes", ExitCodeRule},
                               {"time", ATime}};

}  // namespace

std::span<const Target> ModelTargets() {
    return kTargets;
}

}  // namespace dlws::fuzz
