// SPDX-License-Identifier: Apache-2.0
// Turns at something that only so many may do at a time. Internal to kube/.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <cstddef>
#include <memory>

namespace dlws::kube::internal {

/// So many turns at a time, overall and of one address (CountedAddress). Of those that wait each
/// end of a turn wakes the one whose it is: of each address the first that came, the addresses by
/// turns. So a crowd that waits costs nothing, and no address keeps another one waiting.
///
///     const auto turn = co_await turns.Take(peer);
///     if (!turn) co_return;   // cancelled
///     ...                     // until `turn` is destroyed
///
/// Confined to its executor; turns and waiting coroutines may outlive it.
class AddressTurns {
  public:
    using Address = boost::asio::ip::address;
    AddressTurns(boost::asio::any_io_executor executor, std::size_t overall,
                 std::size_t per_address);
    ~AddressTurns();

    /// Null when this coroutine was cancelled.
    boost::asio::awaitable<std::shared_ptr<void>> Take(Address address);
    /// Whether somebody, of an address that has none, would not have to wait.
    bool HasRoom() const;
    /// Until there is, for one coroutine; may come too often. False when it was cancelled.
    boost::asio::awaitable<bool> WaitForRoom();

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace dlws::kube::internal
