// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "cli/session.h"

namespace dlws::cli {

/// How log lines are printed.
struct LogStyle {
    bool ranks = false;  ///< begin with the rank, since there are several
    bool attempts = false;
    bool timestamps = false;
    Screen screen;  ///< raw where it is no terminal

    /// One LogLine of the contract, with its line feed. Pure.
    std::string Line(const boost::json::value& line) const;
};

/// Of the job and the flags of `dlws logs`; asks how many pods the job has.
LogStyle StyleOf(Session& session, const JobName& job);

/// The query that the flags of `dlws logs` mean.
std::vector<std::pair<std::string, std::string>> LogParameters(const Session& session);

}  // namespace dlws::cli
