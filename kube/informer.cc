// SPDX-License-Identifier: Apache-2.0
#include "kube/informer.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <exception>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "kube/log.h"

namespace dlws::kube {
namespace asio = boost::asio;

namespace {

/// So often in a row without an event may a watch fail in a way that a fresh list may cure, or a
/// WatchList fail in a way that a plain list may get around.
constexpr int kPatience = 3;

Error MakeError(ErrorKind kind, std::string message) {
    Error error;
    error.kind = kind;
    error.message = std::move(message);
    return error;
}

/// The answer of a server that does not know or allow sendInitialEvents; or cannot, because its
/// etcd is older than 3.4.25 (a 500 that names the missing storage feature).
bool IsRefusedWatchList(const Error& error) {
    if (error.kind != ErrorKind::kStatus) return false;
    return error.code == 400 || error.code == 405 || error.code == 422 ||
           (error.code == 500 && error.message.find("RequestWatchProgress") != std::string::npos);
}

/// "Too large resource version": the server's cache is behind ours, and said so after waiting.
bool IsServerBehind(const Error& error) {
    return std::ranges::any_of(error.causes, [](const Error::Cause& cause) {
        return cause.reason == "ResourceVersionTooLarge";
    });
}

}  // namespace

Informer::Informer(Client& client, Settings settings, Random& random)
    : client_(client),
      settings_(std::move(settings)),
      backoff_(settings_.backoff, random),
      logger_("informer/" + std::string(settings_.resource.plural)),
      sync_waiters_(client.Executor()) {}

bool Informer::UseWatchList() const {
    // A plain list now and then, when WatchList fails again and again: some proxies cannot stream.
    return settings_.watch_list && !watch_list_refused_ &&
           failures_in_row_ % (kPatience + 1) != kPatience;
}

Awaitable<void> Informer::Run() {
    broken_since_ = std::chrono::steady_clock::now();
    while (true) {
        step_began_ = std::chrono::steady_clock::now();
        const bool was_listing = !listed_;
        Result<void> outcome;
        if (listed_) {
            outcome = co_await WatchFrom(false);
        } else if (UseWatchList()) {
            outcome = co_await WatchFrom(true);
        } else {
            outcome = co_await ListPages();
        }
        auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) co_return;
        if (!broken_since_) broken_since_ = std::chrono::steady_clock::now();
        if (outcome) continue;
        const auto delay = Recover(outcome.error(), was_listing && !listed_);
        if (delay.count() > 0) {
            const bool slept = co_await SleepFor(delay);
            if (!slept) co_return;
        }
    }
}

std::chrono::milliseconds Informer::Recover(const Error& error, bool list_failed) {
    using std::chrono::milliseconds;
    if (list_failed && UseWatchList() && IsRefusedWatchList(error)) {
        LogInfo(logger_, "the server does not offer WatchList ({}): listing instead",
                error.message);
        watch_list_refused_ = true;
        return milliseconds(0);
    }
    const auto lived = std::chrono::steady_clock::now() - step_began_;
    const bool healthy = !list_failed && lived >= settings_.healthy_watch;
    failures_in_row_ = healthy ? 1 : failures_in_row_ + 1;

    if (error.IsExpired()) {
        // A list has no version to expire but ours: then whatever is newest.
        quorum_list_ = quorum_list_ || list_failed;
        listed_ = false;
    } else if (IsServerBehind(error)) {
        // Either this server lags, or etcd was restored from a backup: the newest state decides.
        quorum_list_ = true;
        listed_ = false;
    } else if ((error.kind == ErrorKind::kStatus || error.kind == ErrorKind::kProtocol) &&
               failures_in_row_ % kPatience == 0) {
        // What we resume from seems to be what the server cannot send.
        listed_ = false;
    }

    milliseconds delay(0);
    if (!healthy) delay = backoff_.Next();
    if (error.retry_after) delay = std::max(delay, *error.retry_after);

    const char* next = listed_ ? "resuming the watch" : "listing";
    if (error.reason == "EndOfStream" || error.IsExpired()) {
        LogDebug(logger_, "{}; {} in {} ms", error.message, next, delay.count());
    } else {
        LogWarning(logger_, "{}; {} in {} ms", error.message, next, delay.count());
    }
    return delay;
}

