// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/crypto.h"

#include <gtest/gtest.h>

namespace dlws::portal {
namespace {

std::string Unhex(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        bytes += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
    return bytes;
}

TEST(CryptoTest, HkdfIsThatOfTheRfc) {
    // RFC 5869, A.1, its first 32 bytes.
    const Secret key(std::string(22, '\x0b'));
    EXPECT_EQ(
        HexOf(
            Hkdf(key, Unhex("000102030405060708090a0b0c"), Unhex("f0f1f2f3f4f5f6f7f8f9")).Reveal()),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

TEST(CryptoTest, HmacIsThatOfTheRfc) {
    // RFC 4231, test case 2.
    EXPECT_EQ(HexOf(HmacSha256(Secret("Jefe"), "what do ya want for nothing?")),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(CryptoTest, NoNonceComesTwice) {
    const Secret key(RandomBytes(32));
    const std::string one = Encrypt(key, "text", "a"), two = Encrypt(key, "text", "a");
    EXPECT_NE(one.substr(0, kNonceBytes), two.substr(0, kNonceBytes));
    EXPECT_NE(one, two);
    EXPECT_EQ(Decrypt(key, one, "a")->Reveal(), "text");
    EXPECT_EQ(Decrypt(key, one, "b"), std::nullopt);
    EXPECT_EQ(Decrypt(Secret(RandomBytes(32)), one, "a"), std::nullopt);
    EXPECT_EQ(Decrypt(key, one.substr(0, kNonceBytes + kTagBytes - 1), "a"), std::nullopt);
}

TEST(CryptoTest, BytesAreComparedToTheEnd) {
    EXPECT_TRUE(SameBytes("abc", "abc"));
    EXPECT_FALSE(SameBytes("abc", "abd"));
    EXPECT_FALSE(SameBytes("abc", "ab"));
    EXPECT_TRUE(SameBytes("", ""));
}

}  // namespace
}  // namespace dlws::portal
