// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kube/api.h"

namespace dlws::kube {

/// An answer's body that comes piece by piece, for as long as it likes (HttpAnswer::stream).
///
///     class Lines : public HttpBody {
///         Awaitable<std::string> Next() override {
///             while (lines_.empty() && !stopped_) co_await more_.Wait();
///             co_return std::exchange(lines_, "");     // empty: stopped
///         }
///         void Stop() override { stopped_ = true; more_.NotifyAll(); }
///     };
///
/// The server calls both from its executor and keeps it for as long as it is sent. Next() is asked
/// only when the piece before is written, so what waits meanwhile is for the body to bound. It is
/// cancelled when the peer has gone; an exception ends the connection without the body's end, so
/// that the reader knows that something is missing.
class HttpBody {
  public:
    virtual ~HttpBody() = default;
    /// The next piece, as it is; empty: the end.
    virtual Awaitable<std::string> Next() = 0;
    /// The server is about to end: finish soon. Comes at most once, maybe while Next() waits.
    virtual void Stop() = 0;
};

}  // namespace dlws::kube
