// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "model/dlcluster.h"

/// @file
/// Internal to model/: who the user of a pod is, for programs that ask getpwuid(3) and getgrgid(3):
/// images cannot know the cluster's users. Both files come from annotations of the pod through a
/// downwardAPI volume, so that they cost no object of their own.

namespace dlws::model {

/// passwd(5): root, nobody and the user.
std::string PasswdFile(const PodUser& user, std::string_view home);
/// group(5): root, nogroup, the user's group and the further ones.
std::string GroupFile(const PodUser& user);

}  // namespace dlws::model
