// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/cursor.h"

#include "kube/base64.h"

namespace dlws::portal {

namespace {

constexpr char kFormat = 1;
constexpr std::size_t kHead = 1 + 8 + 8 + 1;  // format, question, number, length of the uid
constexpr std::size_t kMost = 1024;

void PutNumber(std::string& bytes, std::uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8)
        bytes += static_cast<char>(number >> shift & 255);
}

std::uint64_t TakeNumber(std::string_view bytes) {
    std::uint64_t number = 0;
    for (int i = 0; i < 8; ++i)
        number = number << 8 | static_cast<unsigned char>(bytes[i]);
    return number;
}

}  // namespace

bool Before(const Place& a, const Place& b, bool descending) {
    if (a.number != b.number) return (a.number < b.number) != descending;
    if (const int order = a.text.compare(b.text); order != 0) return (order < 0) != descending;
    return a.uid < b.uid;
}

std::string EncodeCursor(const Cursor& cursor) {
    std::string bytes(1, kFormat);
    PutNumber(bytes, cursor.question);
    PutNumber(bytes, static_cast<std::uint64_t>(cursor.number));
    bytes += static_cast<char>(cursor.uid.size());
    bytes += cursor.uid;
    bytes += cursor.text;
    return kube::EncodeBase64Url(bytes);
}

std::optional<Cursor> DecodeCursor(std::string_view text) {
    if (text.size() > kMost) return std::nullopt;
    const auto bytes = kube::DecodeBase64Url(text);
    if (!bytes || bytes->size() < kHead || bytes->front() != kFormat) return std::nullopt;
    std::string_view rest = std::string_view(*bytes).substr(1);
    Cursor cursor;
    cursor.question = TakeNumber(rest);
    cursor.number = static_cast<std::int64_t>(TakeNumber(rest.substr(8)));
    const std::size_t uid = static_cast<unsigned char>(rest[16]);
    rest.remove_prefix(17);
    if (uid > rest.size()) return std::nullopt;
    cursor.uid = rest.substr(0, uid);
    cursor.text = rest.substr(uid);
    if (EncodeCursor(cursor) != text) return std::nullopt;
    return cursor;
}

std::uint64_t Fnv(std::string_view bytes, std::uint64_t before) {
    for (const char c : bytes)
        before = (before ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return before;
}

}  // namespace dlws::portal
