// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/serve_command.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdlib>

#include "agent/archive/confine.h"
#include "agent/archive/server.h"
#include "kube/client.h"
#include "kube/manager.h"
#include "kube/program.h"

namespace dlws::agent {
namespace {

namespace asio = boost::asio;
using kube::Awaitable;

constexpr std::string_view kLog = "archive";

struct ArchiveOptions : kube::CommonOptions {
    std::string root;
    std::string address = "127.0.0.1";
    int port = 8084;
    std::string ca_file;
};

const kube::FlagSet<ArchiveOptions>& Flags() {
    using kube::Number, kube::Text;
    static const kube::FlagSet<ArchiveOptions> flags{
        Text("root", &ArchiveOptions::root, "the folder of all job folders; must be given"),
        Text("address", &ArchiveOptions::address,
             "where the portal finds us; default 127.0.0.1, and nothing else is safe: tokens come "
             "unencrypted"),
        Number("port", &ArchiveOptions::port, 0, 65535, "of the same; default 8084"),
        Text("ca-file", &ArchiveOptions::ca_file,
             "authorities of the API server, whose address is in $KUBERNETES_SERVICE_HOST and "
             "$KUBERNETES_SERVICE_PORT; default: a kubeconfig's server, without its user"),
    };
    return flags;
}

std::expected<ArchiveOptions, std::string> Parse(const std::vector<std::string>& args) {
    auto options = Flags().Parse(args);
    if (!options || options->help || options->version) return options;
    if (!options->root.starts_with('/'))
        return std::unexpected(
            "--root must be given: the absolute path of the folder of all job folders");
    if (std::string wrong = WrongArchiveRoot(options->root); !wrong.empty())
        return std::unexpected("--root: " + wrong);
    return options;
}

std::string HelpText() {
    return "dlws-agent serve-archive: archived logs of jobs over HTTP, for the portal in the same "
           "pod.\n\nUsage: dlws-agent serve-archive --root=FOLDER [--name=value ...]\n\n" +
           Flags().Help();
}

/// Where the API server is; not who we are.
kube::Result<kube::Config> Load(const ArchiveOptions& options) {
    if (options.ca_file.empty()) {
        auto config = kube::LoadConfig(options.kubeconfig, options.context);
        if (!config) return config;
        return kube::WithoutIdentity(*config);
    }
    const char* host = std::getenv("KUBERNETES_SERVICE_HOST");
    const char* port = std::getenv("KUBERNETES_SERVICE_PORT");
    if (!host || !port)
        return std::unexpected(kube::Error{
            .kind = kube::ErrorKind::kInvalidArgument,
            .message = "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be set, as the "
                       "kubelet does in every container; outside of a pod give --kubeconfig"});
    kube::Config config;
    config.host = host;
    config.port = port;
    config.ca_file = options.ca_file;
    return config;
}

// All parts of the process. Destroyed only after the io_context has run dry.
class Archive {
  public:
    Archive(asio::any_io_executor executor, const ArchiveOptions& options,
            const kube::Config& config)
        : client_(executor, config, {.max_connections = 8, .metrics = &metrics_}),
          archive_(client_, {.root = options.root, .threads = {}}),
          server_(executor, options.address, (unsigned short)options.port,
                  [this](kube::HttpRequest request) { return archive_.Answer(std::move(request)); },
                  {.name = "archive", .max_connections = 128}),
          health_(executor, options.health_address, (unsigned short)options.health_port),
          manager_(executor),
          signals_(executor, SIGTERM, SIGINT),
          options_(options) {
        metrics_.AddCollector([this](kube::Samples& out) {
            if (out.Family("dlws_archive_hung_reads", kube::Samples::kGauge,
                           "Threads that wait for a storage that does not answer"))
                out.Add({}, double(archive_.pool().Hung()));
        });
    }

    Awaitable<int> Run() {
        // All that is written is opened by now: the mount of the job folders is read-only where
        // its storage is not another mount below it.
        if (const auto only_reads = BecomeReadOnly(); !only_reads)
            kube::LogWarning(kLog, "the archive only reads, but nothing keeps it from writing: {}",
                             only_reads.error());
        kube::ServeHealth(health_, metrics_, DLWS_VERSION,
                          [this] { return stopping_ ? std::string("stopping") : std::string(); });
        const auto port = server_.Listen();
        if (!port) {
            kube::LogError(kLog, "{}", port.error().message);
            co_return 1;
        }
        kube::LogInfo(kLog, "dlws-agent {} serves the archived logs below {} on {}:{}",
                      DLWS_VERSION, options_.root, options_.address, *port);
        signals_.async_wait([this](boost::system::error_code error, int signal) {
            if (!error) manager_.Stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
        });
        manager_.Add("health", "health", [this] { return health_.Run(); });
        manager_.Add("server", "server", [this] { return server_.Run(); });
        manager_.StartGroup("health");
        manager_.StartGroup("server");
        const std::string why = co_await manager_.Wait();
        kube::LogInfo(kLog, "stopping: {}", why);
        stopping_ = true;
        const bool told = why == "SIGTERM" || why == "SIGINT";
        const bool clean = co_await manager_.StopAll(std::chrono::seconds(6));
        co_return told&& clean ? 0 : 1;
    }

  private:
    kube::Metrics metrics_;
    kube::Client client_;
    ArchiveServer archive_;
    kube::HttpServer server_;
    kube::HealthServer health_;
    kube::Manager manager_;
    asio::signal_set signals_;
    ArchiveOptions options_;
    bool stopping_ = false;
};

}  // namespace

int RunServeArchive(int argc, char** argv) {
    // Tokens of users are in our memory.
    ::prctl(PR_SET_DUMPABLE, 0);
    return kube::RunProgram<Archive>("agent serve-archive", DLWS_VERSION, argc, argv, &Parse,
                                     &HelpText, &Load);
}

}  // namespace dlws::agent
