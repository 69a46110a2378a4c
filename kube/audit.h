// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// @file
/// Who asked for and decided over special permissions, a line each on standard output:
///
///     Audit("approve", {{"user", "carol"}, {"job", "vision/digits"}});
///     // {"ts":"2026-11-29T10:00:00.000Z","audit":"approve","user":"carol","job":"vision/digits"}
///
/// Each line is one JSON object. Whatever stands in a value, it neither begins another line nor
/// drives a terminal. Thread-safe.

namespace dlws::kube {

using AuditFields = std::vector<std::pair<std::string_view, std::string>>;

void Audit(std::string_view event, const AuditFields& fields);
/// False: nothing is written, as in a simulation.
void SetAudit(bool on);

/// The line without the time, for Audit and for tests.
std::string AuditLine(std::string_view event, const AuditFields& fields);

}  // namespace dlws::kube
