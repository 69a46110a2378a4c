// SPDX-License-Identifier: Apache-2.0
#include "test/faults/proxy/proxy.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <mutex>
#include <thread>

#include "test/faults/proxy/conversation.h"

namespace dlws::faults {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

struct ProxyThreads::Impl {
    asio::io_context io;
    asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
    std::vector<std::thread> threads;
};

ProxyThreads::ProxyThreads(int threads) : impl_(std::make_unique<Impl>()) {
    for (int i = 0; i < threads; ++i)
        impl_->threads.emplace_back([this] { impl_->io.run(); });
}

ProxyThreads::~ProxyThreads() {
    impl_->io.stop();
    for (auto& thread : impl_->threads)
        thread.join();
}

struct FaultProxy::State : ProxyState {
    State(asio::io_context& io, Settings settings)
        : ProxyState(asio::make_strand(io), settings.host, settings.port, settings.ca_file),
          acceptor(executor, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
    tcp::acceptor acceptor;
};

namespace {

asio::awaitable<void> Accept(std::shared_ptr<ProxyState> state, tcp::acceptor& acceptor) {
    while (true) {
        tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
        socket.set_option(tcp::no_delay(true));
        auto conversation = std::make_shared<Conversation>(state, std::move(socket));
        state->conversations.push_back(conversation);
        std::erase_if(state->conversations, [](const auto& c) { return c.expired(); });
        asio::co_spawn(state->executor, Converse(std::move(conversation)), [](std::exception_ptr) {
            // A connection that ended, from either side: not ours to tell.
        });
    }
}

}  // namespace

FaultProxy::FaultProxy(ProxyThreads& threads, Settings settings)
    : state_(std::make_shared<State>(threads.impl_->io, std::move(settings))) {
    asio::co_spawn(state_->executor, Accept(state_, state_->acceptor),
                   [state = state_](std::exception_ptr) {});
}

FaultProxy::~FaultProxy() {
    {
        std::lock_guard lock(state_->mutex);
        state_->callbacks = {};
    }
    asio::post(state_->executor, [state = state_] {
        state->acceptor.close();
        for (const auto& each : state->conversations)
            if (auto conversation = each.lock()) conversation->Close();
    });
}

unsigned short FaultProxy::port() const {
    return state_->acceptor.local_endpoint().port();
}

void FaultProxy::Arm(Fault fault, Callbacks callbacks) {
    std::lock_guard lock(state_->mutex);
    state_->fault = std::move(fault);
    state_->callbacks = {std::move(callbacks.kill), std::move(callbacks.stop),
                         std::move(callbacks.cont)};
}

bool FaultProxy::Triggered() const {
    std::lock_guard lock(state_->mutex);
    return state_->triggered;
}

bool FaultProxy::Over() const {
    std::lock_guard lock(state_->mutex);
    return state_->triggered && state_->held == 0 && !state_->Stale();
}

std::vector<Seen> FaultProxy::Log() const {
    std::lock_guard lock(state_->mutex);
    return state_->log;
}

}  // namespace dlws::faults
