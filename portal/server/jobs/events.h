// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/dljob.h"
#include "model/storage.h"
#include "model/time.h"
#include "portal/server/jobs/handlers.h"

/// @file
/// Events of a job, its pods and their claims, read with the caller's token when they are asked
/// for.

namespace dlws::portal {

struct EventRow {
    model::Time at{}, first{};
    std::int64_t count = 1;
    std::string type, reason, message, kind, name, reporter;
    std::string uid;         ///< the event's own
    std::string object_uid;  ///< of what it is about; may be empty
};

/// An events.k8s.io/v1 Event, also one that was written as v1; nothing: it is none.
std::optional<EventRow> ReadEvent(std::string_view json);
/// True for the name of a pod of that job: `<job>-<role>-<index>-<attempt>`.
bool IsPodOf(std::string_view pod, std::string_view job);
/// True for the name of a claim that is made for a pod of that job: `<pod>-<volume>` of an
/// ephemeral volume, `<pod>-<claim>-<random>` of a resource claim template.
bool IsClaimOfPodOf(std::string_view claim, std::string_view job);
/// The claims of its namespace that the job's pods mount by name.
std::vector<std::string> ClaimsOf(const model::DLJob& job,
                                  const std::vector<model::Storage>& storages);
/// Schema Event.
std::string EventJson(const EventRow& event);

/// ListEvents. `jobs` outlives the router.
void AddJobEvents(Router& router, const Jobs& jobs);

}  // namespace dlws::portal
