// SPDX-License-Identifier: Apache-2.0
// A token that ends while streams are open: it is deleted at the API server, which tells nobody.
#include <future>

#include "test/portal/fixture.h"

namespace dlws::e2e {
namespace {

using std::chrono::steady_clock;
using ::testing::HasSubstr;

class StreamsOfAToken : public PortalTest {
  protected:
    /// One that counts as long as the Secret `bound` is there.
    std::string BoundToken(const std::string& who) {
        const Reply secret = api().Post(CorePath("secrets"), FromYaml("{metadata: {name: bound}}"));
        EXPECT_EQ(secret.code, 201) << secret.text;
        const Reply made = api().Post(
            CorePath("serviceaccounts", who) + "/token",
            FromYaml("{spec: {boundObjectRef: {apiVersion: v1, kind: Secret, name: bound, uid: " +
                     Text(secret.body, "metadata/uid") + "}}}"));
        EXPECT_EQ(made.code, 201) << made.text;
        return Text(made.body, "status/token");
    }
};

TEST_F(StreamsOfAToken, EndWithIt) {
    Submit(Job("talks", "command: [sh, -c, 'while :; do echo spoken; sleep 0.2; done']"));
    WaitForPhase("talks", "Running");
    const std::string token = BoundToken("alice");
    const auto open = [&](const std::string& path) {
        return std::async(std::launch::async, [address = Replicas().at(0), token, path] {
            return Portal(address, token).Get(path);
        });
    };
    ASSERT_TRUE(WaitUntil("the token counts", [&] {
        return Portal(Replicas().at(0), token).Get("/api/v1/me").code == 200;
    }));
    struct Stream {
        std::string path, first;  // what it tells while the token counts
        std::future<Portal::Answer> answer;
    };
    std::vector<Stream> streams;
    streams.push_back({"/api/v1/stream?topic=jobs&topic=cluster", "event: hello", {}});
    streams.push_back({"/api/v1/stream?topic=job/" + ns_ + "/talks", "event: hello", {}});
    streams.push_back({Jobs("talks") + "/logs/stream?rank=0", "spoken", {}});
    for (Stream& stream : streams)
        stream.answer = open(stream.path);
    std::this_thread::sleep_for(std::chrono::seconds(3));
    for (const Stream& stream : streams)
        ASSERT_EQ(stream.answer.wait_for(std::chrono::seconds(0)), std::future_status::timeout)
            << stream.path << " ended by itself";

    ASSERT_TRUE(api().Delete(CorePath("secrets", "bound")).ok());
    const auto began = steady_clock::now();
    for (Stream& stream : streams) {
        // A minute in which a verdict counts, and the API server's own memory of tokens.
        ASSERT_EQ(stream.answer.wait_until(began + std::chrono::seconds(85)),
                  std::future_status::ready)
            << stream.path << " goes on";
        const Portal::Answer answer = stream.answer.get();
        EXPECT_EQ(answer.code, 200) << answer.text.substr(0, 400);
        EXPECT_THAT(answer.text, HasSubstr(stream.first));
        EXPECT_THAT(
            answer.text.substr(answer.text.size() - std::min<std::size_t>(answer.text.size(), 400)),
            HasSubstr("event: end\ndata: {\"reason\":\"LoginExpired\"}"));
        EXPECT_EQ(Portal(Replicas().at(0), token).Get(stream.path).Reason(), "LoginExpired");
    }
    const std::chrono::duration<double> took = steady_clock::now() - began;
    std::cout << "figure api_streams_end_after_token_seconds " << took.count() << " s goal <= 80\n";
}

}  // namespace
}  // namespace dlws::e2e
