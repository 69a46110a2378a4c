// SPDX-License-Identifier: Apache-2.0
// The webhook as something that others wait for: its certificates and its replicas change, and no
// call fails.
#include <fmt/format.h>

#include <atomic>
#include <thread>

#include "test/approval/fixture.h"

namespace dlws::e2e {
namespace {

// Asks again and again, until it is told to end, what a job would become.
class Caller {
  public:
    explicit Caller(std::function<Reply()> ask)
        : thread_([this, ask = std::move(ask)] {
              while (!end_) {
                  const Reply reply = ask();
                  ++calls_;
                  if (!reply.ok() && wrong_.empty())
                      wrong_ = fmt::format("call {}: {} {}", calls_, reply.code, reply.text);
              }
          }) {}
    ~Caller() { End(); }
    void End() {
        end_ = true;
        if (thread_.joinable()) thread_.join();
    }
    int calls() const { return calls_; }
    const std::string& wrong() const { return wrong_; }

  private:
    std::atomic<bool> end_ = false;
    int calls_ = 0;
    std::string wrong_;
    std::thread thread_;
};

TEST_F(Admission, ARollingUpdateFailsNoCall) {
    const Api alice = LogIn("alice");
    Caller caller([&] { return Create(alice, "asks", "command: ['true']", true); });
    MustShell(kKubectl + " -n dlws-system rollout restart deployment dlworkspace-webhook");
    MustShell(kKubectl + " -n dlws-system rollout status deployment dlworkspace-webhook",
              std::chrono::minutes(2));
    std::this_thread::sleep_for(std::chrono::seconds(15));  // the old ones go on for ten seconds
    caller.End();
    EXPECT_EQ(caller.wrong(), "");
    EXPECT_GT(caller.calls(), 100);
    PrintFigure("admission_calls_during_update", caller.calls(), "calls");
}

std::string Expiry(const Json& secret) {
    return Text(secret, "data/tls.crt");
}

TEST_F(Admission, ANewCertificateFailsNoCall) {
    const Api alice = LogIn("alice");
    broken_ = true;  // what follows is not what the chart says
    MustShell(kKubectl +
              " -n dlws-system patch deployment dlworkspace-webhook --type json -p "
              R"('[{"op":"add","path":"/spec/template/spec/containers/0/args/-",)"
              R"("value":"--certificate-seconds=60"}]')");
    MustShell(kKubectl + " -n dlws-system rollout status deployment dlworkspace-webhook",
              std::chrono::minutes(2));
    const std::string path = "/api/v1/namespaces/dlws-system/secrets/dlworkspace-webhook";
    int renewed = 0;
    std::string last = Expiry(api().Get(path).body);
    ASSERT_NE(last, "");
    Caller caller([&] { return Create(alice, "asks", "command: ['true']", true); });
    const bool twice = WaitUntil(
        "two new certificates",
        [&] {
            const std::string now = Expiry(api().Get(path).body);
            renewed += now != last;
            last = now;
            return renewed == 2;
        },
        150);
    // The second is shown by now.
    std::this_thread::sleep_for(std::chrono::seconds(8));
    caller.End();
    EXPECT_TRUE(twice);
    EXPECT_EQ(caller.wrong(), "");
    PrintFigure("admission_calls_during_renewal", caller.calls(), "calls");
}

// cert-manager is not here: the test does to the Secret and the configurations what it would do.
class CertManager : public Admission {
  protected:
    static void Issue() {
        MustShell("set -e; pki=" + kFolder +
                  "; mkdir -p $pki; source test/cluster/certs.sh; [ -s $pki/ca.crt ] || "
                  "make_authority ca; make_certificate tls /CN=webhook "
                  "DNS:dlworkspace-webhook.dlws-system.svc");
        MustShell(kKubectl +
                  " -n dlws-system create secret tls dlworkspace-webhook-certificate "
                  "--dry-run=client -o yaml --cert=" +
                  kFolder + "/tls.crt --key=" + kFolder + "/tls.key | " + kKubectl + " apply -f -");
    }
    static void HaveTrusted() {
        for (const char* kind :
             {"mutatingwebhookconfiguration", "validatingwebhookconfiguration"}) {
            const std::string name = std::string(kind) + " dlworkspace-webhook";
            MustShell(kKubectl + " get " + name + " -o json | jq --arg ca \"$(base64 -w0 " +
                      kFolder + "/ca.crt)\" '.webhooks[].clientConfig.caBundle = $ca' | " +
                      kKubectl + " replace -f -");
        }
    }
    static int Shown() {
        return std::stoi(
            MustShell(kKubectl +
                      " -n dlws-system logs --tail=-1 -l "
                      "app.kubernetes.io/component=webhook 2>/dev/null | grep -c 'is shown' || "
                      "true"));
    }

    inline static const std::string kFolder = "build/test-certificates";
};

TEST_F(CertManager, ARenewalFailsNoCall) {
    for (const std::string kind : {"issuer", "certificate"})
        MustShell(fmt::format(
            R"(echo '{{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {{"name": "{0}s.cert-manager.io"}}, "spec": {{"group": "cert-manager.io",
            "scope": "Namespaced", "names": {{"kind": "{1}", "plural": "{0}s"}}, "versions": [
            {{"name": "v1", "served": true, "storage": true, "schema": {{"openAPIV3Schema": {{
            "type": "object", "x-kubernetes-preserve-unknown-fields": true}}}}}}]}}}}' |
            {2} apply -f - && {2} wait --for=condition=Established crd {0}s.cert-manager.io)",
            kind, std::string(1, char(std::toupper(kind[0]))) + kind.substr(1), kKubectl));
    Issue();
    broken_ = true;
    MustShell(
        "DLWS_HELM_ARGS=\"${DLWS_HELM_ARGS:-} --set webhook.certManager.enabled=true\" "
        "test/cluster/install.sh",
        std::chrono::minutes(5));
    HaveTrusted();
    const Api alice = LogIn("alice");
    const auto ask = [&] { return Create(alice, "asks", "command: ['true']", true); };
    ASSERT_TRUE(Eventually(std::chrono::seconds(30), [&] { return ask().ok(); })) << ask().text;
    ASSERT_TRUE(Eventually(std::chrono::seconds(30), [&] { return Shown() == 2; }))
        << "one in each replica";
    Caller caller(ask);
    Issue();
    // The kubelet looks at a mounted Secret once a minute or so.
    EXPECT_TRUE(WaitUntil("both show the new one", [&] { return Shown() == 4; }, 150));
    std::this_thread::sleep_for(std::chrono::seconds(2));
    caller.End();
    EXPECT_EQ(caller.wrong(), "");
    PrintFigure("admission_calls_during_cert_manager_renewal", caller.calls(), "calls");
    Restore();
    MustShell(kKubectl + " delete crd issuers.cert-manager.io certificates.cert-manager.io");
}

}  // namespace
}  // namespace dlws::e2e
