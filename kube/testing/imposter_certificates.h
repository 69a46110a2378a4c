// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace dlws::kube::testing {

/// A fresh authority with one server and one client certificate, all PEM, made in memory
/// (EC P-256, valid for a day).
struct TestCertificates {
    std::string ca, ca_key;
    std::string server_certificate, server_key;
    std::string client_certificate, client_key;
};

/// `names` and `addresses` become the server's subjectAltNames; `expired`: the server certificate
/// ended an hour ago; `client_name`: the client's common name. Throws std::runtime_error.
TestCertificates MakeTestCertificates(const std::vector<std::string>& names,
                                      const std::vector<std::string>& addresses,
                                      bool expired = false,
                                      const std::string& client_name = "imposter-client");

struct TestPair {
    std::string certificate, key;
};
/// Another client certificate of the same authority.
TestPair IssueClientCertificate(const TestCertificates& authority, const std::string& client_name);

}  // namespace dlws::kube::testing
