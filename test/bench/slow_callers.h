// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

/// @file
/// Connections that a server of this machine has no use for: 127.0.0.2 shakes hands, is silent for
/// 5 to 50 s, then sends a byte of a request's header a second. Each that the server closes is
/// made anew. What they cost the server is memory, as each one has its TLS state.

namespace dlws::bench {

/// They run on a thread of their own, for as long as this object lives.
class SlowCallers {
  public:
    /// Of 127.0.0.1's port.
    SlowCallers(int port, int connections);
    ~SlowCallers();
    SlowCallers(const SlowCallers&) = delete;
    SlowCallers& operator=(const SlowCallers&) = delete;

    /// How many are connected now.
    int Standing() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

/// So many files for this process and for those that it starts; dies where that is not allowed.
void AllowFiles(int files);

}  // namespace dlws::bench
