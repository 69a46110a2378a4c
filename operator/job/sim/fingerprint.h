// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/dljob.h"
#include "model/pod.h"

/// @file
/// What two states must have in common to be one: all that decides what can happen next.
///
/// Time counts only as far as a decision depends on it (how long until a restart is due, not when
/// it is; that a timer runs, not for how long: time passes when nobody else can do anything). The
/// pods of a job of one role are interchangeable: of a state and the one in which two of its pods
/// have changed places, one is visited. Where code looks at pods in their order (which of two
/// failures came first), the caller says so and the state stands for itself alone.

namespace dlws::job::sim {

class Fingerprint {
  public:
    explicit Fingerprint(model::Time now) : now_(now) {}

    void Add(std::string text) { texts_.push_back(std::move(text)); }
    void Add(std::shared_ptr<const model::DLJob> job);
    /// `truth`: to which of them are what the API server holds.
    void Add(const std::map<std::string, model::PodView>& pods,
             const std::map<std::string, model::PodView>& truth);

    /// The smallest of the hashes over all ways to number the pods from 0 to `interchangeable` - 1.
    std::uint64_t Hash(int interchangeable) const;

  private:
    std::string Text(const model::PodView& pod) const;

    model::Time now_;
    std::vector<std::string> texts_;
    std::vector<std::vector<std::string>> pods_;  // of each view of them
};

}  // namespace dlws::job::sim
