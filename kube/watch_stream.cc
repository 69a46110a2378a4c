// SPDX-License-Identifier: Apache-2.0
#include "kube/watch_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "kube/decode.h"

namespace dlws::kube::internal {
namespace {

constexpr std::size_t kFirstCapacity = 64u << 10;
constexpr std::size_t kKeptCapacity = 1u << 20;
// Below so much room it is better to move what is left to the front than to read crumbs.
constexpr std::size_t kLeastRoom = 16u << 10;

}  // namespace

LineWatchStream::LineWatchStream(ConnectionPtr connection, std::string request,
                                 std::chrono::seconds idle_timeout, std::size_t max_line)
    : connection_(std::move(connection)),
      request_(std::move(request)),
      idle_timeout_(idle_timeout),
      max_line_(max_line),
      buffer_(std::make_unique_for_overwrite<char[]>(kFirstCapacity)),
      capacity_(kFirstCapacity) {}

Result<WatchEvent> LineWatchStream::Dead(Error error) {
    connection_.reset();
    error.message = fmt::format("{}: {}", request_, error.message);
    return std::unexpected(std::move(error));
}

bool LineWatchStream::MakeRoom() {
    if (begin_ == end_) {
        begin_ = scanned_ = end_ = 0;
        // One huge object must not hold its memory for as long as the watch lasts.
        if (capacity_ > kKeptCapacity) {
            capacity_ = kFirstCapacity;
            buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
        }
    }
    const std::size_t usable = capacity_ - kPadding;
    if (usable - end_ >= kLeastRoom) return true;
    const std::size_t size = end_ - begin_;
    if (begin_ > 0 && size <= usable / 2) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, size);
    } else {
        if (size > max_line_) return false;
        capacity_ *= 2;
        auto larger = std::make_unique_for_overwrite<char[]>(capacity_);
        std::memcpy(larger.get(), buffer_.get() + begin_, size);
        buffer_ = std::move(larger);
    }
    scanned_ -= begin_;
    end_ = size;
    begin_ = 0;
    return true;
}

Awaitable<Result<WatchEvent>> LineWatchStream::Next() {
    if (!connection_) {
        co_return std::unexpected(Error{.kind = ErrorKind::kNetwork,
                                        .reason = "EndOfStream",
                                        .message = request_ + ": this watch is already over"});
    }
    while (true) {
        const char* text = buffer_.get();
        const void* found = std::memchr(text + scanned_, '\n', end_ - scanned_);
        if (found != nullptr) {
            const auto line_end = static_cast<std::size_t>(static_cast<const char*>(found) - text);
            const std::size_t line = std::exchange(begin_, line_end + 1);
            scanned_ = begin_;
            if (line_end == line) continue;  // an empty line says nothing
            auto event = DecodeWatchLine(text + line, line_end - line, capacity_ - line);
            if (!event) co_return Dead(event.error());
            co_return event;
        }
        scanned_ = end_;
        if (end_ - begin_ > max_line_ || !MakeRoom()) {
            co_return Dead({.kind = ErrorKind::kProtocol,
                            .message = fmt::format("an event is larger than {} bytes", max_line_)});
        }
        const auto got = co_await connection_->ReadBody(
            buffer_.get() + end_, capacity_ - kPadding - end_, Clock::now() + idle_timeout_);
        if (!got) co_return Dead(got.error());
        if (*got == 0) {
            co_return Dead({.kind = ErrorKind::kNetwork,
                            .reason = "EndOfStream",
                            .message = begin_ == end_
                                           ? "the server ended the watch"
                                           : "the server ended the watch inside an event"});
        }
        end_ += *got;
    }
}

}  // namespace dlws::kube::internal
