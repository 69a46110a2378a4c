// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/value.hpp>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/http_client.h"
#include "cli/options.h"
#include "cli/problem.h"
#include "cli/table.h"
#include "model/time.h"

namespace dlws::cli {

/// The process the program runs in; a test has its own.
struct World {
    std::string program = "dlws";  ///< as it is called: "kubectl dlws"
    bool as_kubectl = false;
    const char* (*variable)(const char*) = nullptr;  ///< getenv
    std::FILE* out = stdout;
    std::FILE* err = stderr;
    std::FILE* in = stdin;
    bool in_is_terminal = false;
    Screen screen;  ///< of `out`
    bool err_colour = false;
    std::function<model::Time()> now;
    std::function<void(const std::string& url)> open_browser;

    std::string Variable(const char* name) const;
    /// ~/.config/dlws, or what XDG_CONFIG_HOME says. Throws a Failure without either.
    std::string ConfigFolder() const;
};

struct JobName {
    std::string ns, name;
    std::string Text() const { return ns + "/" + name; }
    /// /api/v1/namespaces/NS/jobs/NAME
    std::string Path() const;
};

enum class Format { kTable, kWide, kJson, kYaml, kName };

/// One run of a command: what was asked, of whom, and where answers go.
struct Session {
    /// Reads settings; opens no connection. Throws a Failure.
    Session(const World& world, const Arguments& arguments);

    const World& world;
    const Arguments& arguments;
    Format format = Format::kTable;
    std::string ns;  ///< where nothing else says
    bool ns_given = false;

    /// The portal, as who is logged in. Throws a Failure when there is no address or nobody.
    HttpClient& portal();
    std::string server() const;   ///< throws when there is none
    std::string ca_file() const;  ///< or empty

    /// What a GET answers, parsed. Throws a Failure for anything but 2xx with JSON.
    boost::json::value Get(const std::string& path);
    /// The same for others; `source` names the file that was sent.
    boost::json::value Send(const HttpRequest& request, std::string_view source = "");

    /// "NAME" or "NAMESPACE/NAME". Throws a Failure (kCommandLine) for what is no job's name.
    JobName Job(const std::string& operand) const;

    void Print(std::string_view text) const;  ///< to `out`, and flushed
    void Note(std::string_view text) const;   ///< a line to `err`, for people
    /// As JSON or YAML, whichever -o asks for.
    void PrintDocument(const boost::json::value& document) const;

  private:
    void NoteStale(const HttpReply& reply);
    std::string kube_paths() const;

    std::optional<HttpClient> portal_;
    std::string stale_told_;
};

/// `path`, then each parameter with its value encoded: "?namespace=vision&q=a%20b".
std::string WithQuery(std::string path,
                      const std::vector<std::pair<std::string, std::string>>& parameters);

/// RFC 3339 from "10m" (so long before `now`) or a time. Throws a Failure (kCommandLine).
std::string TimeOf(const Arguments& arguments, std::string_view flag, model::Time now);

/// Runs the program; the exit code. Nothing is thrown.
int Main(const World& world, const std::vector<std::string>& args);

}  // namespace dlws::cli
