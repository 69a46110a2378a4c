// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "operator/job/notebook.h"

/// @file
/// Internal to decide.cc: what stands before the first pod. The namespace must be managed, the
/// cluster configured, and what the job asks of its nodes allowed or approved.
/// docs/decisions/0019-special-permissions.md.

namespace dlws::job {

class Gate : protected Notebook {
  protected:
    using Notebook::Notebook;

    /// True: decision_.rendered is what pods may be made of now. False: why not is written down,
    /// or something is to be read first.
    bool Open();

    /// Why a job must not go on, as status.approval will say it.
    struct Refusal {
        model::ApprovalStatus::State state;  ///< Denied, Revoked or Expired
        std::string message;
        const model::Approval* denial = nullptr;  ///< of the world, where one denied it
    };
    /// What ends the job: a denial, or pods that run on an approval that is gone.
    /// `paused`: the job is suspended, or about to be resumed: what lives then is ended anyway.
    std::optional<Refusal> ApprovalRefused(bool paused) const;
    static const model::Reason& ReasonOf(model::ApprovalStatus::State state);
    void SayRefused(Refusal refusal);
    /// False: it must be decided again, with what the API server itself says.
    bool ApprovalsRead() const;
    /// Says in the status that the approval is gone where the pods go on all the same. False: as
    /// ApprovalsRead.
    bool NoteLostApproval();
    /// Condition Approved of a job that asks for nothing.
    void NoteNothingAsked();

  private:
    /// What the job would run now, by its user's name.
    std::expected<model::Rendered, model::RenderError> RenderNow() const;
    const model::PodUser& User() const;
    bool OpenForPermissions();
    std::optional<model::Question> WhatIsAsked() const;
    const model::Approval* Granting() const;
    const model::Approval* Denying() const;
    const model::Approval* Named() const;
    model::ApprovalStatus::State HowItWasLost() const;
    bool UseKept();
    bool UseApproval();
    void AwaitApproval();
    void SayWhoDecided(const model::Approval& approval);
    void Describe(const model::Rendered& kept);
};

}  // namespace dlws::job
