// SPDX-License-Identifier: Apache-2.0
#include "kube/byte_stream.h"

#include <fmt/format.h>

#include <utility>

#include "kube/connection.h"

namespace dlws::kube::internal {
namespace {

constexpr std::size_t kPiece = 16 * 1024;

class ConnectionByteStream final : public ByteStream {
  public:
    ConnectionByteStream(ConnectionPtr connection, std::string request,
                         std::chrono::milliseconds idle_timeout)
        : connection_(std::move(connection)),
          request_(std::move(request)),
          idle_timeout_(idle_timeout) {}

    Awaitable<Result<std::string>> Next() override {
        if (!connection_)
            co_return std::unexpected(Error{.kind = ErrorKind::kNetwork,
                                            .reason = "EndOfStream",
                                            .message = request_ + ": this stream is over"});
        std::string piece;
        piece.resize_and_overwrite(kPiece, [](char*, std::size_t n) { return n; });
        const auto got = co_await connection_->ReadBody(piece.data(), piece.size(),
                                                        Clock::now() + idle_timeout_);
        if (!got) {
            connection_.reset();
            Error error = got.error();
            error.message = fmt::format("{}: {}", request_, error.message);
            co_return std::unexpected(std::move(error));
        }
        if (*got == 0) connection_.reset();
        piece.resize(*got);
        co_return piece;
    }

  private:
    ConnectionPtr connection_;
    const std::string request_;
    const std::chrono::milliseconds idle_timeout_;
};

}  // namespace

std::unique_ptr<ByteStream> MakeByteStream(ConnectionPtr connection, std::string request,
                                           std::chrono::milliseconds idle_timeout) {
    return std::make_unique<ConnectionByteStream>(std::move(connection), std::move(request),
                                                  idle_timeout);
}

}  // namespace dlws::kube::internal
