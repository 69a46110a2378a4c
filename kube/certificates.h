// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "kube/error.h"

/// @file
/// Makes and reads X.509 certificates (RFC 5280), in memory: P-256 keys, SHA-256 signatures, PEM.
///
///     PemPair ca = MakeAuthority("dlworkspace webhook", {now, now + 90d});
///     PemPair server = IssueCertificate(ca, "dlworkspace-webhook", {.names = {"a.b.svc"}}, …);
///
/// Making one throws std::runtime_error where OpenSSL fails (no memory, no entropy).

namespace dlws::kube {

struct PemPair {
    std::string certificate, key;
};

struct Validity {
    std::chrono::sys_seconds from{}, to{};
    bool operator==(const Validity&) const = default;
};

/// Whom a certificate is for: DNS names and IP addresses.
struct SubjectAlternatives {
    std::vector<std::string> names, addresses;
};

/// Self-signed; may sign others.
PemPair MakeAuthority(const std::string& common_name, Validity validity);
PemPair IssueCertificate(const PemPair& authority, const std::string& common_name,
                         const SubjectAlternatives& alternatives, Validity validity);

/// When the first certificate of `pair` holds. kInvalidArgument: it cannot be read, the key is
/// another's, or it is not for `name` (empty: whomever it is for).
Result<Validity> ReadPair(const PemPair& pair, const std::string& name);

}  // namespace dlws::kube
