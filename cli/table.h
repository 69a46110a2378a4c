// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dlws::cli {

/// What is known of where output goes.
struct Screen {
    bool terminal = false;
    bool colour = false;     ///< never without words that say the same
    std::size_t width = 80;  ///< columns, of a terminal
};

enum class Colour { kNone, kGood, kBad, kWaits, kDim };

/// `text` in that colour where the screen has colours, else as it is.
std::string Paint(const Screen& screen, Colour colour, std::string_view text);

/// Of a job's phase.
Colour ColourOfPhase(std::string_view phase);

struct Cell {
    std::string text;
    Colour colour = Colour::kNone;

    Cell(std::string text, Colour colour = Colour::kNone) : text(std::move(text)), colour(colour) {}
    Cell(const char* text) : text(text) {}
};

/// Columns under titles, three spaces apart, as kubectl writes them. Cells are cleaned here. On a
/// terminal the last column is cut where a line would be too long; elsewhere nothing is.
///
///     Table table({"NAME", "AGE"});
///     table.Add({"digits", "3m"});
///     table.ToText(screen);
class Table {
  public:
    explicit Table(std::vector<std::string> titles) : titles_(std::move(titles)) {}
    /// As many cells as there are titles; what is missing is empty.
    void Add(std::vector<Cell> row);
    bool empty() const { return rows_.empty(); }
    std::string ToText(const Screen& screen) const;

  private:
    std::vector<std::string> titles_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace dlws::cli
