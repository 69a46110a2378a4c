// SPDX-License-Identifier: Apache-2.0
#include "agent/samba/accounts.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/provider.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <boost/locale/encoding_utf.hpp>
#include <charconv>
#include <ranges>

#include "kube/base64.h"

namespace dlws::agent {

namespace json = boost::json;

namespace {

// Whoever reaches the port may guess. Windows takes no longer ones.
constexpr std::size_t kMinPassword = 8, kMaxPassword = 127;

std::string FileOf(const model::SambaFiles& files, std::string_view name) {
    const auto found = files.find(std::string(name));
    return found == files.end() ? "" : found->second;
}

std::vector<std::string> Split(std::string_view text, char by) {
    std::vector<std::string> parts;
    for (const auto part : std::views::split(text, by))
        parts.emplace_back(part.begin(), part.end());
    return parts;
}

template <typename Number>
bool Read(std::string_view text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

// The sections of a smb.conf by name.
std::map<std::string, std::string> Sections(std::string_view text) {
    std::map<std::string, std::string> sections;
    std::string name;
    for (const std::string& line : Split(text, '\n')) {
        if (line.starts_with('[') && line.ends_with(']'))
            name = line.substr(1, line.size() - 2);
        else if (!line.empty() && !line.starts_with('#'))
            sections[name] += line + '\n';
    }
    return sections;
}

const json::value* Field(const json::value& value, std::string_view name) {
    const json::object* object = value.if_object();
    return object ? object->if_contains(name) : nullptr;
}

}  // namespace

SambaAccounts AccountsOf(const model::SambaFiles& files,
                         const std::map<std::string, SambaPassword>& passwords) {
    SambaAccounts accounts;
    for (const std::string& line : Split(FileOf(files, model::kSambaPasswd), '\n')) {
        const std::vector<std::string> fields = Split(line, ':');
        SambaAccount account;
        if (fields.size() < 7 || !Read(fields[2], account.uid) || account.uid == 0 ||
            fields[0] == "nobody")
            continue;
        account.identity = line;
        if (const auto found = passwords.find(fields[0]); found != passwords.end()) {
            account.password = found->second.text;
            account.hash = found->second.hash;
        }
        accounts.emplace(fields[0], std::move(account));
    }
    for (const std::string& line : Split(FileOf(files, model::kSambaGroup), '\n')) {
        const std::vector<std::string> fields = Split(line, ':');
        if (fields.size() < 4) continue;
        for (const std::string& member : Split(fields[3], ','))
            if (const auto found = accounts.find(member); found != accounts.end())
                found->second.identity += ' ' + fields[2];
    }
    return accounts;
}

SambaHashes HashesOf(std::string_view text) {
    SambaHashes hashes;
    for (const std::string& line : Split(text, '\n')) {
        const std::vector<std::string> fields = Split(line, ':');  // name:uid:LM:NT:flags:changed:
        if (fields.size() >= 6) hashes[fields[0]] = fields[3];
    }
    return hashes;
}

std::expected<std::string, std::string> NtHash(std::string_view password) {
    // MD4 is in OpenSSL's provider of what nobody should use any more.
    static OSSL_PROVIDER* const legacy = OSSL_PROVIDER_load(nullptr, "legacy");
    static EVP_MD* const md4 = legacy ? EVP_MD_fetch(nullptr, "MD4", "provider=legacy") : nullptr;
    if (!md4) return std::unexpected("OpenSSL's provider `legacy` is not installed");
    std::u16string units;
    try {
        units = boost::locale::conv::utf_to_utf<char16_t>(
            password.data(), password.data() + password.size(), boost::locale::conv::stop);
    } catch (const boost::locale::conv::conversion_error&) {
        return std::unexpected("its password is not UTF-8");
    }
    std::string bytes;
    for (const char16_t unit : units) {
        bytes += char(unit & 0xFF);
        bytes += char(unit >> 8);
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), hash.data(), &size, md4, nullptr) != 1)
        return std::unexpected("OpenSSL cannot make the hash of its password");
    std::string text;
    for (unsigned i = 0; i < size; ++i)
        text += fmt::format("{:02X}", hash[i]);
    return text;
}

AccountChanges Compare(const SambaAccounts& before, const SambaAccounts& after,
                       const SambaHashes& known) {
    AccountChanges changes;
    std::set<std::string> moved;  // somebody else under the same name
    for (const auto& [name, was] : before) {
        const auto now = after.find(name);
        if (now != after.end() && now->second == was) continue;
        changes.disconnect.insert(was.uid);
        if (now != after.end() && now->second.identity != was.identity) moved.insert(name);
    }
    for (const auto& [name, hash] : known) {
        const auto now = after.find(name);
        if (now == after.end() || now->second.hash.empty() || moved.contains(name))
            changes.remove.push_back(name);
    }
    for (const auto& [name, now] : after) {
        const auto has = known.find(name);
        const bool other = has != known.end() && has->second != now.hash;
        if (!now.hash.empty() && (has == known.end() || other || moved.contains(name)))
            changes.set.push_back(name);
        // Somebody may have logged in with it.
        if (!now.hash.empty() && other) changes.disconnect.insert(now.uid);
    }
    return changes;
}

std::vector<std::string> ChangedShares(std::string_view before, std::string_view after) {
    const auto was = Sections(before), now = Sections(after);
    std::vector<std::string> changed;
    for (const auto& [name, text] : was) {
        if (name.empty() || name == "global") continue;
        const auto found = now.find(name);
        if (found == now.end() || found->second != text) changed.push_back(name);
    }
    return changed;
}

std::expected<SambaPassword, std::string> PasswordOf(std::string_view secret_json) {
    boost::system::error_code error;
    const json::value secret = json::parse(secret_json, error);
    if (error) return std::unexpected("it is no JSON");
    const json::value* data = Field(secret, "data");
    const json::value* encoded = data ? Field(*data, "password") : nullptr;
    if (!encoded || !encoded->is_string())
        return std::unexpected("it has no key password; make it with --from-literal=password=…");
    auto password = kube::DecodeBase64(std::string_view(encoded->get_string()));
    if (!password) return std::unexpected("its password is not base64");
    // Whoever makes it with `echo` has a newline at the end.
    if (password->ends_with('\n')) password->pop_back();
    if (password->size() < kMinPassword || password->size() > kMaxPassword)
        return std::unexpected("its password must have 8 to 127 bytes");
    if (std::ranges::any_of(*password, [](unsigned char c) { return c < 0x20; }))
        return std::unexpected("its password has a control character in it");
    auto hash = NtHash(*password);
    if (!hash) return std::unexpected(hash.error());
    return SambaPassword{*std::move(password), *std::move(hash)};
}

std::optional<std::vector<pid_t>> SessionsOf(std::string_view text, const std::set<uid_t>& users) {
    std::vector<pid_t> processes;
    boost::system::error_code error;
    const json::value status = json::parse(text, error);
    const json::value* sessions = error ? nullptr : Field(status, "sessions");
    if (!sessions || !sessions->is_object()) return std::nullopt;
    for (const auto& [id, session] : sessions->get_object()) {
        const json::value* uid = Field(session, "uid");
        const json::value* server = Field(session, "server_id");
        const json::value* pid = server ? Field(*server, "pid") : nullptr;
        pid_t process = 0;
        if (uid && uid->is_int64() && users.contains(uid_t(uid->get_int64())) && pid &&
            pid->is_string() && Read(std::string_view(pid->get_string()), process) && process > 1)
            processes.push_back(process);
    }
    return processes;
}

}  // namespace dlws::agent
