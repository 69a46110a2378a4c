// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "model/dljob.h"

/// @file
/// What every object we make for a job has in common, and the smallest of them, the fence. Pure.

namespace dlws::model {

/// The labels that say whose it is: job, job UID, managed-by.
boost::json::object OwnedLabels(const Metadata& job);

/// The job as the controller of the object: it goes when the job goes.
boost::json::array OwnerReferences(const Metadata& job);

/// `metadata` of an object of that name beside the job.
boost::json::object OwnedMeta(const Metadata& job, std::string_view name);

/// A fence: a ConfigMap that a pod reads before its container starts. A closed one lacks the key,
/// so a pod that was created late (by an operator that has lost its lease and does not know) stays
/// there and never runs beside the one that is made in its place. A closed fence is kept: its name
/// stops a late creation of an open one. The key is the job's UID: what is left of an earlier job
/// of the same name neither opens nor closes it.
std::string MakeFence(const Metadata& job, std::string_view name, bool open);

/// The fence that all pods of one gang read. Where pods are replaced alone (RetryScope::Pod) each
/// reads one of its own name besides.
std::string GangFenceName(std::string_view job, int attempt);

/// Merge patch (RFC 7386) that closes a fence of that job; closing twice changes nothing.
std::string CloseFencePatch(std::string_view job_uid);

}  // namespace dlws::model
