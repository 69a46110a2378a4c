// SPDX-License-Identifier: Apache-2.0
// The admission webhook: reads the command line, then serves until it is told to stop.
#include <fmt/format.h>

#include <boost/asio/signal_set.hpp>
#include <random>

#include "kube/client.h"
#include "kube/health_server.h"
#include "kube/informer.h"
#include "kube/log.h"
#include "kube/manager.h"
#include "kube/metrics.h"
#include "kube/mounted_certificate.h"
#include "kube/program.h"
#include "model/names.h"
#include "model/resources.h"
#include "webhook/admission.h"
#include "webhook/certificate_keeper.h"
#include "webhook/options.h"

namespace dlws::webhook {
namespace {

namespace asio = boost::asio;
using kube::Awaitable;

constexpr std::string_view kLog = "webhook";
constexpr std::size_t kMaxReview = 8u << 20;

kube::HttpServer::Settings ServerSettings(const Options& options) {
    kube::HttpServer::Settings settings;
    settings.name = kLog;
    settings.max_body = kMaxReview;
    settings.max_connections = std::size_t(options.max_connections);
    // Whoever hoards connections leaves half of them to the API server, which has another address.
    settings.max_connections_per_address = settings.max_connections / 2;
    settings.drain_delay = std::chrono::seconds(options.drain_seconds);
    settings.drain_deadline = std::chrono::seconds(10);
    return settings;
}

// All parts of the process. Destroyed only after the io_context has run dry.
class Webhook {
  public:
    Webhook(asio::any_io_executor executor, const Options& options, const kube::Config& config)
        : options_(options),
          random_(std::random_device{}()),
          client_(executor, config, {.max_connections = 4, .metrics = &metrics_}),
          clusters_(client_, {.resource = kDLClusters}, random_),
          mutating_(client_, Ours(kMutatingConfigurations), random_),
          validating_(client_, Ours(kValidatingConfigurations), random_),
          mounted_(tls_, options.certificate_folder, DnsName(options)),
          keeper_(client_, tls_,
                  {.secret = {options.ns, options.service},
                   .dns_name = DnsName(options),
                   .configuration = options.service,
                   .lifetime = std::chrono::seconds(options.certificate_seconds),
                   .now =
                       [this] {
                           return std::chrono::floor<std::chrono::seconds>(client_.ServerTime());
                       }}),
          admission_(
              client_, metrics_, [this] { return cluster_; }, options.approver_service_accounts),
          server_(
              executor, options.address, (unsigned short)options.port,
              [this](kube::HttpRequest request) { return admission_.Answer(std::move(request)); },
              ServerSettings(options), &tls_),
          health_(executor, options.health_address, (unsigned short)options.health_port),
          manager_(executor),
          signals_(executor, SIGTERM, SIGINT) {
        clusters_.OnChange([this](const kube::Change& change) { OnCluster(change); });
        // Whoever makes them anew, makes them without the authority to be trusted.
        for (kube::Informer* configurations : {&mutating_, &validating_})
            configurations->OnChange([this](const kube::Change&) { keeper_.Wake(); });
    }

    // The process's exit code.
    Awaitable<int> Run() {
        kube::ServeHealth(health_, metrics_, DLWS_VERSION, [this] { return Lacks(); });
        metrics_.AddCollector([this](kube::Samples& out) {
            if (out.Family("dlws_certificate_expiry_timestamp_seconds", kube::Samples::kGauge,
                           "When the certificate that is shown ends to hold"))
                out.Add({}, double(Expires().time_since_epoch().count()));
        });
        for (auto bound : {health_.Listen(), server_.Listen()}) {
            if (bound) continue;
            kube::LogError(kLog, "{}", bound.error().message);
            co_return 1;
        }
        kube::LogInfo(kLog, "dlws-webhook {} on port {}", DLWS_VERSION, options_.port);
        signals_.async_wait([this](boost::system::error_code error, int signal) {
            if (!error) manager_.Stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
        });
        manager_.Add("health", "health", [this] { return health_.Run(); });
        manager_.Add("caches", "dlclusters", [this] { return clusters_.Run(); });
        if (OwnIssuer()) {
            manager_.Add("caches", "mutating", [this] { return mutating_.Run(); });
            manager_.Add("caches", "validating", [this] { return validating_.Run(); });
            manager_.Add("caches", "certificates", [this] { return keeper_.Run(); });
        } else {
            manager_.Add("caches", "certificates", [this] { return mounted_.Run(); });
        }
        manager_.Add("server", "admission", [this] { return server_.Run(); });
        for (const char* group : {"health", "caches", "server"})
            manager_.StartGroup(group);
        std::string why = co_await manager_.Wait();
        const bool told = why == "SIGTERM" || why == "SIGINT";
        kube::LogInfo(kLog, "stopping: {}", why);
        stopping_ = true;
        const bool clean =
            co_await manager_.StopAll(std::chrono::seconds(options_.drain_seconds + 15));
        co_return told&& clean ? 0 : 1;
    }

  private:
    static std::string DnsName(const Options& options) {
        return fmt::format("{}.{}.svc", options.service, options.ns);
    }
    bool OwnIssuer() const { return options_.certificate_folder.empty(); }
    Moment Expires() const { return OwnIssuer() ? keeper_.Expires() : mounted_.Expires(); }

    // The one that has our name, which is all that we may read.
    kube::Informer::Settings Ours(kube::Resource configurations) const {
        return {.resource = configurations, .field_selector = "metadata.name=" + options_.service};
    }

    void OnCluster(const kube::Change& change) {
        if (!change.after) {
            cluster_.reset();
            return;
        }
        if (change.after->meta.name != model::kDLClusterName) return;
        auto parsed = model::ParseDLCluster(change.after->raw);
        if (parsed)
            cluster_ = std::make_shared<const model::DLCluster>(std::move(*parsed));
        else
            kube::LogWarning(kLog, "DLCluster: {}", parsed.error());
    }

    std::string Lacks() const {
        if (stopping_) return "stopping";
        if (OwnIssuer() && !keeper_.Ready()) return "no certificate yet that is trusted";
        if (!OwnIssuer() && !mounted_.Ready())
            return "no certificate yet in " + options_.certificate_folder;
        return clusters_.HasSynced() ? "" : "DLCluster not read yet";
    }

    Options options_;
    kube::Random random_;
    kube::Metrics metrics_;
    kube::Client client_;
    kube::Informer clusters_, mutating_, validating_;
    std::shared_ptr<const model::DLCluster> cluster_;
    kube::ServerTls tls_;
    // One of them runs.
    kube::MountedCertificate mounted_;
    CertificateKeeper keeper_;
    Admission admission_;
    kube::HttpServer server_;
    kube::HealthServer health_;
    kube::Manager manager_;
    asio::signal_set signals_;
    bool stopping_ = false;
};

}  // namespace
}  // namespace dlws::webhook

int main(int argc, char** argv) {
    using namespace dlws::webhook;
    return dlws::kube::RunProgram<Webhook>("webhook", DLWS_VERSION, argc, argv, &ParseOptions,
                                           &HelpText);
}
