// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace dlws::portal {

/// True when `word` occurs in `text`. Of short words in short texts, of which a search looks at
/// thousands, several times as fast as std::string::find and memmem.
bool Contains(std::string_view text, std::string_view word);

/// A number whose order is that of the first 8 bytes of the texts: it spares most comparisons of
/// texts that lie somewhere else in memory.
std::int64_t PrefixOf(std::string_view text);

}  // namespace dlws::portal
