// SPDX-License-Identifier: Apache-2.0
#include "portal/server/portal.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <set>

#include "kube/certificates.h"
#include "kube/log.h"
#include "kube/program.h"
#include "model/names.h"
#include "model/node_facts.h"
#include "model/pod.h"
#include "model/resources.h"
#include "portal/server/approvals/feed.h"
#include "portal/server/page/page.h"

namespace dlws::portal {
namespace {

constexpr std::string_view kLog = "portal";
constexpr std::chrono::seconds kStaleAfter{5};

void KeepWhatIsRead(kube::Object& node) {
    node.raw = model::NodeProjection(node.raw);
    node.meta.labels.clear();
}

kube::HttpServer::Settings ServerSettings(const Options& options) {
    kube::HttpServer::Settings settings;
    settings.name = kLog;
    settings.max_body = 1u << 20;
    settings.max_connections = std::size_t(options.max_connections);
    settings.max_streams = settings.max_connections / 4;
    settings.max_connections_per_address =
        options.max_connections_per_address == 0
            ? std::max<std::size_t>(1, settings.max_connections / 4)
            : std::size_t(options.max_connections_per_address);
    // The same share as of the connections, so that whoever is behind the address of a proxy has
    // it by the same option; and room for one body.
    settings.max_buffered_per_address =
        std::max(settings.max_body,
                 settings.max_buffered / settings.max_connections *
                     std::min(settings.max_connections_per_address, settings.max_connections));
    settings.drain_delay = std::chrono::seconds(options.drain_seconds);
    settings.drain_deadline = std::chrono::seconds(30);
    settings.dress_refusal = [hsts = !options.plain](kube::HttpAnswer& refusal) {
        DressRefusal(refusal, hsts);
    };
    return settings;
}

kube::Client::Settings UsersSettings(kube::Metrics* metrics) {
    kube::Client::Settings settings;
    settings.max_connections = 256;
    settings.default_deadline = std::chrono::seconds(15);
    settings.metrics = metrics;
    return settings;
}

kube::Awaitable<Outcome> GiveDocument(const SharedJson& document, Call call) {
    co_return document.AnswerTo(call.request);
}

// For who has no certificate yet: a browser warns of it.
void ShowOwnCertificate(kube::ServerTls& tls, const std::string& name) {
    using std::chrono::days;
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    const kube::Validity validity{now - days(1), now + days(365)};
    const kube::PemPair authority = kube::MakeAuthority("dlworkspace portal", validity);
    const kube::PemPair pair = kube::IssueCertificate(
        authority, name, {.names = {name}, .addresses = {"127.0.0.1"}}, validity);
    if (auto used = tls.Use(pair.certificate, pair.key); !used)
        throw std::runtime_error(used.error().message);
}

std::string ContentOf(const std::string& path) {
    std::ifstream file(path);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    while (text.ends_with('\n'))
        text.pop_back();
    if (text.empty()) throw std::runtime_error(path + " cannot be read, or is empty");
    return text;
}

Sessions::Settings SessionSettings(const Options& options) {
    Sessions::Settings settings;
    settings.url = options.url;
    settings.ns = options.sessions_namespace;
    settings.ca_file = options.oidc_ca_file;
    settings.tokens = options.token_login;
    settings.version = DLWS_VERSION;
    settings.proxies = TrustedProxies::Parse(options.trusted_proxies).value_or(TrustedProxies());
    if (options.archive_port != 0) settings.features.emplace_back("archive");
    if (!options.prometheus_url.empty()) settings.features.emplace_back("metrics");
    if (!options.smb_host.empty()) settings.features.emplace_back("samba");
    if (options.oidc_issuer.empty()) return settings;
    OidcClient client;
    client.issuer = options.oidc_issuer;
    client.client_id = options.oidc_client_id;
    if (!options.oidc_client_secret_file.empty())
        client.client_secret = Secret(ContentOf(options.oidc_client_secret_file));
    if (!options.oidc_scopes.empty()) client.scopes = options.oidc_scopes;
    settings.oidc = std::move(client);
    return settings;
}

Prometheus::Settings PrometheusSettings(const Options& options) {
    Prometheus::Settings settings;
    settings.url = options.prometheus_url;
    settings.ca_file = options.prometheus_ca_file;
    settings.token_file = options.prometheus_token_file;
    return settings;
}

}  // namespace

Portal::Portal(boost::asio::any_io_executor executor, const Options& options,
               const kube::Config& config)
    : options_(options),
      random_(std::random_device{}()),
      own_(executor, config, {.max_connections = 16, .metrics = &metrics_}),
      users_(executor, kube::WithoutIdentity(config), UsersSettings(&metrics_)),
      pulse_(own_, {}),
      namespaces_(own_,
                  {.resource = kube::kNamespaces, .label_selector = "dlworkspace.io/managed=true"},
                  random_),
      job_cache_(own_, JobCacheSettings(), random_),
      pods_(own_, PodCacheSettings(), random_),
      users_of_cluster_(own_, {.resource = kDLUsers}, random_),
      clusters_(own_, {.resource = kDLClusters}, random_),
      nodes_(own_, {.resource = kube::kNodes, .transform = KeepWhatIsRead}, random_),
      other_pods_(own_, caches::OtherPods(), random_),
      told_nodes_(own_, {.resource = kDLNodes}, random_),
      template_cache_(own_, TemplateCacheSettings(), random_),
      hub_(job_table_),
      gpus_({nodes_, pods_, other_pods_, job_cache_}),
      verdicts_(users_, {.stale = std::chrono::seconds(options.stale_verdict_seconds)}),
      visibility_(verdicts_, [this] { return Namespaces(); }),
      limits_({}),
      backend_{users_, verdicts_, visibility_, limits_, metrics_},
      people_{backend_, users_of_cluster_.store(), [this] { return Namespaces(); }},
      jobs_{
          .backend = backend_,
          .table = job_table_,
          .store = job_cache_.store(),
          .stream_id = [this] { return ToString(StreamId{hub_.Version(), {}}); },
          .folder =
              [this](const model::DLJob& job) { return JobFolderFor(job, cluster_, directory_); },
          .pods = &pods_.store(),
          .storages = [this]() -> const std::vector<model::Storage>& { return cluster_.storages; }},
      approvals_{.backend = backend_, .questions = questions_},
      templates_{.backend = backend_, .table = template_table_},
      cluster_view_{.backend = backend_,
                    .gpus = gpus_,
                    .nodes = told_nodes_.store(),
                    .users = users_of_cluster_.store(),
                    .jobs = job_table_,
                    .settings = cluster_,
                    .status = cluster_status_,
                    .smb_host = options.smb_host},
      streams_{.executor = executor,
               .backend = backend_,
               .jobs = jobs_,
               .hub = hub_,
               .settings = {.version = DLWS_VERSION, .stale = [this] { return StaleSince(); }},
               .other =
                   [this](const Topic& topic, const Caller&) {
                       if (std::holds_alternative<ClusterTopic>(topic.what))
                           return MakeClusterFeed(cluster_view_, topic);
                       return MakeApprovalsFeed(approvals_, topic);
                   },
               .session_ends = &session_ends_},
      kubelet_(users_),
      logs_{.backend = backend_,
            .kubelet = kubelet_,
            .find = [this](const std::string& ns,
                           const std::string& job) { return FindJobLogs(ns, job); },
            .user =
                [this](const model::DLJob& job) {
                    const auto user = directory_.RunsAs(job, cluster_);
                    return user ? user->name : std::string();
                },
            .session_ends = &session_ends_},
      job_metrics_{.backend = backend_,
                   .find = [this](const std::string& ns,
                                  const std::string& job) { return FindJobLogs(ns, job); },
                   .scrape_seconds = options.prometheus_scrape_seconds,
                   .matchers = LabelMatchers(options.prometheus_labels).value_or("")},
      sessions_(own_, verdicts_, random_, SessionSettings(options)),
      callers_(verdicts_,
               sessions_.Wanted()
                   ? Callers::OpenSession([this](std::string credential,
                                                 const kube::HttpRequest& request, bool browser) {
                         return sessions_.Handlers().Open(std::move(credential), request, browser);
                     })
                   : nullptr),
      front_(
          {.router = router_,
           .callers = callers_,
           .verdicts = verdicts_,
           .limits = limits_,
           .metrics = metrics_,
           .stale = [this] { return StaleSince(); },
           .lacks = [this] { return Lacks(); },
           .page =
               [](const kube::HttpRequest& request) { return AnswerPage(EmbeddedPage(), request); },
           .hsts = !options.plain}),
      server_(
          executor, options.address, (unsigned short)options.port,
          [this](kube::HttpRequest request) { return front_.Answer(std::move(request)); },
          ServerSettings(options), options.plain ? nullptr : &tls_),
      health_(executor, options.health_address, (unsigned short)options.health_port),
      manager_(executor),
      signals_(executor, SIGTERM, SIGINT) {
    if (!options.certificate_folder.empty())
        certificate_.emplace(tls_, options.certificate_folder, "");
    else if (!options.plain)
        ShowOwnCertificate(tls_, options.name);
    job_table_.Follow(job_cache_);
    questions_.Follow(job_cache_);
    template_table_.Follow(template_cache_);
    hub_.Follow(job_cache_);
    hub_.FollowPods(pods_);
    pods_.store().AddIndex(kPodsByJob, JobKeysOf);
    if (options.archive_port != 0)
        logs_.archive = &archive_.emplace(executor, options.archive_port);
    if (!options.prometheus_url.empty())
        job_metrics_.prometheus = &prometheus_.emplace(executor, PrometheusSettings(options));
    clusters_.OnChange([this](const kube::Change& change) { OnCluster(change); });
    users_of_cluster_.OnChange([this](const kube::Change& change) { OnUser(change); });
    sessions_.Store().OnEnd([this](const std::string& id) { session_ends_.Tell(id); });
    AddOperations();
}

void Portal::OnCluster(const kube::Change& change) {
    cluster_ = {};
    cluster_status_ = {};
    if (!change.after || change.after->meta.name != model::kDLClusterName) return;
    if (auto parsed = model::ParseDLCluster(change.after->raw))
        cluster_ = std::move(*parsed);
    else
        kube::LogWarning(kLog, "DLCluster: {}", parsed.error());
    if (auto parsed = model::ParseClusterStatus(change.after->raw))
        cluster_status_ = std::move(*parsed);
    gpus_.UseTypeLabel(cluster_.gpu.typeLabel);
}

void Portal::OnUser(const kube::Change& change) {
    if (change.before) directory_.Remove(change.before->meta.name);
    if (!change.after) return;
    if (auto parsed = model::ParseDLUser(change.after->raw))
        directory_.Put(std::move(*parsed));
    else
        kube::LogWarning(kLog, "DLUser {}: {}", change.after->meta.name, parsed.error());
}

std::optional<JobLogs> Portal::FindJobLogs(const std::string& ns, const std::string& job) const {
    const kube::ObjectPtr object = job_cache_.store().Get({ns, job});
    if (!object) return std::nullopt;
    auto parsed = model::ParseDLJob(object->raw);
    if (!parsed) return std::nullopt;
    std::vector<model::PodView> pods;
    const std::string key = JobKey(ns, object->meta.uid);
    for (const kube::ObjectPtr& pod : pods_.store().ByIndex(kPodsByJob, key))
        if (auto view = model::ParsePod(pod->raw)) pods.push_back(std::move(*view));
    return JobLogs(std::move(*parsed), std::move(pods));
}

void Portal::AddOperations() {
    AddPeople(router_, people_);
    AddJobs(router_, jobs_);
    AddJobWrites(router_, jobs_);
    AddJobPods(router_, jobs_, pods_.store());
    AddJobEvents(router_, jobs_);
    AddApprovals(router_, approvals_);
    AddTemplates(router_, templates_);
    AddCluster(router_, cluster_view_);
    AddStreams(router_, streams_);
    AddLogin(router_, sessions_.Handlers());
    AddLogs(router_, logs_);
    AddJobMetrics(router_, job_metrics_);
    router_.Add({.id = "GetOpenApi",
                 .method = "GET",
                 .path = "/api/v1/openapi.json",
                 .who = Operation::kAnybody,
                 .handler = [this](Call call) { return GiveDocument(openapi_, std::move(call)); }});
    router_.Add(
        {.id = "GetJobSchema",
         .method = "GET",
         .path = "/api/v1/schema/dljob",
         .who = Operation::kAnybody,
         .handler = [this](Call call) { return GiveDocument(job_schema_, std::move(call)); }});
    std::set<std::string, std::less<>> served;
    for (const Operation& operation : router_.Operations())
        served.insert(operation.id);
    openapi_ = SharedJson(OpenApiJson(served));
}

std::string Portal::Lacks() {
    if (stopping_) return "It is stopping; try again.";
    for (const auto& [name, cache] : AllCaches())
        if (!cache->HasSynced()) return "It is reading the cluster; try again in a moment.";
    return "";
}

// A watch that is away for a moment is only renewed.
std::optional<std::chrono::system_clock::time_point> Portal::StaleSince() const {
    auto since = pulse_.AwaySince();
    if (const auto broken = job_cache_.BrokenSince(); broken && (!since || *broken < *since))
        since = broken;
    const auto now = std::chrono::steady_clock::now();
    if (!since || now < *since + kStaleAfter) return std::nullopt;
    return std::chrono::system_clock::now() -
           std::chrono::duration_cast<std::chrono::system_clock::duration>(now - *since);
}

// With our label, and those that have jobs or templates all the same.
std::vector<std::string> Portal::Namespaces() const {
    std::set<std::string> names;
    for (const kube::ObjectPtr& ns : namespaces_.store().All())
        names.insert(ns->meta.name);
    for (const auto& [ns, rows] : job_table_.Namespaces())
        names.insert(ns);
    for (const auto& [ns, count] : template_table_.Namespaces())
        names.insert(ns);
    return {names.begin(), names.end()};
}

kube::Awaitable<int> Portal::Run() {
    kube::ServeHealth(health_, metrics_, DLWS_VERSION, [this] {
        if (certificate_ && !certificate_->Ready())
            return "no certificate yet in " + options_.certificate_folder;
        return Lacks();
    });
    for (auto bound : {health_.Listen(), server_.Listen()}) {
        if (bound) continue;
        kube::LogError(kLog, "{}", bound.error().message);
        co_return 1;
    }
    kube::LogInfo(kLog, "dlws-portal {} on port {}", DLWS_VERSION, options_.port);
    signals_.async_wait([this](boost::system::error_code error, int signal) {
        if (!error) manager_.Stop(signal == SIGTERM ? "SIGTERM" : "SIGINT");
    });
    manager_.Add("health", "health", [this] { return health_.Run(); });
    for (const auto& [name, cache] : AllCaches())
        manager_.Add("caches", name, [cache] { return cache->Run(); });
    manager_.Add("caches", "pulse", [this] { return pulse_.Run(); });
    if (certificate_) manager_.Add("caches", "certificate", [this] { return certificate_->Run(); });
    if (sessions_.Wanted()) manager_.Add("caches", "logins", [this] { return sessions_.Run(); });
    manager_.Add("server", "portal", [this] { return server_.Run(); });
    for (const char* group : {"health", "caches", "server"})
        manager_.StartGroup(group);
    const std::string why = co_await manager_.Wait();
    const bool told = why == "SIGTERM" || why == "SIGINT";
    kube::LogInfo(kLog, "stopping: {}", why);
    stopping_ = true;
    const bool clean = co_await manager_.StopAll(std::chrono::seconds(options_.drain_seconds + 35));
    co_return told&& clean ? 0 : 1;
}

}  // namespace dlws::portal
