// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/jws.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "kube/base64.h"
#include "portal/server/session/crypto.h"
#include "portal/server/session/testing/signer.h"

namespace dlws::portal {
namespace {

using testing::Signer;
using testing::SigningInput;

constexpr std::string_view kPayload = R"({"sub":"alice"})";

std::string SetOf(const std::string& keys) {
    return fmt::format(R"({{"keys":[{}]}})", keys);
}
std::vector<Jwk> Keys(const std::string& keys) {
    return ParseJwks(SetOf(keys)).value();
}

class EachAlgorithm : public ::testing::TestWithParam<std::string> {};

TEST_P(EachAlgorithm, WhatItsKeySignedIsTaken) {
    const Signer signer(GetParam());
    const auto payload = VerifyJws(signer.Sign(kPayload), Keys(signer.Jwk()));
    ASSERT_TRUE(payload) << payload.error().message;
    EXPECT_EQ(*payload, kPayload);
    EXPECT_TRUE(VerifyJws(signer.Sign(kPayload),
                          Keys(signer.Jwk(fmt::format(R"("alg":"{}")", GetParam())))));
}

TEST_P(EachAlgorithm, ASignatureOfAnotherKeyOrTextIsNot) {
    const Signer signer(GetParam()), other(GetParam());
    const auto keys = Keys(signer.Jwk());
    const std::string token = signer.Sign(kPayload);
    EXPECT_FALSE(VerifyJws(other.Sign(kPayload), keys));
    const std::string signature = token.substr(token.rfind('.') + 1);
    const std::string header = fmt::format(R"({{"alg":"{}","kid":"key-1"}})", GetParam());
    EXPECT_TRUE(VerifyJws(SigningInput(header, kPayload) + "." + signature, keys));
    EXPECT_FALSE(VerifyJws(SigningInput(header, R"({"sub":"bob"})") + "." + signature, keys));
    EXPECT_FALSE(VerifyJws(SigningInput(header + " ", kPayload) + "." + signature, keys));
    std::string bytes = kube::DecodeBase64Url(signature).value();
    for (const std::size_t at : {std::size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_FALSE(
            VerifyJws(SigningInput(header, kPayload) + "." + kube::EncodeBase64Url(changed), keys))
            << at;
    }
    for (const std::string& wrong : {std::string(), bytes + "x", bytes.substr(1), bytes + bytes,
                                     std::string(bytes.size(), '\0')})
        EXPECT_FALSE(
            VerifyJws(SigningInput(header, kPayload) + "." + kube::EncodeBase64Url(wrong), keys))
            << wrong.size();
}

INSTANTIATE_TEST_SUITE_P(JwsTest, EachAlgorithm,
                         ::testing::Values("RS256", "PS256", "ES256", "ES384"),
                         [](const auto& info) { return info.param; });

TEST(JwsTest, NoneIsNoAlgorithm) {
    const Signer signer("RS256");
    for (const char* alg : {"none", "None", "NONE", ""}) {
        const std::string header = fmt::format(R"({{"alg":"{}","kid":"key-1"}})", alg);
        EXPECT_FALSE(VerifyJws(SigningInput(header, kPayload) + ".", Keys(signer.Jwk()))) << alg;
        EXPECT_FALSE(VerifyJws(signer.Sign(kPayload, header), Keys(signer.Jwk()))) << alg;
    }
    EXPECT_FALSE(VerifyJws(signer.Sign(kPayload, R"({"kid":"key-1"})"), Keys(signer.Jwk())));
    EXPECT_FALSE(VerifyJws(signer.Sign(kPayload, R"({"alg":["RS256"]})"), Keys(signer.Jwk())));
}

TEST(JwsTest, APublicKeyIsNoSharedSecret) {
    const Signer signer("RS256");
    const std::string input = SigningInput(R"({"alg":"HS256","kid":"key-1"})", kPayload);
    for (const std::string& secret : {signer.PublicPem(), signer.Jwk()}) {
        const std::string forged =
            input + "." + kube::EncodeBase64Url(HmacSha256(Secret(secret), input));
        const auto refused = VerifyJws(forged, Keys(signer.Jwk()));
        ASSERT_FALSE(refused);
        EXPECT_NE(refused.error().message.find("HS256"), std::string::npos);
    }
    // Nor is a symmetric key in the set a key of ours.
    EXPECT_FALSE(ParseJwks(SetOf(R"({"kty":"oct","k":"c2VjcmV0","kid":"key-1"})")));
}

TEST(JwsTest, TheAlgorithmMustFitTheKey) {
    const Signer rsa("RS256"), pss("PS256"), p256("ES256"), p384("ES384");
    // The header says one thing, the signature is another's.
    EXPECT_FALSE(
        VerifyJws(rsa.Sign(kPayload, R"({"alg":"PS256","kid":"key-1"})"), Keys(rsa.Jwk())));
    EXPECT_FALSE(
        VerifyJws(pss.Sign(kPayload, R"({"alg":"RS256","kid":"key-1"})"), Keys(pss.Jwk())));
    EXPECT_FALSE(
        VerifyJws(p384.Sign(kPayload, R"({"alg":"ES256","kid":"key-1"})"), Keys(p384.Jwk())));
    EXPECT_FALSE(
        VerifyJws(p256.Sign(kPayload, R"({"alg":"RS256","kid":"key-1"})"), Keys(p256.Jwk())));
    // A key that is for one algorithm serves no other, even if the signature is good.
    EXPECT_FALSE(VerifyJws(pss.Sign(kPayload), Keys(pss.Jwk(R"("alg":"RS256")"))));
    EXPECT_TRUE(VerifyJws(pss.Sign(kPayload), Keys(pss.Jwk())));
}

TEST(JwsTest, KeysRotate) {
    const Signer old("RS256", "2025"), now("RS256", "2026");
    EXPECT_TRUE(VerifyJws(now.Sign(kPayload), Keys(old.Jwk() + "," + now.Jwk())));
    EXPECT_TRUE(VerifyJws(old.Sign(kPayload), Keys(old.Jwk() + "," + now.Jwk())));
    const auto unknown = VerifyJws(now.Sign(kPayload), Keys(old.Jwk()));
    ASSERT_FALSE(unknown);
    EXPECT_TRUE(unknown.error().unknown_key);
    // The right name with the wrong key is a forgery, and no reason to ask the provider.
    const auto forged = VerifyJws(Signer("RS256", "2025").Sign(kPayload), Keys(old.Jwk()));
    ASSERT_FALSE(forged);
    EXPECT_FALSE(forged.error().unknown_key);
    // A token that names no key: any of them.
    EXPECT_TRUE(
        VerifyJws(now.Sign(kPayload, R"({"alg":"RS256"})"), Keys(old.Jwk() + "," + now.Jwk())));
    EXPECT_TRUE(
        VerifyJws(now.Sign(kPayload, R"({"alg":"RS256"})"), Keys(old.Jwk())).error().unknown_key);
}

TEST(JwsTest, WhatIsNoTokenIsRefused) {
    const Signer signer("ES256");
    const auto keys = Keys(signer.Jwk());
    const std::string good = signer.Sign(kPayload);
    ASSERT_TRUE(VerifyJws(good, keys));
    for (const std::string& wrong :
         {std::string(), std::string("."), std::string(".."), std::string("a.b"), good + ".",
          good + "=", good + "\n", "." + good, good.substr(0, good.rfind('.')),
          signer.Sign(kPayload, R"(["ES256"])"), signer.Sign(kPayload, "{"),
          signer.Sign(kPayload, R"({"alg":"ES256","kid":"key-1","crit":["b64"],"b64":false})"),
          signer.Sign(std::string(kMaxToken, 'a'))})
        EXPECT_FALSE(VerifyJws(wrong, keys)) << wrong.substr(0, 100);
}

TEST(JwksTest, KeysThatCannotBeUsedAreLeftOut) {
    const Signer signer("ES256");
    const std::string good = signer.Jwk(R"("use":"sig","key_ops":["verify"])");
    const std::string off_curve = R"({"kty":"EC","crv":"P-256","kid":"key-1","x":")" +
                                  std::string(43, 'A') + R"(","y":")" + std::string(43, 'A') +
                                  R"("})";
    const std::string weak_exponent = [] {
        std::string jwk = Signer("RS256").Jwk();
        return jwk.replace(jwk.find("AQAB"), 4, "AQ");
    }();
    for (const std::string& useless :
         {signer.Jwk(R"("use":"enc")"), signer.Jwk(R"("key_ops":["sign"])"),
          signer.Jwk(R"("key_ops":"verify")"), off_curve, weak_exponent, std::string("1"),
          std::string(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"), std::string(R"({"kty":"RSA"})"),
          std::string(R"({"kty":"OKP","crv":"Ed25519","x":"AA"})"),
          std::string(R"({"kty":["EC"]})"),
          std::string(R"({"kty":"EC","crv":"P-521","x":"AA","y":"AA"})"), std::string("{}")}) {
        EXPECT_FALSE(ParseJwks(SetOf(useless))) << useless;
        const auto keys = ParseJwks(SetOf(useless + "," + good));
        ASSERT_TRUE(keys) << useless;
        EXPECT_EQ(keys->size(), 1U) << useless;
    }
}

TEST(JwksTest, ASetHasItsLimits) {
    const std::string key = Signer("ES256").Jwk();
    std::string many = key;
    for (std::size_t i = 1; i < kMaxKeys; ++i)
        many += "," + key;
    EXPECT_EQ(Keys(many).size(), kMaxKeys);
    EXPECT_FALSE(ParseJwks(SetOf(many + "," + key)));
    EXPECT_FALSE(ParseJwks(SetOf(key) + std::string(kMaxJwks, ' ')));
    for (const char* wrong : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})", "{"})
        EXPECT_FALSE(ParseJwks(wrong)) << wrong;
}

}  // namespace
}  // namespace dlws::portal
