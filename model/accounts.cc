// SPDX-License-Identifier: Apache-2.0
#include "model/accounts.h"

#include <fmt/format.h>

namespace dlws::model {

std::string PasswdFile(const PodUser& user, std::string_view home) {
    return fmt::format(
        "root:x:0:0:root:/root:/bin/sh\n"
        "{0}:x:{1}:{2}:{0}:{3}:{4}\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
        user.name, user.uid, user.gid, home, user.shell);
}

std::string GroupFile(const PodUser& user) {
    std::string text = fmt::format("root:x:0:\n{}:x:{}:\nnogroup:x:65534:\n", user.name, user.gid);
    for (std::int64_t group : user.groups)
        text += fmt::format("group{0}:x:{0}:{1}\n", group, user.name);
    return text;
}

}  // namespace dlws::model
