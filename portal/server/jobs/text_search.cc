// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/text_search.h"

#include <array>
#include <cstring>

namespace dlws::portal {

namespace {

constexpr std::size_t kBlock = 16;
using Block = unsigned char __attribute__((vector_size(kBlock)));

// 0xff where the bytes at `at` are `c`.
Block Equal(const char* at, char c) {
    Block bytes;
    std::memcpy(&bytes, at, kBlock);
    return Block(bytes == static_cast<unsigned char>(c));
}

}  // namespace

// Places where both the first and the last byte of the word are right are rare; 16 places are
// looked at together (W. Muła, "SIMD-friendly algorithms for substring searching").
bool Contains(std::string_view text, std::string_view word) {
    if (word.size() < 2 || text.size() < word.size() - 1 + kBlock)
        return text.find(word) != std::string_view::npos;
    const std::size_t last_block = text.size() - (word.size() - 1) - kBlock;
    for (std::size_t begin = 0;; begin += kBlock) {
        if (begin > last_block) begin = last_block;  // looks at some places twice
        const char* at = text.data() + begin;
        const Block hits = Equal(at, word.front()) & Equal(at + word.size() - 1, word.back());
        std::array<std::uint64_t, 2> halves;
        std::memcpy(halves.data(), &hits, kBlock);
        if (halves[0] | halves[1])
            for (std::size_t i = 0; i < kBlock; ++i)
                if (hits[i] && std::memcmp(at + i, word.data(), word.size()) == 0) return true;
        if (begin == last_block) return false;
    }
}

std::int64_t PrefixOf(std::string_view text) {
    std::uint64_t prefix = 0;
    for (std::size_t i = 0; i < 8; ++i)
        prefix = prefix << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0U);
    return static_cast<std::int64_t>(prefix ^ (std::uint64_t(1) << 63));
}

}  // namespace dlws::portal
