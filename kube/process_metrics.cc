// SPDX-License-Identifier: Apache-2.0
// process_*: proc(5) says what is where.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <system_error>

#include "kube/metrics.h"

namespace dlws::kube {
namespace {

// The fields of /proc/self/stat that are wanted, by their numbers in proc(5).
struct Stat {
    double user = 0, system = 0, start = 0;  // clock ticks: 14, 15, 22
    double virtual_bytes = 0, pages = 0;     // 23, 24
};

bool Read(Stat& stat) {
    std::ifstream file("/proc/self/stat");
    std::string line;
    if (!std::getline(file, line)) return false;
    // The second field is the program's name, in parentheses, and may hold anything.
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos) return false;
    std::istringstream rest(line.substr(name_end + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field)
        rest >> skipped;
    rest >> stat.user >> stat.system;
    for (int field = 16; field < 22; ++field)
        rest >> skipped;
    rest >> stat.start >> stat.virtual_bytes >> stat.pages;
    return bool(rest);
}

double BootTime() {
    std::ifstream file("/proc/stat");
    std::string word;
    double seconds = 0;
    while (file >> word) {
        if (word == "btime" && file >> seconds) return seconds;
        file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    return 0;
}

double MaxOpenFiles() {
    constexpr std::string_view kLimit = "Max open files";
    std::ifstream file("/proc/self/limits");
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(kLimit)) continue;
        std::istringstream rest(line.substr(kLimit.size()));
        double limit = 0;
        return rest >> limit ? limit : std::numeric_limits<double>::infinity();  // "unlimited"
    }
    return 0;
}

double OpenFiles() {
    std::error_code error;
    double count = 0;
    for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end;
         it.increment(error))
        ++count;
    return error ? 0 : count - 1;  // without the one this took
}

void One(Samples& out, std::string_view name, Samples::Type type, std::string_view help,
         double value) {
    if (out.Family(name, type, help)) out.Add({}, value);
}

}  // namespace

void CollectProcess(Samples& out) {
    Stat stat;
    if (Read(stat)) {
        const double ticks = double(sysconf(_SC_CLK_TCK));
        One(out, "process_cpu_seconds_total", Samples::kCounter,
            "Total user and system CPU time spent in seconds", (stat.user + stat.system) / ticks);
        One(out, "process_resident_memory_bytes", Samples::kGauge, "Resident memory size in bytes",
            stat.pages * double(sysconf(_SC_PAGESIZE)));
        One(out, "process_virtual_memory_bytes", Samples::kGauge, "Virtual memory size in bytes",
            stat.virtual_bytes);
        if (const double boot = BootTime(); boot > 0)
            One(out, "process_start_time_seconds", Samples::kGauge,
                "Start time of the process since unix epoch in seconds", boot + stat.start / ticks);
    }
    if (const double open = OpenFiles(); open > 0)
        One(out, "process_open_fds", Samples::kGauge, "Number of open file descriptors", open);
    if (const double limit = MaxOpenFiles(); limit > 0)
        One(out, "process_max_fds", Samples::kGauge, "Maximum number of open file descriptors",
            limit);
}

}  // namespace dlws::kube
