// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/store.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "kube/base64.h"
#include "kube/log.h"
#include "model/time.h"
#include "portal/server/session/crypto.h"

namespace dlws::portal {

namespace json = boost::json;
using kube::Awaitable;

namespace {

constexpr std::string_view kLog = "sessions";
constexpr std::string_view kUser = "dlworkspace.io/user";
constexpr std::string_view kEnds = "dlworkspace.io/ends";
constexpr std::string_view kRenewing = "dlworkspace.io/renewing";
constexpr std::string_view kType = "dlworkspace.io/session";
constexpr std::chrono::seconds kLogPause{10};
// Clocks of replicas differ: what one has renewed at the last moment no other sweeps away.
constexpr std::chrono::minutes kSweepGrace{2};

// Finds the sessions of a username without naming it: 64 bits of its hash.
std::string LabelOf(const std::string& username) {
    return HexOf(Sha256(username)).substr(0, 16);
}

std::string CacheKey(const SessionKey& key) {
    return Sha256(Format(key) + static_cast<char>('0' + static_cast<int>(key.kind)));
}

const json::value* At(const json::value& document, std::string_view pointer) {
    json::error_code error;
    return document.find_pointer(pointer, error);
}
std::string Member(const json::value* object, std::string_view name) {
    const json::value* value =
        object && object->is_object() ? object->as_object().if_contains(name) : nullptr;
    return value && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::string TimeText(Seconds time) {
    return model::FormatTime(time);
}
Seconds TimeOf(const std::string& text) {
    const auto time = model::ParseTime(text);
    return time ? std::chrono::floor<std::chrono::seconds>(*time) : Seconds();
}

// "HOLDER UNTIL".
Lease LeaseOf(const std::string& text) {
    const std::size_t space = text.find(' ');
    if (space == std::string::npos) return {};
    return {text.substr(0, space), TimeOf(text.substr(space + 1))};
}

}  // namespace

SessionStore::SessionStore(kube::Api& own, Settings settings)
    : own_(own),
      settings_(std::move(settings)),
      changes_(own.Executor()),
      refused_(settings_.refused, settings_.most_refused) {}

kube::Informer::Settings SessionStore::Watched(const std::string& ns) {
    kube::Informer::Settings settings{.resource = kube::kSecrets, .ns = ns};
    // Twenty thousand records are none of our memory's business.
    settings.transform = [](kube::Object& object) {
        json::error_code error;
        const json::value secret = json::parse(object.raw, error);
        const json::value* notes = error ? nullptr : At(secret, "/metadata/annotations");
        object.raw = Member(notes, kEnds);
    };
    return settings;
}

void SessionStore::Observe(const kube::Change& change) {
    if (!change.after) {
        Drop(change.before->meta.name);
    } else {
        const kube::Meta& meta = change.after->meta;
        Seen& seen = seen_[meta.name];
        // What we have written ourselves may be newer than what the watch shows.
        if (meta.resource_version >= seen.version || meta.uid != seen.uid) {
            const auto label = meta.labels.find(std::string(kUser));
            seen = {label == meta.labels.end() ? "" : label->second, TimeOf(change.after->raw),
                    meta.resource_version, meta.uid};
            const auto name = names_.find(meta.name);
            if (name != names_.end() && read_[name->second].session->version < seen.version) {
                read_.erase(name->second);
                names_.erase(name);
            }
        }
    }
    changes_.NotifyAll();
}

void SessionStore::Drop(const std::string& id) {
    seen_.erase(id);
    if (const auto name = names_.find(id); name != names_.end()) {
        read_.erase(name->second);
        names_.erase(name);
    }
    for (const auto& handler : on_end_)
        handler(id);
}

StoreError SessionStore::Failed(const kube::Error& error) {
    if (error.IsNotFound()) return {StoreError::kGone};
    if (error.code == 409) return {StoreError::kConflict};
    // Each request would say it again.
    if (settings_.now() >= logged_at_ + kLogPause) {
        logged_at_ = settings_.now();
        kube::LogWarning(kLog, "{}", error.message);
    }
    return {StoreError::kAway};
}

// Whether to ask the API server about a session that the watch has not shown: made at another
// replica a moment ago, or made up.
bool SessionStore::MayAsk() {
    const Seconds now = settings_.now();
    if (now != asked_at_) asked_ = 0;
    asked_at_ = now;
    return ++asked_ <= settings_.unknown_a_second;
}

std::string SessionStore::Body(const SessionKey& key, const Session& session,
                               const std::string& sealed) const {
    json::object notes{{kEnds, TimeText(EndOf(session.record))}};
    if (!session.lease.holder.empty())
        notes[kRenewing] = session.lease.holder + " " + TimeText(session.lease.until);
    json::object metadata{{"name", key.id},
                          {"namespace", settings_.ns},
                          {"labels", {{kUser, LabelOf(session.record.username)}}},
                          {"annotations", std::move(notes)}};
    if (session.version != 0) {
        metadata["resourceVersion"] = std::to_string(session.version);
        metadata["uid"] = session.uid;
    }
    return json::serialize(json::object{{"apiVersion", "v1"},
                                        {"kind", "Secret"},
                                        {"type", kType},
                                        {"metadata", std::move(metadata)},
                                        {"data", {{"record", kube::EncodeBase64(sealed)}}}});
}

SessionPtr SessionStore::Keep(const SessionKey& key, const kube::Object& secret, Record record,
                              Lease lease) {
    auto session = std::make_shared<Session>();
    session->record = std::move(record);
    session->lease = std::move(lease);
    session->version = secret.meta.resource_version;
    session->uid = secret.meta.uid;
    // Kept only while the watch can tell of its end, and not if it has told of something newer.
    const auto seen = seen_.find(key.id);
    if (seen != seen_.end() && seen->second.uid == session->uid &&
        seen->second.version <= session->version) {
        const std::string name = CacheKey(key);
        read_[name] = {session, settings_.now(), settings_.now()};
        names_[key.id] = name;
    }
    return session;
}

Awaitable<Stored<SessionKey>> SessionStore::Create(Record record) {
    if (seen_.size() >= settings_.most) co_return std::unexpected(StoreError{StoreError::kFull});
    const std::string user = LabelOf(record.username);
    if (auto room = co_await MakeRoom(user); !room) co_return std::unexpected(room.error());
    SessionKey key = NewSessionKey(record.kind);
    auto sealed = Seal(record, key);
    if (!sealed)
        co_return std::unexpected(StoreError{StoreError::kTooLarge, std::move(sealed.error())});
    Session session;
    session.record = std::move(record);
    std::string body = Body(key, session, *sealed);
    auto made = co_await own_.Create(kube::kSecrets, settings_.ns, std::move(body));
    if (!made) co_return std::unexpected(Failed(made.error()));
    const kube::Meta& meta = made.value()->meta;
    seen_[key.id] = {user, EndOf(session.record), meta.resource_version, meta.uid};
    Keep(key, *made.value(), std::move(session.record), {});
    co_return key;
}

// The user's session that ends first gives way to a new one.
Awaitable<Stored<void>> SessionStore::MakeRoom(std::string user) {
    std::vector<std::pair<Seconds, std::string>> ends;
    for (const auto& [id, seen] : seen_)
        if (seen.user == user) ends.emplace_back(seen.ends, id);
    std::sort(ends.begin(), ends.end());
    const std::size_t over =
        ends.size() < settings_.most_of_one ? 0 : ends.size() - settings_.most_of_one + 1;
    for (std::size_t i = 0; i < over; ++i) {
        std::string id = ends[i].second;
        auto gone = co_await Delete(std::move(id));
        if (!gone) co_return gone;
    }
    co_return Stored<void>();
}

Awaitable<Stored<SessionPtr>> SessionStore::Read(SessionKey key, bool anew) {
    const Seconds now = settings_.now();
    const std::string hash = CacheKey(key);
    if (const auto found = read_.find(hash); found != read_.end() && !anew) {
        Cached& cached = found->second;
        if (now < cached.used + settings_.idle && now < cached.read + settings_.reread) {
            cached.used = now;
            co_return cached.session;
        }
    }
    // A name is never given twice, and no record ever gets another key.
    if (refused_.Has(hash, now)) co_return std::unexpected(StoreError{StoreError::kGone});
    if (!seen_.contains(key.id) && !MayAsk())
        co_return std::unexpected(StoreError{StoreError::kBusy});
    kube::ObjectKey name(settings_.ns, key.id);
    auto secret = co_await own_.Get(kube::kSecrets, std::move(name));
    if (!secret && secret.error().IsNotFound()) refused_.Add(hash, now);
    if (!secret) co_return std::unexpected(Failed(secret.error()));
    json::error_code error;
    const json::value document = json::parse(secret.value()->raw, error);
    auto sealed = kube::DecodeBase64(Member(error ? nullptr : At(document, "/data"), "record"));
    auto record = sealed ? Unseal(*sealed, key) : std::nullopt;
    if (!record) {
        refused_.Add(hash, now);
        co_return std::unexpected(StoreError{StoreError::kGone});
    }
    Lease lease = LeaseOf(Member(At(document, "/metadata/annotations"), kRenewing));
    co_return Keep(key, *secret.value(), std::move(*record), std::move(lease));
}

Awaitable<Stored<SessionPtr>> SessionStore::Write(SessionKey key, Session session) {
    auto sealed = Seal(session.record, key);
    if (!sealed)
        co_return std::unexpected(StoreError{StoreError::kTooLarge, std::move(sealed.error())});
    std::string body = Body(key, session, *sealed);
    kube::ObjectKey name(settings_.ns, key.id);
    auto written = co_await own_.Update(kube::kSecrets, std::move(name), std::move(body));
    if (!written) {
        StoreError failed = Failed(written.error());
        // What is in memory may be what was overtaken.
        if (const auto old = names_.find(key.id); old != names_.end()) {
            read_.erase(old->second);
            names_.erase(old);
        }
        co_return std::unexpected(std::move(failed));
    }
    co_return Keep(key, *written.value(), std::move(session.record), std::move(session.lease));
}

Awaitable<Stored<void>> SessionStore::Take(std::string id, std::string uid, std::uint64_t version) {
    kube::DeleteOptions options;
    options.uid = std::move(uid);
    if (version != 0) options.resource_version = std::to_string(version);
    kube::ObjectKey name(settings_.ns, id);
    auto gone = co_await own_.Delete(kube::kSecrets, std::move(name), std::move(options));
    if (!gone && !gone.error().IsNotFound()) co_return std::unexpected(Failed(gone.error()));
    Drop(id);
    changes_.NotifyAll();
    if (!gone) co_return std::unexpected(StoreError{StoreError::kGone});
    co_return Stored<void>();
}

Awaitable<Stored<void>> SessionStore::Delete(std::string id) {
    // Whatever its state: names are random, so no other session ever has this one.
    auto taken = co_await Take(std::move(id), "", 0);
    if (!taken && taken.error().kind != StoreError::kGone) co_return taken;
    co_return Stored<void>();
}

Awaitable<Stored<void>> SessionStore::DeleteAllOf(std::string username) {
    kube::ListOptions options;
    options.ns = settings_.ns;
    options.label_selector = fmt::format("{}={}", kUser, LabelOf(username));
    auto page = co_await own_.List(kube::kSecrets, options);
    if (!page) co_return std::unexpected(Failed(page.error()));
    for (const kube::ObjectPtr& secret : page->items) {
        std::string id = secret->meta.name;
        auto gone = co_await Delete(std::move(id));
        if (!gone) co_return gone;
    }
    co_return Stored<void>();
}

Awaitable<std::size_t> SessionStore::Sweep() {
    std::vector<std::pair<std::string, Seen>> ended;
    for (const auto& [id, seen] : seen_)
        if (seen.ends + kSweepGrace <= settings_.now()) ended.emplace_back(id, seen);
    std::size_t swept = 0;
    for (const auto& [id, seen] : ended) {
        // A conflict: it was renewed meanwhile.
        auto gone = co_await Take(id, seen.uid, seen.version);
        if (gone || gone.error().kind == StoreError::kGone) ++swept;
        if (!gone && gone.error().kind == StoreError::kAway) break;
    }
    co_return swept;
}

void SessionStore::Forget() {
    const Seconds now = settings_.now();
    std::erase_if(names_, [this, now](const auto& name) {
        const auto cached = read_.find(name.second);
        if (now < cached->second.used + settings_.idle) return false;
        read_.erase(cached);
        return true;
    });
}

}  // namespace dlws::portal
