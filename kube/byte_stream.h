// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "kube/api.h"

namespace dlws::kube {

/// The body of an answer as it comes: a log that is followed, for example. One reader at a time;
/// destroying it, or cancelling the coroutine that waits in Next(), closes its connection.
///
///     auto log = co_await client.OpenRaw(".../pods/a/log?follow=true", options);
///     if (!log) ... log.error() ...
///     while (true) {
///         auto piece = co_await (*log)->Next();
///         if (!piece) ... piece.error() ...       // it broke off
///         if (piece->empty()) break;              // it ended
///         ...
///     }
class ByteStream {
  public:
    virtual ~ByteStream() = default;
    /// What has come since, from 1 byte to 16 KiB, cut anywhere; empty: the end. Errors: kNetwork
    /// (it broke off), kTimeout (no byte for the idle time), kProtocol, kCancelled. After an error
    /// or the end there is nothing more: kNetwork with reason "EndOfStream".
    virtual Awaitable<Result<std::string>> Next() = 0;
};

namespace internal {

class Connection;
/// From a connection whose head said 2xx. `request` begins the messages of errors.
std::unique_ptr<ByteStream> MakeByteStream(std::unique_ptr<Connection> connection,
                                           std::string request,
                                           std::chrono::milliseconds idle_timeout);

}  // namespace internal

}  // namespace dlws::kube
