// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kube/http_body.h"
#include "portal/server/logs/merge.h"
#include "portal/server/logs/position.h"

namespace dlws::portal {

struct LogPageSettings {
    std::string about;  ///< of the cursor
    std::size_t limit = 1000;
    std::size_t bytes = 2 << 20;  ///< of lines
    std::optional<model::LogMicros> until;
};
struct LogPageText {
    std::string json;  ///< LogPage of portal/openapi.yaml
    int denied = 0;    ///< 401 or 403, and no page
};
/// Reads a page of lines by time. `from`: where each reader begins. `readers` do not follow.
Awaitable<LogPageText> ReadLogPage(std::vector<RankReader> readers, std::vector<RankPosition> from,
                                   LogPageSettings settings);

/// What DownloadJobLogs answers: the bytes of the lines as they were printed. Readers do not
/// follow, and give whole lines.
class LogTextBody : public kube::HttpBody {
  public:
    struct Settings {
        std::optional<model::LogMicros> until;
        /// Before each line, for its reader: "worker-0." and then the attempt; empty: nothing.
        std::vector<std::string> names;
        bool timestamps = false;
        std::shared_ptr<void> keep;  ///< what the readers read from, and a ticket of the limits
    };
    LogTextBody(std::vector<RankReader> readers, Settings settings)
        : lines_(std::move(readers)), settings_(std::move(settings)) {}

    /// Throws when somebody may not read any more: the text is not whole then.
    Awaitable<std::string> Next() override;
    void Stop() override { stopped_ = true; }

  private:
    void Append(const MergedReader::Line& line, std::string& out);

    MergedReader lines_;
    Settings settings_;
    bool in_line_ = false, ended_ = false, stopped_ = false;
};

}  // namespace dlws::portal
