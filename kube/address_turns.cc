// SPDX-License-Identifier: Apache-2.0
#include "kube/address_turns.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <map>
#include <utility>

#include "kube/address_caps.h"
#include "kube/wait_list.h"

namespace dlws::kube::internal {
namespace asio = boost::asio;

struct AddressTurns::State {
    struct Waiter {
        explicit Waiter(const asio::any_io_executor& executor)
            : timer(executor, asio::steady_timer::time_point::max()) {}
        asio::steady_timer timer;
        bool granted = false;
    };
    State(const asio::any_io_executor& executor_in, std::size_t overall, std::size_t per_address)
        : executor(executor_in), caps(overall, per_address), room(executor_in) {}

    void GiveBack(const Address& address) {
        caps.Remove(address);
        GrantOne();
        if (caps.HasRoom()) room.NotifyOne();
    }
    // One at most has become possible. Addresses that have their share already are few: as many as
    // go into `overall`.
    void GrantOne() {
        auto of = waiting.upper_bound(last);
        for (std::size_t left = caps.HasRoom() ? waiting.size() : 0; left > 0; --left, ++of) {
            if (of == waiting.end()) of = waiting.begin();
            if (!caps.HasRoomFor(of->first)) continue;
            last = of->first;
            caps.Add(last);
            Waiter* waiter = of->second.front();
            of->second.pop_front();
            if (of->second.empty()) waiting.erase(of);
            waiter->granted = true;
            waiter->timer.cancel();
            return;
        }
    }

    const asio::any_io_executor executor;
    AddressCaps caps;
    WaitList room;
    std::map<Address, std::list<Waiter*>> waiting;  // first come first
    Address last;                                   // that was granted one
};

AddressTurns::AddressTurns(asio::any_io_executor executor, std::size_t overall,
                           std::size_t per_address)
    : state_(std::make_shared<State>(executor, overall, per_address)) {}
AddressTurns::~AddressTurns() = default;

bool AddressTurns::HasRoom() const {
    return state_->caps.HasRoom();
}

asio::awaitable<bool> AddressTurns::WaitForRoom() {
    return state_->room.Wait();
}

asio::awaitable<std::shared_ptr<void>> AddressTurns::Take(Address given) {
    // The frame may be destroyed while suspended, also between the grant and its arrival here.
    struct Place {
        Place(std::shared_ptr<State> state_in, const Address& address_in)
            : state(std::move(state_in)), address(address_in), waiter(state->executor) {
            auto& line = state->waiting[address];
            place = line.insert(line.end(), &waiter);
        }
        Place(const Place&) = delete;
        ~Place() {
            if (waiter.granted) {
                if (!taken) state->GiveBack(address);
                return;
            }
            const auto of = state->waiting.find(address);
            of->second.erase(place);
            if (of->second.empty()) state->waiting.erase(of);
        }
        const std::shared_ptr<State> state;
        const Address address;
        State::Waiter waiter;
        std::list<State::Waiter*>::iterator place;
        bool taken = false;
    };
    struct Turn {
        Turn(std::shared_ptr<State> state_in, Address address_in)
            : state(std::move(state_in)), address(std::move(address_in)) {}
        Turn(const Turn&) = delete;
        ~Turn() { state->GiveBack(address); }
        const std::shared_ptr<State> state;
        const Address address;
    };
    const std::shared_ptr<State> state = state_;
    const Address address = CountedAddress(given);
    if (state->caps.HasRoomFor(address)) {
        state->caps.Add(address);
    } else {
        Place place(state, address);
        co_await place.waiter.timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (!place.waiter.granted) co_return nullptr;
        place.taken = true;
    }
    co_return std::make_shared<Turn>(state, address);
}

}  // namespace dlws::kube::internal
