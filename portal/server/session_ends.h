// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace dlws::portal {

/// Tells those that a session has for long (streams) that it has been ended, at whichever replica:
/// nothing goes on after a logout.
///
///     store.OnEnd([&](const std::string& id) { ends.Tell(id); });
///     ends.Add(call.caller.session, body, [body = body.get()] { body->LogOut(); });
///
/// Confined to the server's executor.
class SessionEnds {
  public:
    /// `end` is called once, unless `who` has gone by then. Without a session it never is.
    void Add(const std::string& session, std::weak_ptr<void> who, std::function<void()> end) {
        if (session.empty()) return;
        const auto [from, to] = waiting_.equal_range(session);
        for (auto each = from; each != to;)
            each = each->second.who.expired() ? waiting_.erase(each) : std::next(each);
        waiting_.emplace(session, Waiting{std::move(who), std::move(end)});
    }
    void Tell(const std::string& session) {
        std::unordered_multimap<std::string, Waiting> told;
        for (auto found = waiting_.find(session); found != waiting_.end();
             found = waiting_.find(session))
            told.insert(waiting_.extract(found));
        for (const auto& [id, waiting] : told)
            if (const auto alive = waiting.who.lock()) waiting.end();
    }
    std::size_t Waits() const { return waiting_.size(); }

  private:
    struct Waiting {
        std::weak_ptr<void> who;
        std::function<void()> end;
    };
    std::unordered_multimap<std::string, Waiting> waiting_;  ///< by session
};

}  // namespace dlws::portal
