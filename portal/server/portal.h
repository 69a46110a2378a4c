// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "caches/gpus.h"
#include "kube/client.h"
#include "kube/health_server.h"
#include "kube/http_server.h"
#include "kube/informer.h"
#include "kube/manager.h"
#include "kube/metrics.h"
#include "kube/mounted_certificate.h"
#include "kube/random.h"
#include "model/dlcluster.h"
#include "model/dluser.h"
#include "portal/server/approvals/handlers.h"
#include "portal/server/backend.h"
#include "portal/server/callers.h"
#include "portal/server/cluster/handlers.h"
#include "portal/server/front.h"
#include "portal/server/jobs/events.h"
#include "portal/server/jobs/handlers.h"
#include "portal/server/jobs/pods.h"
#include "portal/server/jobs/writes.h"
#include "portal/server/logs/archive_client.h"
#include "portal/server/logs/handlers.h"
#include "portal/server/logs/live.h"
#include "portal/server/metrics/handlers.h"
#include "portal/server/metrics/prometheus.h"
#include "portal/server/openapi.h"
#include "portal/server/options.h"
#include "portal/server/people/handlers.h"
#include "portal/server/pulse.h"
#include "portal/server/router.h"
#include "portal/server/session/sessions.h"
#include "portal/server/session_ends.h"
#include "portal/server/stream/handlers.h"
#include "portal/server/stream/hub.h"
#include "portal/server/templates/handlers.h"

namespace dlws::portal {

/// All parts of the process dlws-portal: caches filled with its own token, and a server that
/// answers from them what the API server lets each caller see, and writes with the caller's token.
///
///     kube::RunProgram<Portal>("portal", VERSION, argc, argv, &ParseOptions, &HelpText);
///
/// Destroyed only after the io_context has run dry.
class Portal {
  public:
    Portal(boost::asio::any_io_executor executor, const Options& options,
           const kube::Config& config);
    /// Until SIGTERM or SIGINT; the process's exit code.
    kube::Awaitable<int> Run();
    const Router& router() const { return router_; }

  private:
    void AddOperations();
    /// Why nothing can be answered yet; empty: it can.
    std::string Lacks();
    std::optional<std::chrono::system_clock::time_point> StaleSince() const;
    std::vector<std::string> Namespaces() const;
    void OnCluster(const kube::Change& change);
    void OnUser(const kube::Change& change);
    std::optional<JobLogs> FindJobLogs(const std::string& ns, const std::string& job) const;
    /// What is kept of the cluster, by the names that the log has for it.
    using Caches = std::vector<std::pair<const char*, kube::Informer*>>;
    Caches AllCaches() {
        Caches caches{{"namespaces", &namespaces_},
                      {"jobs", &job_cache_},
                      {"pods", &pods_},
                      {"users", &users_of_cluster_},
                      {"clusters", &clusters_},
                      {"nodes", &nodes_},
                      {"other pods", &other_pods_},
                      {"agents", &told_nodes_},
                      {"templates", &template_cache_}};
        if (sessions_.Wanted()) caches.emplace_back("sessions", &sessions_.Cache());
        return caches;
    }

    Options options_;
    kube::Random random_;
    kube::Metrics metrics_;
    kube::Client own_;    ///< our ServiceAccount: fills the caches
    kube::Client users_;  ///< nobody, until a call says who
    Pulse pulse_;
    kube::Informer namespaces_, job_cache_, pods_, users_of_cluster_, clusters_;
    kube::Informer nodes_, other_pods_, told_nodes_, template_cache_;
    JobTable job_table_;
    QuestionTable questions_;
    TemplateTable template_table_;
    Hub hub_;
    model::UserDirectory directory_;
    model::DLCluster cluster_;
    model::ClusterStatus cluster_status_;
    caches::Gpus gpus_;
    Verdicts verdicts_;
    Visibility visibility_;
    Limits limits_;
    Backend backend_;
    People people_;
    Jobs jobs_;
    Approvals approvals_;
    Templates templates_;
    Cluster cluster_view_;
    SessionEnds session_ends_;
    Streams streams_;
    ApiLogKubelet kubelet_;
    std::optional<HttpLogArchive> archive_;
    Logs logs_;
    std::optional<Prometheus> prometheus_;
    JobMetrics job_metrics_;
    Sessions sessions_;
    Callers callers_;
    Router router_;
    SharedJson openapi_;
    SharedJson job_schema_{JobSchemaJson()};
    Front front_;
    kube::ServerTls tls_;
    std::optional<kube::MountedCertificate> certificate_;
    kube::HttpServer server_;
    kube::HealthServer health_;
    kube::Manager manager_;
    boost::asio::signal_set signals_;
    bool stopping_ = false;
};

}  // namespace dlws::portal
