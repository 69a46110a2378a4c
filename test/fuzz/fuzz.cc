// SPDX-License-Identifier: Apache-2.0
// All targets with libFuzzer in one program. The environment says which one it is:
//     DLWS_FUZZ=watch build/fuzz/test/fuzz -max_total_time=60 test/fuzz/corpus/watch
// Without it, or with another word, it prints the names and ends.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "test/fuzz/targets.h"

namespace {

const dlws::fuzz::Target* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    const char* name = std::getenv("DLWS_FUZZ");
    if (name) target = dlws::fuzz::FindTarget(name);
    if (!target) {
        for (const auto targets : {dlws::fuzz::KubeTargets(), dlws::fuzz::ModelTargets(),
                                   dlws::fuzz::PortalTargets(), dlws::fuzz::WebhookTargets()})
            for (const auto& each : targets)
                std::puts(std::string(each.name).c_str());
        std::fflush(stdout);
        std::_Exit(name && *name ? 2 : 0);
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    target->run({reinterpret_cast<const char*>(data), size});
    return 0;
}
