// SPDX-License-Identifier: Apache-2.0
#include "portal/server/credential.h"

#include <gtest/gtest.h>

namespace dlws::portal {
namespace {

std::string Read(kube::HttpFields fields, bool sessions = true) {
    kube::HttpRequest request;
    request.fields = std::move(fields);
    const auto credential = CredentialOf(request, sessions);
    if (!credential) return std::to_string(credential.error().status);
    const char* kind = credential->kind == Credential::kNone    ? "none"
                       : credential->kind == Credential::kToken ? "token "
                                                                : "session ";
    return kind + credential->text + (credential->browser ? " browser" : "");
}

TEST(CredentialTest, OneOfManyCookiesIsFound) {
    const kube::HttpFields fields{{"Accept", "*/*"}, {"cookie", "a=1;__Host-dlws=x.y ; b=2"}};
    EXPECT_EQ(FindCookie(fields, kSessionCookie), "x.y");
    EXPECT_EQ(FindCookie(fields, "b"), "2");
    EXPECT_EQ(FindCookie(fields, "__Host-dlws-login"), std::nullopt);
    EXPECT_EQ(FindCookie(fields, "dlws"), std::nullopt);
    EXPECT_EQ(FindCookie({{"Cookie", "=;;;a"}}, "a"), std::nullopt);
}

TEST(CredentialTest, ACookieThatIsThereTwiceIsNone) {
    EXPECT_EQ(FindCookie({{"Cookie", "a=1; a=2"}}, "a"), std::nullopt);
    EXPECT_EQ(FindCookie({{"Cookie", "a=1"}, {"Cookie", "a=1"}}, "a"), std::nullopt);
}

TEST(CredentialTest, IsOneOrNone) {
    EXPECT_EQ(Read({}), "none");
    EXPECT_EQ(Read({{"Cookie", "__Host-dlws=a.b"}}), "session a.b browser");
    EXPECT_EQ(Read({{"Authorization", "Bearer dlws1.a.b"}}), "session a.b");
    EXPECT_EQ(Read({{"Authorization", "BEARER abc"}}), "token abc");
    EXPECT_EQ(Read({{"Authorization", "Bearer abc"}, {"Cookie", "__Host-dlws=a.b"}}), "400");
    // A second one may be somebody else's, put there from a neighbouring host.
    EXPECT_EQ(Read({{"Cookie", "__Host-dlws=a.b; __Host-dlws=c.d"}}), "none");
    EXPECT_EQ(Read({{"Cookie", "__Host-dlws=a.b"}, {"cookie", "__Host-dlws=c.d"}}), "none");
    EXPECT_EQ(Read({{"Cookie", "__Host-dlws=a.b"}}, false), "none");
    EXPECT_EQ(Read({{"Authorization", "Bearer dlws1.a.b"}}, false), "token dlws1.a.b");
}

}  // namespace
}  // namespace dlws::portal
