// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace dlws::cli {

struct HttpRequest {
    std::string method = "GET";
    std::string path;  ///< and query, encoded
    std::string body = {};
    std::string type = {};  ///< of the body
    std::string accept = "application/json";
    std::string last_event_id = {};  ///< empty: none
};

struct HttpReply {
    int code = 0;         ///< 0: no answer, or not a whole one
    std::string problem;  ///< why not; empty when the answer is whole
    std::string type;     ///< media type, without parameters
    std::string body;
    int retry_after = 0;      ///< seconds; 0: the answer does not say
    std::string stale_since;  ///< Dlws-Stale
    bool ok() const { return code >= 200 && code < 300 && problem.empty(); }
};

/// A client of one portal, on cpprestsdk's http_client. The certificate is always checked: against
/// the CA file alone if one is given, else against the machine's. Redirects are not followed, so
/// the token goes to nobody else; it is in no message.
///
///     HttpClient portal({.server = "https://dlws.example.org", .token = token});
///     HttpReply reply = portal.Send({.path = "/api/v1/me"});
///
/// One thread at a time. No connection, answer or piece of one is waited for longer than
/// `Settings::silence`.
class HttpClient {
  public:
    struct Settings {
        std::string server;
        std::string ca_file = {};
        std::string token = {};  ///< empty: nobody
        std::string user_agent = "dlws";
        std::chrono::seconds silence{35};         ///< the portal answers in 30 s
        std::chrono::seconds stream_silence{45};  ///< a stream has a comment each 15 s
        std::chrono::seconds whole_answer{120};
    };
    static constexpr std::size_t kMaxBody = 64u << 20;

    /// Throws a Failure when the address or the CA file cannot be used.
    explicit HttpClient(Settings settings);
    ~HttpClient();
    HttpClient(HttpClient&&) noexcept;

    /// Waits as 429 says, for half a minute at most in all: what was refused so was not done.
    HttpReply Send(const HttpRequest& request);

    /// Gives the body of an answer of 2xx to `take` as it comes, in another thread, until that says
    /// false; the next piece is read when `take` has returned. Returns when the answer has ended.
    HttpReply Stream(const HttpRequest& request, std::function<bool(std::string_view)> take);

    const Settings& settings() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// The address as it is kept: without a slash at its end. Throws a Failure (kCommandLine) unless it
/// is https://, or http:// to this very machine: a token would be readable on its way.
std::string CheckedServer(const std::string& server);

}  // namespace dlws::cli
