// SPDX-License-Identifier: Apache-2.0
// https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/
// Internal to kube/; yaml-cpp stays behind it.
#pragma once

#include <memory>
#include <string>

#include "kube/config.h"

namespace dlws::kube::internal {

/// Some kubeconfig files merged as kubectl merges them: for each named cluster, user and context,
/// and for current-context, the first file that has it wins.
///
///     Kubeconfig merged;
///     merged.AddFile(path);
///     auto config = merged.Resolve("");
class Kubeconfig {
  public:
    /// Larger files are refused, as are more nodes or deeper nesting than any real one has.
    static constexpr std::size_t kMaxBytes = 1u << 20;
    static constexpr int kMaxNodes = 20'000;
    static constexpr int kMaxDepth = 32;

    Kubeconfig();
    ~Kubeconfig();
    Kubeconfig(const Kubeconfig&) = delete;
    Kubeconfig& operator=(const Kubeconfig&) = delete;

    Result<void> AddFile(const std::string& path);
    /// `context` empty: current-context.
    Result<Config> Resolve(const std::string& context) const;

  private:
    struct Data;
    std::unique_ptr<Data> data_;
};

}  // namespace dlws::kube::internal
