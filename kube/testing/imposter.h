// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kube/config.h"

namespace dlws::kube::testing {

using Headers = std::vector<std::pair<std::string, std::string>>;
using Query = std::map<std::string, std::string>;

/// One request as it arrived.
struct Request {
    std::string method;
    std::string target;  ///< as sent, still percent-encoded
    std::string path;    ///< target without the query, still percent-encoded
    Query query;         ///< decoded
    std::map<std::string, std::string> headers;  ///< names in lower case; the last of a name wins
    std::string body;
    int connection = 0;       ///< 1 for the first accepted connection, 2 for the second, ...
    std::string client_name;  ///< common name of the client certificate, "" without one
    std::chrono::steady_clock::time_point at;

    /// A header's value, "" when absent; `name` in lower case.
    std::string Header(const std::string& name) const;
};

/// Misbehaviour on purpose.
enum class Fault {
    kNone,
    kCloseBeforeReply,  ///< reads the request, closes
    kCloseMidHeader,    ///< closes within the status line's headers
    kCloseMidBody,      ///< Content-Length is right, half the body comes, then a close
    kReset,             ///< reads the request, sends RST
    kGarbage,           ///< answers bytes that are not HTTP
    kTruncatedChunk,    ///< chunked, closes inside a chunk
    kBadChunk,          ///< chunked, with a chunk size that is no number
    kNeverAnswer,       ///< reads the request and is silent until the client leaves
    kHugeHeader,        ///< a header of 1 MiB
    kSlowDrip,          ///< one byte each 50 ms
    kLengthTooLong,     ///< Content-Length promises 100 bytes more, then silence
    kLengthTooShort,    ///< Content-Length is 5 short: the rest looks like a next answer
    kCloseAfterReply,   ///< a proper keep-alive answer, then closes without having said so
};

/// A long answer (a watch), written bit by bit from the test. Thread-safe; a cheap handle.
/// What is sent before a request has come is kept for it.
class Stream {
  public:
    Stream();
    /// `text` as one chunk exactly as given. SendLine() adds the "\n" that ends a watch event.
    void Send(std::string text) const;
    void SendLine(std::string text) const { Send(std::move(text) + "\n"); }
    /// {"type":TYPE,"object":OBJECT} as a line.
    void SendEvent(std::string_view type, std::string_view object) const;
    void End() const;    ///< the proper last chunk; the connection is kept
    void Cut() const;    ///< closes without the last chunk
    void Reset() const;  ///< RST
    bool Taken() const;  ///< a request has got this stream
    bool Gone() const;   ///< ... and its connection is over, whoever ended it
    bool WaitTaken(std::chrono::milliseconds patience = std::chrono::seconds(10)) const;
    bool WaitGone(std::chrono::milliseconds patience = std::chrono::seconds(10)) const;

    struct State;
    const std::shared_ptr<State>& state() const { return state_; }

  private:
    std::shared_ptr<State> state_;
};

/// What to answer once.
struct Answer {
    int status = 200;
    std::string body;
    Headers headers;
    std::chrono::milliseconds delay{0};  ///< before the first byte
    Fault fault = Fault::kNone;
    bool chunked = false;  ///< body in chunks of 7 bytes instead of Content-Length
    std::shared_ptr<Stream::State> stream;
};

/// An API server that says what the test told it, on a thread of its own, on 127.0.0.1.
///
///     Imposter server;
///     server.When("GET", "/api/v1/namespaces/default/pods/a").Reply(200, kPod);
///     server.When("POST", "/api/v1/namespaces/default/pods")
///         .Reply(429, "", {{"Retry-After", "1"}})
///         .Reply(201, kPod);                        // second and all later requests
///     Stream watch = server.When("GET", "/api/v1/pods", {{"watch", "true"}}).OpenStream();
///     Client client(io.get_executor(), server.ClientConfig());
///     ...
///     watch.SendEvent("ADDED", kPod);
///     EXPECT_EQ(server.Requests().back().Header("user-agent"), "...");
///
/// A request nobody expected gets a 404 Status that says so. Rules may be added at any time; a
/// later rule wins over an earlier one. All members may be called from any thread.
class Imposter {
  public:
    struct Settings {
        bool tls = false;
        bool require_client_certificate = false;
        std::vector<std::string> certificate_names{"localhost"};
        std::vector<std::string> certificate_addresses{"127.0.0.1", "::1"};
        bool expired_certificate = false;
        bool tls11_only = false;            ///< to be refused by every decent client
        bool never_handshake = false;       ///< accepts and is silent
        std::string address = "127.0.0.1";  ///< or "::1"
    };

    class Rule {
      public:
        /// The next answer of this rule's sequence; the last one is repeated for ever.
        Rule& Reply(int status, std::string body = "", Headers headers = {});
        Rule& Reply(Answer answer);
        /// Answers with 200 and `body`, but in this broken way.
        Rule& Misbehave(Fault fault, std::string body = "{}");
        /// Computed on the server's thread. Last in the sequence, repeated for ever.
        Rule& Call(std::function<Answer(const Request&)> function);
        /// The next answer is a stream. A stream serves one request: put another answer after it
        /// when more requests may come (else they get the 404).
        Stream OpenStream(int status = 200, Headers headers = {});

      private:
        friend class Imposter;
        struct Data;
        explicit Rule(std::shared_ptr<Data> data) : data_(std::move(data)) {}
        std::shared_ptr<Data> data_;
    };

    Imposter();
    explicit Imposter(Settings settings);
    ~Imposter();
    Imposter(const Imposter&) = delete;
    Imposter& operator=(const Imposter&) = delete;

    /// `method` "" matches all, `path` is compared with Request::path, a "*" at its end matches any
    /// rest; every pair of `query` must be there, others may. In `query`, the value "*" matches
    /// any.
    Rule When(std::string method, std::string path, Query query = {});

    /// Connects to this server as it wants to be connected to (CA, client certificate).
    Config ClientConfig() const;
    unsigned short Port() const;
    std::string Url() const;  ///< "http://127.0.0.1:PORT"
    /// The pieces of ClientConfig(), e.g. to write them to files. Empty without TLS.
    std::string CaPem() const;
    std::string ClientCertificatePem() const;
    std::string ClientKeyPem() const;
    /// A further client certificate that this server accepts, and its key.
    std::pair<std::string, std::string> IssueClientCertificate(const std::string& name) const;

    std::vector<Request> Requests() const;
    /// Requests with this method and path.
    std::size_t Count(const std::string& method, const std::string& path) const;
    bool WaitForRequests(std::size_t count,
                         std::chrono::milliseconds patience = std::chrono::seconds(10)) const;
    int Connections() const;      ///< ever accepted
    int OpenConnections() const;  ///< now

    /// Closes every connection and refuses new ones, as a stopped server; Up() listens again on the
    /// same port. Both return when it is so.
    void Down();
    void Up();
    void CloseConnections();  ///< closes the idle and the busy ones, goes on listening

    class Impl;

  private:
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::kube::testing
