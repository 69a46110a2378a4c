// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "kube/certificates.h"

/// @file
/// Our own issuer: which certificate the webhook shows at a moment, and when a new one is due.
/// Pure, but for the making of keys.
///
/// A Secret holds two pairs, each of an authority of its own whose key nobody keeps. A new pair is
/// made after two thirds of the newer one's life. API servers are told to trust both at once, and
/// the newer is shown only some time after that (`Overlap`): whoever reads the Secret late, or
/// hears of the new authority late, is served all the same.

namespace dlws::webhook {

struct Certificate {
    std::string authority;  ///< PEM
    kube::PemPair pair;
    kube::Validity validity;
};

struct KeptCertificates {
    std::optional<Certificate> newer, older;
};

/// Reads a Secret's bytes; a pair that cannot be used, or is not for `name`, counts as absent.
KeptCertificates ReadSecret(std::string_view secret, const std::string& name);
/// Merge patch (RFC 7386) that puts `made` before what was the newer one. It asks for the
/// resourceVersion: another replica may be doing the same.
std::string SecretPatch(const KeptCertificates& kept, const Certificate& made,
                        std::string_view resource_version);

using Moment = std::chrono::sys_seconds;

/// A pair that holds for `lifetime` from now on.
Certificate Issue(const std::string& name, Moment now, std::chrono::seconds lifetime);

/// How long a new certificate is only trusted before it is shown.
std::chrono::seconds Overlap(std::chrono::seconds lifetime);
/// How often the Secret is to be read again.
std::chrono::seconds RereadAfter(std::chrono::seconds lifetime);

/// Whether a new pair is to be issued.
bool IsDue(const KeptCertificates& kept, Moment now, std::chrono::seconds lifetime);
/// The one to show, or null.
const Certificate* ToShow(const KeptCertificates& kept, Moment now, std::chrono::seconds lifetime);
/// The authorities to be trusted, PEM.
std::string Bundle(const KeptCertificates& kept);

}  // namespace dlws::webhook
