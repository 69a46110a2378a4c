// SPDX-License-Identifier: Apache-2.0
// libFuzzer over everything that reads what others wrote: `script/build fuzz model_fuzz`, then
// `build/fuzz/model/model_fuzz -max_total_time=60`. A job that parses must also render or say why
// not, and a status must survive a round trip.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "model/dlcluster.h"
#include "model/dljob.h"
#include "model/pod.h"
#include "model/render.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace dlws::model;
    const std::string_view json(reinterpret_cast<const char*>(data), size);
    const auto pod = ParsePod(json);
    if (ParsePod(PodProjection(json)) != pod) std::abort();
    auto cluster = ParseDLCluster(json);
    auto job = ParseDLJob(json);
    if (!job) return 0;
    std::string once = ToJson(job->status);
    auto again = ParseStatus("{\"status\":" + once + "}");
    if (!again || ToJson(*again) != once) std::abort();
    if (TotalPods(job->spec) > 64) return 0;
    auto rendered = Render(*job, cluster ? *cluster : DLCluster());
    if (!rendered) {
        if (rendered.error().message.empty()) std::abort();
        return 0;
    }
    for (std::size_t r = 0; r < rendered->roles.size(); ++r)
        if (rendered->roles[r].replicas > 0) (void)MakePod(*rendered, r, 0, 0);
    (void)CanonicalBytes(*rendered);
    return 0;
}
