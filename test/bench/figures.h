// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <boost/json.hpp>
#include <fstream>
#include <string>

namespace dlws::bench {

/// The figures of a benchmark or campaign: each is printed at once as a line
/// `figure NAME VALUE UNIT [goal OP GOAL]`, and all can be written as one JSON file.
class Figures {
  public:
    void Add(const std::string& name, double value, const std::string& unit) {
        fmt::print("figure {} {:.3f} {}\n", name, value, unit);
        all_.push_back({{"figure", name},
                        {"value", value},
                        {"unit", unit},
                        {"goal", nullptr},
                        {"op", nullptr}});
    }
    /// `op` is ">=" or "<=".
    void AddGoal(const std::string& name, double value, const std::string& unit,
                 const std::string& op, double goal) {
        fmt::print("figure {} {:.3f} {} goal {} {}\n", name, value, unit, op, goal);
        all_.push_back(
            {{"figure", name}, {"value", value}, {"unit", unit}, {"goal", goal}, {"op", op}});
        met_ = met_ && (op == ">=" ? value >= goal : value <= goal);
    }
    bool GoalsMet() const { return met_; }
    void WriteJson(const std::string& file) const {
        std::ofstream(file) << boost::json::serialize(all_) << "\n";
    }

  private:
    boost::json::array all_;
    bool met_ = true;
};

}  // namespace dlws::bench
