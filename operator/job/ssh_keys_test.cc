// SPDX-License-Identifier: Apache-2.0
#include "operator/job/ssh_keys.h"

#include <gtest/gtest.h>

namespace dlws::job {
namespace {

// The seed and its public key are RFC 8032's test 1; `ssh-keygen -y` makes the same public line of
// the file.
TEST(SshKeys, OfAKnownSeed) {
    const std::array<unsigned char, 32> seed = {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60,
                                                0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
                                                0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19,
                                                0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};
    auto keys = SshKeysFromSeed(seed);
    ASSERT_TRUE(keys) << keys.error();
    EXPECT_EQ(keys->public_key,
              "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea");
    EXPECT_EQ(keys->private_key, R"(-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
QyNTUxOQAAACDXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGgAAAJAAAAAAAAAA
AAAAAAtzc2gtZWQyNTUxOQAAACDXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWvAhpo9wdRGg
AAAECdYbGd7/1aYLqESvSS7CzEREnFaXsyaRlwO6wDHK5/YNdamAGCsQq31Uv+08lkBzoO
4XLz2qYjJa8CGmj3B1EaAAAAC2Rsd29ya3NwYWNlAQI=
-----END OPENSSH PRIVATE KEY-----
)");
}

TEST(SshKeys, AreNewEachTime) {
    auto one = MakeSshKeys(), two = MakeSshKeys();
    ASSERT_TRUE(one && two);
    EXPECT_NE(one->public_key, two->public_key);
    EXPECT_NE(one->private_key, two->private_key);
    EXPECT_EQ(one->private_key.size(), two->private_key.size());
}

}  // namespace
}  // namespace dlws::job
