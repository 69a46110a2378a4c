// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// @file
/// A place in an order of objects, as an opaque text that names no snapshot: the server remembers
/// nothing between two pages. Pure.

namespace dlws::portal {

/// Where an object stands: by number, then by text, then by uid. Which of the two the order uses
/// is the order's business; the other is 0 or empty. Views live as long as what they look at.
struct Place {
    std::int64_t number = 0;
    std::string_view text;
    std::string_view uid;
};

/// True when `a` comes before `b`; equal ones are in the order of their uids.
bool Before(const Place& a, const Place& b, bool descending);

/// The last object of a page, and the question that the page answers.
struct Cursor {
    std::uint64_t question = 0;
    std::int64_t number = 0;
    std::string text;
    std::string uid;

    Place At() const { return {number, text, uid}; }
    bool operator==(const Cursor&) const = default;
};

/// At most 1,024 characters of base64url without padding (RFC 4648 section 5), for texts of up to
/// 640 bytes and uids of up to 64.
std::string EncodeCursor(const Cursor& cursor);
/// Nothing for what EncodeCursor does not give, to the bit.
std::optional<Cursor> DecodeCursor(std::string_view text);

/// FNV-1a in 64 bits: for what must be equal on all replicas, and is no secret.
std::uint64_t Fnv(std::string_view bytes, std::uint64_t before = 0xcbf29ce484222325);

}  // namespace dlws::portal
