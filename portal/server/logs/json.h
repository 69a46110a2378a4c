// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "portal/server/logs/line.h"
#include "portal/server/logs/rank_reader.h"

/// @file
/// LogLine, LogState and LogGap of portal/openapi.yaml. Pure.

namespace dlws::portal {

void AppendLineJson(int rank, int attempt, const LogLine& line, std::string& out);
void AppendStateJson(int rank, int attempt, RankReader::State state, std::string_view why,
                     std::string& out);
void AppendGapJson(int rank, int attempt, const RankReader::Gap& gap, std::string& out);

}  // namespace dlws::portal
