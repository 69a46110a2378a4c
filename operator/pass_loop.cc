// SPDX-License-Identifier: Apache-2.0
#include "operator/pass_loop.h"

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include "kube/log.h"

namespace dlws {

using kube::Awaitable;

namespace {

constexpr std::chrono::seconds kReadPatience{30};
const kube::ObjectKey kAll("", "all");  // the one key

}  // namespace

PassLoop::PassLoop(boost::asio::any_io_executor executor, Settings settings)
    : settings_(std::move(settings)),
      queue_(std::move(executor), {.name = settings_.name,
                                   .base_delay = settings_.coalesce,
                                   .metrics = settings_.metrics}) {}

void PassLoop::Look() {
    queue_.AddAfter(kAll, settings_.coalesce);
}

void PassLoop::LookAfter(std::chrono::milliseconds delay) {
    queue_.AddAfter(kAll, delay);
}

Awaitable<void> PassLoop::Run(Informers informers, Pass pass) {
    for (auto& [name, informer] : informers) {
        bool read = false;  // g++ 12 miscompiles a co_await in the condition of a loop
        while (!read) {
            read = co_await informer->WaitForSync(kReadPatience);
            if (!read) kube::LogWarning(settings_.name, "{} are not read yet", name);
        }
    }
    queue_.Add(kAll);
    while (auto key = co_await queue_.Get()) {
        const bool done = co_await Safely(pass);
        if (done)
            queue_.Forget(*key);
        else
            queue_.AddRateLimited(*key);
        queue_.Done(*key);
    }
}

Awaitable<bool> PassLoop::Safely(const Pass& pass) {
    std::string what;
    try {
        co_return co_await pass();
    } catch (const boost::system::system_error& error) {
        if (error.code() == boost::asio::error::operation_aborted) throw;  // we are told to stop
        what = error.what();
    } catch (const std::exception& error) {
        what = error.what();
    }
    kube::LogError(settings_.name, "{}", what);
    co_return false;
}

}  // namespace dlws
