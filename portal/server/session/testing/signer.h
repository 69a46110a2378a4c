// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

namespace dlws::portal::testing {

/// A provider's key, for tests: signs tokens and shows its public half.
///
///     Signer signer("RS256", "key-1");
///     std::string token = signer.Sign(R"({"sub":"alice"})");
///     std::string jwks = R"({"keys":[)" + signer.Jwk() + "]}";
class Signer {
  public:
    /// `alg`: RS256, PS256, ES256 or ES384; makes a new key.
    explicit Signer(std::string alg, std::string kid = "key-1");

    /// In compact form. `header` empty: {"alg":ALG,"kid":KID}.
    std::string Sign(std::string_view payload, std::string header = "") const;
    /// The signature alone, as JOSE writes it.
    std::string Signature(std::string_view text) const;
    /// The public key as one JWK, with `more` such as R"("use":"enc")" added to it.
    std::string Jwk(std::string_view more = "") const;
    /// The public key in PEM.
    std::string PublicPem() const;

  private:
    std::string alg_, kid_;
    std::shared_ptr<EVP_PKEY> key_;
};

/// HEADER.PAYLOAD in base64url, as it is signed.
std::string SigningInput(std::string_view header, std::string_view payload);

}  // namespace dlws::portal::testing
