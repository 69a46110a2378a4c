// SPDX-License-Identifier: Apache-2.0
#include "kube/connection_pool.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <utility>

namespace dlws::kube::internal {

namespace asio = boost::asio;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);

}  // namespace

struct ConnectionPool::State : std::enable_shared_from_this<ConnectionPool::State> {
    struct Waiter {
        asio::steady_timer timer;
        bool granted = false;
    };

    State(asio::any_io_executor executor_in, Endpoint endpoint_in, Settings settings_in)
        : executor(std::move(executor_in)),
          endpoint(std::move(endpoint_in)),
          settings(settings_in),
          reaper(executor) {}

    asio::any_io_executor executor;
    Endpoint endpoint;
    Settings settings;
    int in_use = 0;
    std::deque<ConnectionPtr> idle;  // the oldest at the front
    std::deque<Waiter*> waiters;
    asio::steady_timer reaper;
    bool reaping = false;
    bool closed = false;

    void ReleaseSlot() {
        --in_use;
        GrantNext();
    }

    void GrantNext() {
        if (waiters.empty() || in_use >= settings.max_connections) return;
        Waiter* first = waiters.front();
        waiters.pop_front();
        ++in_use;
        first->granted = true;
        first->timer.cancel();
    }

    void Keep(ConnectionPtr connection) {
        if (closed) return;
        connection->idle_since = Clock::now();
        idle.push_back(std::move(connection));
        if (!reaping) Reap();
    }

    /// Closes what has been idle for too long; runs only while something is idle.
    void Reap() {
        const auto now = Clock::now();
        while (!idle.empty() && idle.front()->idle_since + settings.idle_timeout <= now) {
            idle.pop_front();
        }
        reaping = !idle.empty();
        if (!reaping) return;
        reaper.expires_at(idle.front()->idle_since + settings.idle_timeout);
        reaper.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
            const auto self = weak.lock();
            if (self && !error) self->Reap();
        });
    }

    ConnectionPtr TakeIdle(const TlsContextPtr& tls) {
        while (!idle.empty()) {
            ConnectionPtr connection = std::move(idle.back());
            idle.pop_back();
            // Made with credentials that have been replaced, closed by the server, or too old:
            // gone.
            if (connection->tls == tls && connection->StillOpen()) return connection;
        }
        return nullptr;
    }

    static Awaitable<Result<void>> TakeSlot(std::shared_ptr<State> self,
                                            Clock::time_point deadline) {
        if (self->in_use < self->settings.max_connections && self->waiters.empty()) {
            ++self->in_use;
            co_return Result<void>();
        }
        Waiter waiter{asio::steady_timer(self->executor, deadline)};
        // However this ends, also by an exception: nobody may grant to a waiter that is gone, and a
        // slot granted to it must not be lost.
        struct Guard {
            State& state;
            Waiter& waiter;
            bool taken = false;
            Guard(State& s, Waiter& w) : state(s), waiter(w) {}
            Guard(const Guard&) = delete;
            Guard& operator=(const Guard&) = delete;
            ~Guard() {
                std::erase(state.waiters, &waiter);
                if (waiter.granted && !taken) state.ReleaseSlot();
            }
        } guard(*self, waiter);
        self->waiters.push_back(&waiter);
        const auto [error] = co_await waiter.timer.async_wait(kTuple);
        if (waiter.granted) {
            guard.taken = true;
            co_return Result<void>();
        }
        if (error) {
            co_return std::unexpected(Error{.kind = ErrorKind::kCancelled,
                                            .message = "cancelled, waiting for a connection"});
        }
        co_return std::unexpected(Error{.kind = ErrorKind::kTimeout,
                                        .message = "all connections were busy until the deadline"});
    }
};

ConnectionPool::ConnectionPool(asio::any_io_executor executor, Endpoint endpoint, Settings settings)
    : state_(std::make_shared<State>(std::move(executor), std::move(endpoint), settings)) {}

ConnectionPool::~ConnectionPool() {
    state_->closed = true;
    state_->idle.clear();
    state_->reaper.cancel();
}

int ConnectionPool::InUse() const {
    return state_->in_use;
}
int ConnectionPool::Idle() const {
    return static_cast<int>(state_->idle.size());
}

ConnectionPool::Lease& ConnectionPool::Lease::operator=(Lease&& other) noexcept {
    if (this != &other) {
        Release();
        state_ = std::move(other.state_);
        connection_ = std::move(other.connection_);
    }
    return *this;
}

void ConnectionPool::Lease::Release() {
    connection_.reset();
    if (const auto state = std::exchange(state_, nullptr)) state->ReleaseSlot();
}

void ConnectionPool::Lease::KeepForNext() {
    if (state_ && connection_) state_->Keep(std::move(connection_));
    Release();
}

Awaitable<Result<ConnectionPool::Lease>> ConnectionPool::Acquire(TlsContextPtr tls, bool fresh,
                                                                 Clock::time_point deadline) {
    const auto state = state_;
    const auto slot = co_await State::TakeSlot(state, deadline);
    if (!slot) co_return std::unexpected(slot.error());
    Lease lease;
    lease.state_ = state;
    if (!fresh) lease.connection_ = state->TakeIdle(tls);
    if (lease.connection_) {
        lease.connection_->used = true;
        co_return lease;
    }
    // Idle ones count too: make room for the one to come.
    while (!state->idle.empty() &&
           state->in_use + static_cast<int>(state->idle.size()) > state->settings.max_connections) {
        state->idle.pop_front();
    }
    auto dialled = co_await Dial(state->executor, state->endpoint, std::move(tls), deadline);
    if (!dialled) co_return std::unexpected(dialled.error());
    lease.connection_ = std::move(*dialled);
    co_return lease;
}

}  // namespace dlws::kube::internal
