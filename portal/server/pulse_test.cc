// SPDX-License-Identifier: Apache-2.0
#include "portal/server/pulse.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include "portal/server/fixture.h"

namespace dlws::portal {
namespace {

using namespace std::chrono_literals;

class PulseTest : public PortalTest {
  protected:
    bool Soon(bool away) {
        const auto end = Pulse::Clock::now() + 10s;
        while (pulse.AwaySince().has_value() != away && Pulse::Clock::now() < end)
            io.run_for(10ms);
        return pulse.AwaySince().has_value() == away;
    }

    Pulse pulse{users, {.every = 10ms, .deadline = 100ms}};
};

TEST_F(PulseTest, ASilentServerIsAwayUntilItAnswers) {
    server.When("GET", "/livez")
        .Reply(200, "ok")
        .Reply({.body = "ok", .delay = 2s})
        .Reply({.body = "ok", .delay = 2s})
        .Reply(403);
    const auto began = Pulse::Clock::now();
    EXPECT_FALSE(pulse.AwaySince());
    boost::asio::cancellation_signal stop;
    bool ended = false;
    boost::asio::co_spawn(io, pulse.Run(),
                          boost::asio::bind_cancellation_slot(
                              stop.slot(), [&](std::exception_ptr) { ended = true; }));
    ASSERT_TRUE(Soon(true));
    EXPECT_GT(*pulse.AwaySince(), began);
    EXPECT_GE(Pulse::Clock::now() - *pulse.AwaySince(), 100ms) << "from when it was asked";
    EXPECT_TRUE(Soon(false)) << "403 is an answer, too";
    stop.emit(boost::asio::cancellation_type::terminal);
    io.run_for(1s);
    EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace dlws::portal
