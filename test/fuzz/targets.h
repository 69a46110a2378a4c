// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

/// @file
/// What is fuzzed: everything that reads what others wrote. A target gets bytes and must come back;
/// where two ways to read must agree, it aborts when they do not.
///
/// The same targets are in two programs: with libFuzzer (`script/test fuzz`), and as a unit test
/// that reads each file of corpus/TARGET once, so that what a fuzzer has found stays found.

namespace dlws::fuzz {

struct Target {
    std::string_view name;  ///< also of its folder in corpus/
    void (*run)(std::string_view bytes);
};

std::span<const Target> KubeTargets();
std::span<const Target> ModelTargets();
std::span<const Target> PortalTargets();
std::span<const Target> WebhookTargets();

/// Null for an unknown name.
const Target* FindTarget(std::string_view name);

}  // namespace dlws::fuzz
