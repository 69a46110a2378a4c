// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "portal/server/session/crypto.h"

namespace dlws::portal {

namespace json = boost::json;

namespace {

constexpr int kVersion = 2;

std::string_view InfoOf(SessionKind kind) {
    switch (kind) {
        case SessionKind::kCli:
            return "dlws cli session 1";
        case SessionKind::kCliCode:
            return "dlws cli code 1";
        default:
            return "dlws session 1";
    }
}

Secret RecordKey(const SessionKey& key) {
    return Hkdf(key.key, key.id, InfoOf(key.kind));
}

std::int64_t Number(Seconds time) {
    return time.time_since_epoch().count();
}
Seconds Time(const json::value& value) {
    return Seconds(std::chrono::seconds(value.to_number<std::int64_t>()));
}
std::string Text(const json::value& value) {
    return std::string(value.as_string());
}

// Throws where a member is missing: what has the right tag was written by us.
Record ReadRecord(const json::object& object) {
    Record record;
    record.username = Text(object.at("username"));
    record.subject = Text(object.at("subject"));
    record.token = Secret(Text(object.at("token")));
    record.refresh_token = Secret(Text(object.at("refreshToken")));
    record.token_issued = Time(object.at("tokenIssued"));
    record.token_ends = Time(object.at("tokenEnds"));
    record.logged_in = Time(object.at("loggedIn"));
    record.renewed = Time(object.at("renewed"));
    record.why_ended = Text(object.at("whyEnded"));
    record.ended = Time(object.at("ended"));
    record.cli_port = object.at("cliPort").to_number<std::uint16_t>();
    record.cli_challenge = Text(object.at("cliChallenge"));
    record.confirmed = Time(object.at("confirmed"));
    return record;
}

// When it ends whatever is done with it.
Seconds LastOf(const Record& record) {
    if (record.kind == SessionKind::kBrowser) return record.logged_in + kWebLifetime;
    if (record.kind == SessionKind::kCli) return record.logged_in + kCliLifetime;
    if (record.confirmed != Seconds()) return record.confirmed + kCliCodeLifetime;
    return record.logged_in + kCliWaits;
}

}  // namespace

Seconds EndOf(const Record& record) {
    if (!record.why_ended.empty()) return record.ended + kKeptAfterEnd;
    const Seconds last = LastOf(record);
    if (record.refresh_token.Empty()) return std::min(last, record.token_ends);
    return std::min(last, record.renewed + kUnrenewedLifetime);
}

std::string WhyOver(const Record& record, Seconds now) {
    if (!record.why_ended.empty()) return record.why_ended;
    if (now < EndOf(record)) return "";
    if (now >= LastOf(record)) {
        if (record.kind == SessionKind::kCliCode) return "it has waited for too long";
        return fmt::format("a login holds for {} days", record.kind == SessionKind::kCli ? 30 : 7);
    }
    return record.refresh_token.Empty() ? "the token that you logged in with has ended"
                                        : "nobody has used this login for a day";
}

std::expected<std::string, std::string> Seal(const Record& record, const SessionKey& key) {
    const json::object object{{"version", kVersion},
                              {"username", record.username},
                              {"subject", record.subject},
                              {"token", record.token.Reveal()},
                              {"refreshToken", record.refresh_token.Reveal()},
                              {"tokenIssued", Number(record.token_issued)},
                              {"tokenEnds", Number(record.token_ends)},
                              {"loggedIn", Number(record.logged_in)},
                              {"renewed", Number(record.renewed)},
                              {"whyEnded", record.why_ended},
                              {"ended", Number(record.ended)},
                              {"cliPort", record.cli_port},
                              {"cliChallenge", record.cli_challenge},
                              {"confirmed", Number(record.confirmed)}};
    const Secret plain(json::serialize(object));
    if (plain.Reveal().size() > kMaxRecord)
        return std::unexpected(fmt::format(
            "the tokens of this login have {} bytes together, and a session holds {}: have the "
            "provider put fewer groups or claims into them",
            plain.Reveal().size(), kMaxRecord));
    return Encrypt(RecordKey(key), plain.Reveal(), key.id);
}

std::optional<Record> Unseal(std::string_view sealed, const SessionKey& key) {
    if (sealed.size() > kMaxRecord + kNonceBytes + kTagBytes) return std::nullopt;
    const auto plain = Decrypt(RecordKey(key), sealed, key.id);
    if (!plain) return std::nullopt;
    try {
        const json::value document = json::parse(plain->Reveal());
        // A later version's record: whoever has it logs in anew.
        if (document.at("version").to_number<int>() != kVersion) return std::nullopt;
        Record record = ReadRecord(document.as_object());
        record.kind = key.kind;
        return record;
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

}  // namespace dlws::portal
