// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include <algorithm>

#include "cli/text.h"

namespace dlws::cli {
namespace {

constexpr std::size_t kGap = 3;
// A last column is not cut to less: what is left of a sentence would say nothing.
constexpr std::size_t kLeastLast = 20;

}  // namespace

std::string Paint(const Screen& screen, Colour colour, std::string_view text) {
    if (!screen.colour || colour == Colour::kNone || text.empty()) return std::string(text);
    const char* code = colour == Colour::kGood    ? "32"
                       : colour == Colour::kBad   ? "31"
                       : colour == Colour::kWaits ? "33"
                                                  : "2";
    return std::string("\x1b[") + code + "m" + std::string(text) + "\x1b[0m";
}

Colour ColourOfPhase(std::string_view phase) {
    if (phase == "Succeeded" || phase == "Running") return Colour::kGood;
    if (phase == "Failed") return Colour::kBad;
    if (phase == "Stopped" || phase == "Suspended") return Colour::kDim;
    return Colour::kWaits;
}

void Table::Add(std::vector<Cell> row) {
    row.resize(titles_.size(), Cell(""));
    for (Cell& cell : row)
        cell.text = Clean(cell.text);
    rows_.push_back(std::move(row));
}

std::string Table::ToText(const Screen& screen) const {
    std::vector<std::size_t> widths;
    for (std::size_t column = 0; column < titles_.size(); ++column) {
        std::size_t width = Width(titles_[column]);
        for (const auto& row : rows_)
            width = std::max(width, Width(row[column].text));
        widths.push_back(width);
    }
    std::size_t before_last = 0;
    for (std::size_t column = 0; column + 1 < widths.size(); ++column)
        before_last += widths[column] + kGap;
    const std::size_t room = screen.width > before_last ? screen.width - before_last : 0;
    const std::size_t last_width = std::max(room, kLeastLast);

    std::string text;
    const auto line = [&](const std::vector<Cell>& row) {
        std::size_t owed = 0;  // spaces, written only when something follows
        for (std::size_t column = 0; column < row.size(); ++column) {
            const bool last = column + 1 == row.size();
            const std::string shown =
                last && screen.terminal ? Cut(row[column].text, last_width) : row[column].text;
            if (!shown.empty()) text.append(owed, ' ');
            owed = shown.empty() ? owed : 0;
            text += Paint(screen, row[column].colour, shown);
            owed += widths[column] + kGap - std::min(Width(shown), widths[column]);
        }
        text += '\n';
    };
    line({titles_.begin(), titles_.end()});
    for (const auto& row : rows_)
        line(row);
    return text;
}

}  // namespace dlws::cli
