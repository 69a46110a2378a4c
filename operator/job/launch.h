// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "operator/job/gate.h"

/// @file
/// Internal to decide.cc: a job that is to run gets its pods, and says what it waits for.

namespace dlws::job {

class Launcher : protected Gate {
  protected:
    using Gate::Gate;

    /// What is missing is made; what is in the way goes first.
    void Advance();

  private:
    bool IsLeftover(const PodView& pod) const;
    bool ScaledAway(const PodView& pod) const;
    bool IsWanted(const model::ReplacedPod& replaced) const;
    bool MustReplace() const;
    std::vector<std::string> FencesToClose() const;
    bool MustGrow() const;
    void Launch();
    bool CreateMissing();
    const model::Role* Waiting() const;
    void Observe();
    void SayWhatIsMissing();
    bool ServiceMissing() const;
    void RestoreService();
};

}  // namespace dlws::job
