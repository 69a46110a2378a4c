// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

namespace dlws::cli {

/// What the program ends with; scripts rely on these numbers.
enum Exit : int {
    kOk = 0,
    kRefused = 1,      ///< the portal or the API server says no
    kCommandLine = 2,  ///< also: a file or setting of this machine that cannot be used
    kNotLoggedIn = 3,
    kNotThere = 4,
    kPortalAway = 5,  ///< no answer, no trust in its certificate, or an answer of 5xx
    kJobFailed = 10,  ///< `logs -f`, `submit --wait` and `--follow` end with the job's end
    kJobStopped = 11,
    kStillRuns = 12,     ///< --timeout was over before the job
    kInterrupted = 130,  ///< Ctrl-C, as shells write it
};

/// Thrown where a command cannot go on; Main() prints the text and ends with the code. Nothing of
/// the program catches it before, but what goes on with the next of several jobs.
struct Failure {
    int code = kRefused;
    std::string text;  ///< for people, without the program's name; may have several lines

    Failure(int code, std::string text) : code(code), text(std::move(text)) {}
};

}  // namespace dlws::cli
