// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace dlws::cli::testing {

struct Call {
    std::string method, target;                 ///< target with its query, as it was sent
    std::map<std::string, std::string> fields;  ///< names in lower case
    std::string body;

    std::string Line() const { return method + " " + target; }
    std::string Field(const std::string& name) const;
};

/// What the portal answers: a body, or pieces that come one after another.
struct Answer {
    int status = 200;
    std::string body;
    std::string type = "application/json";
    std::vector<std::pair<std::string, std::string>> fields;
    std::vector<std::string> pieces;  ///< if there are any: chunked
    enum End { kWhole, kCut, kSilent } end = kWhole;
    ///< kCut: the connection is reset behind the last piece. kSilent: nothing more comes.
};

/// A real HTTP/1.1 server on a port of 127.0.0.1, each call in a thread of its own, that answers
/// what the test says and keeps what it was asked.
///
///     FakePortal portal([](const Call& call) { return Answer{.body = "{}"}; });
///     … portal.url() …
class FakePortal {
  public:
    using Handler = std::function<Answer(const Call&)>;
    /// With a certificate and key (PEM) it speaks TLS.
    explicit FakePortal(Handler handler, const std::string& certificate = "",
                        const std::string& key = "");
    ~FakePortal();
    FakePortal(const FakePortal&) = delete;
    FakePortal& operator=(const FakePortal&) = delete;

    std::string url() const;
    std::vector<Call> calls() const;

  private:
    void Accept();
    void Serve(int socket);

    Handler handler_;
    struct Tls;
    std::unique_ptr<Tls> tls_;
    int listener_ = -1;
    unsigned short port_ = 0;
    std::atomic<bool> stopping_ = false;
    mutable std::mutex mutex_;
    std::vector<Call> calls_;
    std::vector<std::thread> serving_;
    std::thread accepting_;
};

/// The answer that the contract (portal/openapi.yaml) gives as an example of an operation's status,
/// or under a name of components/examples or components/responses.
std::string ContractExample(std::string_view name);

}  // namespace dlws::cli::testing
