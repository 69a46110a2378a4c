// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "cli/options.h"

namespace dlws::cli {

/// The limits of spec.files in the CustomResourceDefinition.
inline constexpr std::size_t kMaxFiles = 32;
inline constexpr std::size_t kMaxFileBytes = 262144;

struct SubmittedFile {
    std::string path;  ///< as it was given; its last part is its name in /job
    std::string content;
};

/// The DLJob that `dlws submit SCRIPT … -- ARGS` means. The script is the first of `files`, if
/// there is one, and runs from /job: by `--run-with`, else *.py by python3, *.sh by bash, and one
/// that begins with #! by itself. Without a script the words after -- are the command. `variable`
/// gives the value of an environment variable of the caller's, null when it is not set. Pure.
/// Throws a Failure (kCommandLine) that says what to write instead; what only the cluster knows is
/// left to the portal.
boost::json::object MakeManifest(const Arguments& arguments,
                                 const std::vector<SubmittedFile>& files,
                                 const char* (*variable)(const char*));

/// What a manifest says of itself, before it is sent.
struct ManifestAbout {
    std::string name;  ///< or empty
    std::string ns;    ///< or empty
    bool json = false;
};

/// Throws a Failure (kCommandLine) unless `text` is one YAML or JSON document with a map in it.
ManifestAbout LookAtManifest(const std::string& text, const std::string& source);

}  // namespace dlws::cli