Awaitable<Result<void>> Informer::ListPages() {
    ListOptions options;
    options.ns = settings_.ns;
    options.label_selector = settings_.label_selector;
    options.field_selector = settings_.field_selector;
    options.limit = settings_.page_size;
    if (last_rv_ > 0 && !quorum_list_) {
        options.resource_version = std::to_string(last_rv_);
        options.resource_version_match = "NotOlderThan";
    }
    std::vector<ObjectPtr> objects;
    std::uint64_t resource_version = 0;
    while (true) {
        auto page = co_await client_.List(settings_.resource, options);
        if (!page && page.error().IsExpired() && !options.continue_token.empty() &&
            options.limit > 0) {
            // The snapshot behind the pages was compacted away while we read them. In one piece it
            // cannot happen again.
            objects.clear();
            options.continue_token.clear();
            options.limit = 0;
            continue;
        }
        if (!page) co_return std::unexpected(std::move(page.error()));
        resource_version = page->resource_version;
        for (ObjectPtr& object : page->items)
            if (Keeps(*object)) objects.push_back(Transformed(std::move(object)));
        if (page->continue_token.empty()) break;
        options.continue_token = page->continue_token;
        // A page token carries its version; the API refuses to be told both.
        options.resource_version.clear();
        options.resource_version_match.clear();
    }
    Replace(std::move(objects), resource_version);
    co_return Result<void>();
}

Awaitable<Result<void>> Informer::WatchFrom(bool initial_events) {
    WatchOptions options;
    options.ns = settings_.ns;
    options.label_selector = settings_.label_selector;
    options.field_selector = settings_.field_selector;
    options.send_initial_events = initial_events;
    if (last_rv_ > 0 && !(initial_events && quorum_list_))
        options.resource_version = std::to_string(last_rv_);
    auto stream = co_await client_.Watch(settings_.resource, options);
    if (!stream) co_return std::unexpected(std::move(stream.error()));

    Staged staged;
    bool staging = initial_events;
    if (!staging) broken_since_.reset();
    while (true) {
        auto event = co_await (*stream)->Next();
        if (!event) co_return std::unexpected(std::move(event.error()));
        if (!event->object)
            co_return std::unexpected(MakeError(ErrorKind::kProtocol, "watch event of no object"));
        const bool bookmark = event->type == WatchEventType::kBookmark;
        const bool kept = bookmark || Keeps(*event->object);
        if (kept && !bookmark) event->object = Transformed(std::move(event->object));
        if (!staging) {
            failures_in_row_ = 0;
            Apply(*event, kept);
            continue;
        }
        auto complete = Stage(staged, *event, kept);
        if (!complete) co_return std::unexpected(std::move(complete.error()));
        if (!*complete) continue;
        staging = false;
        std::vector<ObjectPtr> objects;
        objects.reserve(staged.size());
        for (auto& [key, object] : staged)
            objects.push_back(std::move(object));
        Staged().swap(staged);
        Replace(std::move(objects), event->object->meta.resource_version);
        broken_since_.reset();
        step_began_ = std::chrono::steady_clock::now();
    }
}

Result<bool> Informer::Stage(Staged& staged, const WatchEvent& event, bool kept) {
    switch (event.type) {
        case WatchEventType::kAdded:
        case WatchEventType::kModified:
            if (kept)
                staged.insert_or_assign(event.object->meta.Key(), event.object);
            else
                staged.erase(event.object->meta.Key());
            return false;
        case WatchEventType::kDeleted:
            staged.erase(event.object->meta.Key());
            return false;
        case WatchEventType::kBookmark:
            break;
    }
    if (event.initial_events_end) return true;
    // A server that knows sendInitialEvents sends no other bookmark before that one; one that does
    // not would leave us waiting for ever.
    Error error = MakeError(ErrorKind::kStatus, "a bookmark before the end of the initial events");
    error.code = 400;
    return std::unexpected(std::move(error));
}

ObjectPtr Informer::Transformed(ObjectPtr object) const {
    if (!settings_.transform) return object;
    auto changed = std::make_shared<Object>(*object);
    settings_.transform(*changed);
    return changed;
}

void Informer::Apply(const WatchEvent& event, bool kept) {
    const Meta& meta = event.object->meta;
    switch (event.type) {
        case WatchEventType::kAdded:
        case WatchEventType::kModified:
            kept ? PutAndNotify(event.object, false) : Drop(meta);
            break;
        case WatchEventType::kDeleted:
            kept ? RemoveAndNotify(meta.Key(), event.object) : Drop(meta);
            break;
        case WatchEventType::kBookmark:
            break;
    }
    Advance(meta.resource_version);
}

