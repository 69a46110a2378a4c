// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "portal/server/session/cookie.h"
#include "portal/server/session/secret.h"

/// @file
/// What a session is, and how it lies in its Secret: as JSON, AES-256-GCM under
/// HKDF-SHA256(KEY, salt ID, info "dlws session 1" or another for each kind) with ID as additional
/// data. So whoever reads etcd has nothing, and no record passes for another session's or for one
/// of another kind. Pure but for the nonce.

namespace dlws::portal {

using Seconds = std::chrono::sys_seconds;

inline constexpr std::size_t kMaxRecord = 16 * 1024;
inline constexpr std::chrono::hours kWebLifetime{7 * 24};
inline constexpr std::chrono::hours kCliLifetime{30 * 24};
/// A login that `dlws login` waits for: until the person has answered, and then as a code.
inline constexpr std::chrono::minutes kCliWaits = kLoginLifetime;
inline constexpr std::chrono::seconds kCliCodeLifetime{60};
/// Without a renewal for so long it ends. Of a token that cannot be renewed its end decides.
inline constexpr std::chrono::hours kUnrenewedLifetime{24};
/// A record that has ended is kept so long, to say why.
inline constexpr std::chrono::hours kKeptAfterEnd{1};

struct Record {
    Record() {}
    SessionKind kind = SessionKind::kBrowser;  ///< its key's; it is not written
    std::string username;                      ///< as the API server said at login
    std::string subject;                       ///< `sub` of the ID token; empty: a token was pasted
    Secret token;                              ///< what the API server gets
    Secret refresh_token;                      ///< empty: there is none
    Seconds token_issued{}, token_ends{};
    Seconds logged_in{}, renewed{};
    std::string why_ended;  ///< words for people; not empty: it is no session any more
    Seconds ended{};
    /// Of kCliCode: who waits, and when the person said yes; zero: not yet.
    std::uint16_t cli_port = 0;
    std::string cli_challenge;
    Seconds confirmed{};
};

/// When the session ends, if nothing renews it. Of one that has ended: until when it is kept.
Seconds EndOf(const Record& record);
/// Why it is no session any more, in words for people; empty: it is one.
std::string WhyOver(const Record& record, Seconds now);

/// The bytes for the Secret. Words for people where the record is over kMaxRecord.
std::expected<std::string, std::string> Seal(const Record& record, const SessionKey& key);
/// Nothing where the bytes are not what Seal made with this key: a wrong key, another session's
/// bytes, a changed bit.
std::optional<Record> Unseal(std::string_view sealed, const SessionKey& key);

}  // namespace dlws::portal
