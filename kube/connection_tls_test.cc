// SPDX-License-Identifier: Apache-2.0
// Whom we believe to be the API server, and who we show to be.
#include "kube/connection_tls.h"

#include <filesystem>
#include <fstream>

#include "kube/client_test_fixture.h"
#include "kube/testing/imposter_certificates.h"

namespace dlws::kube {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using testing::Imposter;

class TlsTest : public ::testing::Test {
  public:
    Result<std::string> Try(Imposter& server, const Config& config) {
        server.When("GET", "/x").Reply(200, "ok");
        Client client(io.get_executor(), config, {.connect_timeout = 1s});
        return testing::Run(io, client.GetRaw("/x"));
    }
    void Refused(Imposter& server, const Config& config, const char* why) {
        const auto text = Try(server, config);
        ASSERT_FALSE(text);
        EXPECT_EQ(text.error().kind, ErrorKind::kNetwork);
        EXPECT_THAT(text.error().message, HasSubstr(why));
        EXPECT_TRUE(server.Requests().empty());
    }
    boost::asio::io_context io;
};

TEST_F(TlsTest, VerifiesAddressesAndNames) {
    Imposter server({.tls = true});
    Config config = server.ClientConfig();
    EXPECT_TRUE(Try(server, config));
    config.tls_server_name = "localhost";
    EXPECT_TRUE(Try(server, config));
    config.tls_server_name = "kubernetes.default";
    const auto text = Try(server, config);
    ASSERT_FALSE(text);
    EXPECT_THAT(text.error().message, HasSubstr("not valid for 'kubernetes.default'"));
    EXPECT_THAT(text.error().message, HasSubstr("ostname mismatch"));
}

TEST_F(TlsTest, RefusesAnAddressThatIsNotInTheCertificate) {
    Imposter server({.tls = true, .certificate_addresses = {"10.0.0.1"}});
    Refused(server, server.ClientConfig(), "IP address mismatch");
}

TEST_F(TlsTest, RefusesAnAddressThatIsInTheCertificateAsANameOnly) {
    Imposter server(
        {.tls = true, .certificate_names = {"127.0.0.1"}, .certificate_addresses = {"10.0.0.1"}});
    Refused(server, server.ClientConfig(), "IP address mismatch");
}

TEST_F(TlsTest, RefusesAStrangersAuthority) {
    Imposter server({.tls = true});
    Config config = server.ClientConfig();
    config.ca_pem = testing::MakeTestCertificates({"localhost"}, {}).ca;
    Refused(server, config, "certificate");
    config.ca_pem.clear();  // the system's store knows nothing of our imposter
    Refused(server, config, "certificate");
    config.insecure_skip_verify = true;
    EXPECT_TRUE(Try(server, config));
}

TEST_F(TlsTest, RefusesAnExpiredCertificate) {
    Imposter server({.tls = true, .expired_certificate = true});
    Refused(server, server.ClientConfig(), "expired");
}

TEST_F(TlsTest, RefusesOldTls) {
    Imposter server({.tls = true, .tls11_only = true});
    Refused(server, server.ClientConfig(), "TLS handshake");
}

TEST_F(TlsTest, AHandshakeThatNeverEndsIsATimeout) {
    Imposter server({.tls = true, .never_handshake = true});
    const auto begin = std::chrono::steady_clock::now();
    const auto text = Try(server, server.ClientConfig());
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().kind, ErrorKind::kTimeout);
    EXPECT_THAT(text.error().message, HasSubstr("handshake"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
}

TEST_F(TlsTest, PlainServersAreNoTlsServers) {
    Imposter server;
    Config config = server.ClientConfig();
    config.tls = true;
    const auto text = Try(server, config);
    ASSERT_FALSE(text);
    EXPECT_TRUE(text.error().IsTransient());
}

TEST_F(TlsTest, ShowsTheClientCertificateOrIsSentAway) {
    Imposter server({.tls = true, .require_client_certificate = true});
    Config config = server.ClientConfig();
    ASSERT_TRUE(Try(server, config));
    EXPECT_EQ(server.Requests().back().client_name, "imposter-client");
    config.client_cert_pem = config.client_key_pem = "";
    const auto text = Try(server, config);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().kind, ErrorKind::kNetwork);
}

TEST_F(TlsTest, UnusableMaterialIsNamed) {
    const auto good = testing::MakeTestCertificates({"localhost"}, {});
    const auto other = testing::MakeTestCertificates({"localhost"}, {});
    const auto refused = [](internal::TlsMaterial material, const char* why) {
        const auto context = internal::MakeTlsContext(material);
        ASSERT_FALSE(context) << why;
        EXPECT_EQ(context.error().kind, ErrorKind::kInvalidArgument);
        EXPECT_THAT(context.error().message, HasSubstr(why));
    };
    refused({.ca_pem = "rubbish"}, "authority");
    refused({.certificate_pem = good.client_certificate}, "no key");
    refused({.key_pem = good.client_key}, "no certificate");
    refused({.certificate_pem = "rubbish", .key_pem = good.client_key}, "client certificate");
    refused({.certificate_pem = good.client_certificate, .key_pem = "rubbish"}, "client key");
    refused({.certificate_pem = good.client_certificate, .key_pem = other.client_key},
            "client key");
    EXPECT_TRUE(internal::MakeTlsContext(
        {.certificate_pem = good.client_certificate, .key_pem = good.client_key}));
}

class CertificateFilesTest : public TlsTest {
  public:
    CertificateFilesTest() : folder(::testing::TempDir() + "pki-" + std::to_string(getpid())) {}
    void SetUp() override { std::filesystem::create_directories(folder); }
    void TearDown() override { std::filesystem::remove_all(folder); }
    std::string Write(const std::string& name, const std::string& text) const {
        std::ofstream(folder + "/" + name) << text;
        return folder + "/" + name;
    }
    const std::string folder;
};

TEST_F(CertificateFilesTest, AreReadAgainWhileRunning) {
    Imposter server({.tls = true, .require_client_certificate = true});
    server.When("GET", "/x").Reply(200, "ok");
    Config config = server.ClientConfig();
    config.ca_pem = config.client_cert_pem = config.client_key_pem = "";
    config.ca_file = Write("ca", server.CaPem());
    config.client_cert_file = Write("crt", server.ClientCertificatePem());
    config.client_key_file = Write("key", server.ClientKeyPem());
    Client client(io.get_executor(), config, {.certificate_reload = 100ms});
    ASSERT_TRUE(testing::Run(io, client.GetRaw("/x")));

    const auto [certificate, key] = server.IssueClientCertificate("renewed");
    Write("crt", certificate);
    testing::RunFor(io, 150ms);
    // Certificate and key do not fit: the kubelet was caught between two writes. Keep the old pair.
    ASSERT_TRUE(testing::Run(io, client.GetRaw("/x")));
    EXPECT_EQ(server.Requests().back().client_name, "imposter-client");
    Write("key", key);
    testing::RunFor(io, 150ms);
    ASSERT_TRUE(testing::Run(io, client.GetRaw("/x")));
    EXPECT_EQ(server.Requests().back().client_name, "renewed");
    EXPECT_EQ(server.Connections(), 2);
    // The connection of the old identity is gone, not merely unused.
    EXPECT_TRUE(Eventually(io, [&] { return server.OpenConnections() == 1; }));
    // Nothing changed: nothing is thrown away.
    testing::RunFor(io, 150ms);
    ASSERT_TRUE(testing::Run(io, client.GetRaw("/x")));
    EXPECT_EQ(server.Connections(), 2);
}

TEST_F(CertificateFilesTest, ANewAuthorityIsBelievedAfterItsTime) {
    Imposter server({.tls = true});
    server.When("GET", "/x").Reply(200, "ok");
    Config config = server.ClientConfig();
    config.ca_pem = "";
    config.ca_file = Write("ca", testing::MakeTestCertificates({"localhost"}, {}).ca);
    Client client(io.get_executor(), config, {.certificate_reload = 100ms});
    EXPECT_FALSE(testing::Run(io, client.GetRaw("/x")));
    Write("ca", server.CaPem());
    testing::RunFor(io, 150ms);
    const auto text = testing::Run(io, client.GetRaw("/x"));
    EXPECT_TRUE(text) << text.error().message;
}

}  // namespace
}  // namespace dlws::kube
