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

}  // namespace
}  // namespace dlws::e2e