void Informer::Drop(const Meta& not_kept) {
    const ObjectPtr known = store_.Get(not_kept.Key());
    if (known && not_kept.resource_version >= known->meta.resource_version)
        RemoveAndNotify(not_kept.Key(), nullptr);
}

void Informer::Replace(std::vector<ObjectPtr> objects, std::uint64_t resource_version) {
    std::ranges::sort(objects, [](const ObjectPtr& a, const ObjectPtr& b) {
        return std::tie(a->meta.ns, a->meta.name) < std::tie(b->meta.ns, b->meta.name);
    });
    const bool history_went_back = resource_version < last_rv_;
    if (history_went_back) {
        LogError(logger_,
                 "the server is at resourceVersion {}, we have seen {}: was etcd restored "
                 "from a backup? Taking the server's state",
                 resource_version, last_rv_);
        last_rv_ = 0;
    }

    std::unordered_set<ObjectKey, ObjectKeyHash> listed;
    for (const ObjectPtr& object : objects)
        listed.insert(object->meta.Key());
    // Gone first: a handler that counts then never sees more objects than there were.
    for (const ObjectPtr& known : store_.All()) {
        const bool gone = !listed.contains(known->meta.Key());
        // Put by somebody who wrote it after this list was read: the watch will tell.
        const bool newer = !history_went_back && known->meta.resource_version > resource_version;
        if (gone && !newer) RemoveAndNotify(known->meta.Key(), nullptr);
    }
    for (ObjectPtr& object : objects)
        PutAndNotify(std::move(object), history_went_back);

    listed_ = true;
    quorum_list_ = false;
    failures_in_row_ = 0;
    if (synced_) {
        ++relists_;
        LogInfo(logger_, "listed anew: {} objects at {}", store_.Size(), resource_version);
    } else {
        synced_ = true;
        LogInfo(logger_, "synced: {} objects at {}", store_.Size(), resource_version);
        sync_waiters_.NotifyAll();
    }
    Advance(resource_version);
}

void Informer::PutAndNotify(ObjectPtr object, bool even_if_older) {
    const Meta& meta = object->meta;
    ObjectPtr known = store_.Get(meta.Key());
    if (known && meta.resource_version == known->meta.resource_version &&
        meta.uid == known->meta.uid && meta.resource_version != 0)
        return;
    if (known && meta.resource_version < known->meta.resource_version && !even_if_older) return;
    if (known && known->meta.uid != meta.uid) {
        RemoveAndNotify(meta.Key(), nullptr);
        known = nullptr;
    }
    if (even_if_older) store_.Remove(meta.Key());
    store_.Put(object);
    Notify(std::move(known), std::move(object));
}

void Informer::RemoveAndNotify(const ObjectKey& key, ObjectPtr last_state) {
    ObjectPtr known = store_.Get(key);
    if (!known) return;
    if (last_state && last_state->meta.uid != known->meta.uid) {
        // The deletion of another incarnation.
        if (last_state->meta.resource_version <= known->meta.resource_version) return;
        last_state = nullptr;
    }
    store_.Remove(key);
    Notify(last_state ? std::move(last_state) : std::move(known), nullptr);
}

void Informer::Advance(std::uint64_t resource_version) {
    last_rv_ = std::max(last_rv_, resource_version);
    for (const auto& handler : progress_) {
        try {
            handler(last_rv_);
        } catch (const std::exception& error) {
            LogError(logger_, "a progress handler threw: {}", error.what());
        }
    }
}

void Informer::Notify(ObjectPtr before, ObjectPtr after) {
    const Change change{std::move(before), std::move(after)};
    for (const Handler& handler : handlers_) {
        try {
            handler(change);
        } catch (const std::exception& error) {
            const Meta& meta = (change.after ? change.after : change.before)->meta;
            LogError(logger_, "a handler threw on {}: {}", meta.Key().ToString(), error.what());
        } catch (...) {
            LogError(logger_, "a handler threw something that is no std::exception");
        }
    }
}

Awaitable<bool> Informer::WaitForSync(std::chrono::milliseconds deadline) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    while (!synced_) {
        const bool notified = co_await sync_waiters_.Wait(end);
        if (!notified) break;
    }
    co_return synced_;
}

}  // namespace dlws::kube
