// SPDX-License-Identifier: Apache-2.0
#include "kube/base64.h"

#include <gtest/gtest.h>

namespace dlws::kube {
namespace {

TEST(Base64Test, UrlHasOneSpellingForEachValue) {
    EXPECT_EQ(EncodeBase64Url("\xfb\xff"), "-_8");
    EXPECT_EQ(EncodeBase64Url(""), "");
    EXPECT_EQ(DecodeBase64Url("-_8"), "\xfb\xff");
    EXPECT_EQ(DecodeBase64Url(""), "");
    EXPECT_EQ(DecodeBase64Url("YWI"), "ab");
    for (const char* wrong : {"+/8", "-_8=", "-_9", "-_ 8", "-", "-_8\n", "YWJ", "a.b", "===="})
        EXPECT_EQ(DecodeBase64Url(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace dlws::kube
