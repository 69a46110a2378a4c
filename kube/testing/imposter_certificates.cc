// SPDX-License-Identifier: Apache-2.0
#include "kube/testing/imposter_certificates.h"

#include "kube/certificates.h"

namespace dlws::kube::testing {
namespace {

using namespace std::chrono_literals;

Validity Around(std::chrono::seconds end) {
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    return {now - 2h, now + end};
}

}  // namespace

TestCertificates MakeTestCertificates(const std::vector<std::string>& names,
                                      const std::vector<std::string>& addresses, bool expired,
                                      const std::string& client_name) {
    const PemPair ca = MakeAuthority("imposter-ca", Around(24h));
    const PemPair server =
        IssueCertificate(ca, "imposter", {names, addresses}, Around(expired ? -1h : 24h));
    const PemPair client = IssueCertificate(ca, client_name, {}, Around(24h));
    return {ca.certificate, ca.key, server.certificate, server.key, client.certificate, client.key};
}

TestPair IssueClientCertificate(const TestCertificates& authority, const std::string& client_name) {
    const PemPair made =
        IssueCertificate({authority.ca, authority.ca_key}, client_name, {}, Around(24h));
    return {made.certificate, made.key};
}

}  // namespace dlws::kube::testing
