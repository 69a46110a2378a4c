// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

namespace dlws::cli {

/// Where the browser brings the code of a login: an address of this machine that nobody else can
/// reach (RFC 8252, 7.3). One call at a time; each has two seconds to say what it wants.
///
///     Loopback loopback;
///     … open a browser at a page that leads to http://127.0.0.1:PORT/?code=… …
///     std::string code = loopback.WaitForCode(std::chrono::minutes(5));
class Loopback {
  public:
    /// Listens on a port that is free. Throws a Failure.
    Loopback();
    ~Loopback();
    Loopback(const Loopback&) = delete;
    Loopback& operator=(const Loopback&) = delete;

    unsigned short port() const { return port_; }

    /// The code of the first call that has one; others are answered 404. Throws a Failure when the
    /// person has said no, and when the time is over.
    std::string WaitForCode(std::chrono::milliseconds timeout);

  private:
    int socket_ = -1;
    unsigned short port_ = 0;
};

/// The code in the header of a call of the browser's; empty: it has none, or was not meant for this
/// port (its Host says so). Pure.
std::string CodeOf(std::string_view header, unsigned short port);
/// Whether the call says, and to this port, that the person does not want it (RFC 6749, 4.1.2.1).
/// Pure.
bool SaysNo(std::string_view header, unsigned short port);

}  // namespace dlws::cli
