// SPDX-License-Identifier: Apache-2.0
// Internal to kube/: the body of a watch answer as events.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "kube/client.h"
#include "kube/connection.h"

namespace dlws::kube::internal {

/// Events, one JSON object a line, from a connection whose head said 200. Lines may come split over
/// chunks anywhere; each is decoded in place in the receive buffer, which grows to the longest
/// line.
class LineWatchStream final : public WatchStream {
  public:
    /// A DLJob with all its files is far below; etcd's own limit is 1.5 MiB an object.
    static constexpr std::size_t kMaxLine = 64u << 20;

    /// `request` begins the messages of errors, e.g. "watch /api/v1/pods".
    LineWatchStream(ConnectionPtr connection, std::string request,
                    std::chrono::seconds idle_timeout, std::size_t max_line = kMaxLine);
    Awaitable<Result<WatchEvent>> Next() override;

  private:
    bool MakeRoom();
    Result<WatchEvent> Dead(Error error);

    ConnectionPtr connection_;
    const std::string request_;
    const std::chrono::seconds idle_timeout_;
    const std::size_t max_line_;
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_;     // of buffer_, padding included
    std::size_t begin_ = 0;    // first byte of the line that is being received
    std::size_t scanned_ = 0;  // no line end between begin_ and here
    std::size_t end_ = 0;      // behind the last byte received
};

}  // namespace dlws::kube::internal
