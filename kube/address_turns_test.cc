// SPDX-License-Identifier: Apache-2.0
#include "kube/address_turns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <list>
#include <string>
#include <vector>

#include "kube/address_caps.h"

namespace dlws::kube::internal {
namespace {

namespace asio = boost::asio;
using Turn = std::shared_ptr<void>;

class AddressTurnsTest : public ::testing::Test {
  protected:
    struct Asker {
        std::string name;
        Turn turn;
        bool done = false;
        asio::cancellation_signal cancel;
    };
    static asio::awaitable<void> Ask(AddressTurns& turns, asio::ip::address address, Asker& asker) {
        asker.turn = co_await turns.Take(address);
        asker.done = true;
    }
    Asker& Start(AddressTurns& turns, const std::string& address) {
        Asker& asker = askers_.emplace_back();
        asker.name = address;
        asio::co_spawn(io_, Ask(turns, asio::ip::make_address(address), asker),
                       asio::bind_cancellation_slot(asker.cancel.slot(), asio::detached));
        io_.restart();
        io_.poll();
        return asker;
    }
    /// Ends that turn; how many handlers ran for it.
    std::size_t End(Asker& asker) {
        asker.turn.reset();
        io_.restart();
        return io_.poll();
    }
    std::size_t Taken() const {
        std::size_t taken = 0;
        for (const Asker& asker : askers_)
            taken += asker.turn != nullptr;
        return taken;
    }

    std::list<Asker> askers_;
    asio::io_context io_;
};

TEST_F(AddressTurnsTest, AnEndWakesOneOfACrowd) {
    AddressTurns turns(io_.get_executor(), 8, 2);
    Asker& first = Start(turns, "192.0.2.1");
    Start(turns, "192.0.2.1");
    for (int i = 0; i < 1'000; ++i)
        Start(turns, "192.0.2.1");
    EXPECT_EQ(Taken(), 2U);
    EXPECT_LT(End(first), 10U);
    EXPECT_EQ(Taken(), 2U);
    EXPECT_TRUE(std::next(askers_.begin(), 2)->turn) << "first come first";
    EXPECT_TRUE(turns.HasRoom());
    EXPECT_TRUE(Start(turns, "192.0.2.2").turn) << "others have not to wait";
}

TEST_F(AddressTurnsTest, AddressesComeByTurns) {
    AddressTurns turns(io_.get_executor(), 1, 1);
    Asker* now = &Start(turns, "192.0.2.1");
    std::vector<Asker*> waiting;
    for (const char* address : {"192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"})
        waiting.push_back(&Start(turns, address));
    EXPECT_FALSE(turns.HasRoom());
    std::string order;
    while (!waiting.empty()) {
        End(*now);
        ASSERT_EQ(Taken(), 1U);
        const auto next = std::ranges::find_if(waiting, [](Asker* each) { return each->done; });
        now = *next;
        order += now->name.back();
        waiting.erase(next);
    }
    EXPECT_EQ(order, "12311") << order;
    End(*now);
    EXPECT_TRUE(turns.HasRoom());
}

TEST_F(AddressTurnsTest, WhoLeavesIsNotWaitedFor) {
    AddressTurns turns(io_.get_executor(), 1, 1);
    Asker& first = Start(turns, "192.0.2.1");
    Asker& leaves = Start(turns, "192.0.2.1");
    Asker& last = Start(turns, "192.0.2.1");
    leaves.cancel.emit(asio::cancellation_type::terminal);
    io_.restart();
    io_.poll();
    EXPECT_TRUE(leaves.done);
    End(first);
    EXPECT_FALSE(leaves.turn);
    EXPECT_TRUE(last.turn);
}

// The session is gone when its turn comes.
TEST_F(AddressTurnsTest, ATurnThatNobodyTakesGoesOn) {
    AddressTurns turns(io_.get_executor(), 1, 1);
    Asker& first = Start(turns, "192.0.2.1");
    Asker& leaves = Start(turns, "192.0.2.1");
    Asker& last = Start(turns, "192.0.2.1");
    first.turn.reset();  // granted, and not heard of yet
    leaves.cancel.emit(asio::cancellation_type::terminal);
    io_.restart();
    io_.poll();
    End(leaves);
    EXPECT_TRUE(last.turn);
}

TEST_F(AddressTurnsTest, Ipv6IsCountedByItsNetwork) {
    AddressTurns turns(io_.get_executor(), 8, 1);
    EXPECT_TRUE(Start(turns, "2001:db8:0:1::1").turn);
    EXPECT_FALSE(Start(turns, "2001:db8:0:1:ffff::2").turn);
    EXPECT_TRUE(Start(turns, "2001:db8:0:2::1").turn);
    EXPECT_TRUE(Start(turns, "192.0.2.1").turn);
    EXPECT_FALSE(Start(turns, "::ffff:192.0.2.1").turn);
}

TEST(AddressCapsTest, Ipv6IsCountedByItsNetwork) {
    AddressCaps caps(10, 1);
    caps.Add(asio::ip::make_address("2001:db8:0:1::1"));
    EXPECT_FALSE(caps.HasRoomFor(asio::ip::make_address("2001:db8:0:1::2")));
    EXPECT_TRUE(caps.HasRoomFor(asio::ip::make_address("2001:db8:0:2::1")));
    caps.Remove(asio::ip::make_address("2001:db8:0:1::3"));
    EXPECT_TRUE(caps.HasRoomFor(asio::ip::make_address("2001:db8:0:1::2")));
    EXPECT_EQ(caps.size(), 0U);
}

}  // namespace
}  // namespace dlws::kube::internal
