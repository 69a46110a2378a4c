// SPDX-License-Identifier: Apache-2.0
#include "portal/server/options.h"

#include <fmt/format.h>

#include "portal/server/metrics/queries.h"
#include "portal/server/trusted_proxies.h"

namespace dlws::portal {
namespace {

const kube::FlagSet<Options>& Flags() {
    using kube::Number, kube::Text;
    static const kube::FlagSet<Options> flags{
        Text("address", &Options::address, "address for browsers; default 0.0.0.0"),
        Number("port", &Options::port, 0, 65535, "port of the same, 0 picks one; default 8443"),
        Text(
            "certificate-folder", &Options::certificate_folder,
            "folder with tls.crt and tls.key, which somebody else renews; default none: one of our "
            "own making, which no browser trusts"),
        Text("name", &Options::name,
             "host name in a certificate of our own making; default localhost"),
        kube::Switch("plain", &Options::plain,
                     "speak HTTP, behind something that speaks TLS with browsers; default false"),
        Text("url", &Options::url,
             "address that people type, https://HOST[:PORT]; default none: no login by browsers"),
        Text("oidc-issuer", &Options::oidc_issuer,
             "OpenID provider, exactly as the API server has it; default none"),
        Text("oidc-client-id", &Options::oidc_client_id,
             "our name there, an audience that the API server takes"),
        Text("oidc-client-secret-file", &Options::oidc_client_secret_file,
             "file with our secret there; default none: a public client"),
        Text("oidc-ca-file", &Options::oidc_ca_file,
             "file with the provider's authorities (PEM); default the system's"),
        kube::List("oidc-scopes", &Options::oidc_scopes,
                   "what to ask for besides openid, with commas between; default "
                   "profile,email,groups"),
        kube::Switch("token-login", &Options::token_login,
                     "people may paste a token of the API server's; default true"),
        Text("sessions-namespace", &Options::sessions_namespace,
             "namespace of the Secrets that hold sessions; default dlws-sessions"),
        Number("stale-verdict-seconds", &Options::stale_verdict_seconds, 0, 3600,
               "how much longer what somebody may see counts while the API server is away; default "
               "600"),
        Number("archive-port", &Options::archive_port, 0, 65535,
               "port of dlws-agent serve-archive on 127.0.0.1; default 0: no archived logs"),
        Text("smb-host", &Options::smb_host,
             "name of the Samba server as Windows machines know it; default none: no addresses of "
             "folders for them"),
        Text(
            "prometheus-url", &Options::prometheus_url,
            "Prometheus with what the kubelets and NVIDIA's exporter say of pods; default none: no "
            "metrics of jobs"),
        Text("prometheus-ca-file", &Options::prometheus_ca_file,
             "file with its authorities (PEM); default the system's"),
        Text("prometheus-token-file", &Options::prometheus_token_file,
             "file with a bearer token for it; default none"),
        Number("prometheus-scrape-seconds", &Options::prometheus_scrape_seconds, 1, 3600,
               "how often it reads: points are no closer; default 30"),
        kube::List("prometheus-labels", &Options::prometheus_labels,
                   "LABEL=VALUE,… that this cluster's series have, where it holds those of others "
                   "too; default none"),
        Number("drain-seconds", &Options::drain_seconds, 0, 300,
               "how long to go on when told to stop; default 5"),
        Number("max-connections", &Options::max_connections, 1, 100'000,
               "connections at once, more are closed; default 12000"),
        Number("max-connections-per-address", &Options::max_connections_per_address, 0, 100'000,
               "of these from one address, which behind an ingress is everybody's; default 0: a "
               "quarter of all"),
        kube::List("trusted-proxies", &Options::trusted_proxies,
                   "networks (10.0.0.0/8,fd00::/8) of proxies whose X-Forwarded-For says who asks; "
                   "default none"),
    };
    return flags;
}

// What must be written instead; empty: nothing.
std::string WrongLogin(const Options& options) {
    const bool https = options.url.starts_with("https://") && options.url.size() > 8 &&
                       options.url.find('/', 8) == std::string::npos;
    if (!options.url.empty() && !https)
        return fmt::format("--url must be as https://dlws.example.org, without a path, not \"{}\"",
                           options.url);
    const bool named = !options.oidc_client_id.empty() && !options.url.empty();
    if (!options.oidc_issuer.empty() && !named)
        return "--oidc-issuer needs --oidc-client-id and --url too";
    if (!options.oidc_issuer.empty() && !options.oidc_issuer.starts_with("https://"))
        return fmt::format("--oidc-issuer must begin with https://, and is \"{}\"",
                           options.oidc_issuer);
    return "";
}

// What must be written instead; empty: nothing.
std::string WrongPrometheus(const Options& options) {
    const std::string& url = options.prometheus_url;
    const std::size_t scheme = url.starts_with("https://") ? 8 : url.starts_with("http://") ? 7 : 0;
    if (!url.empty() && (scheme == 0 || scheme == url.size() ||
                         url.find_first_of("?#@\"<>\\ \t\r\n") != std::string::npos))
        return fmt::format(
            "--prometheus-url must be as https://prometheus.example.org/path, without a user and a "
            "query, not \"{}\"",
            url);
    if (!options.prometheus_token_file.empty() && scheme != 8)
        return "--prometheus-token-file needs a --prometheus-url that begins with https://, or "
               "anybody on the way reads the token";
    if (!LabelMatchers(options.prometheus_labels))
        return fmt::format("--prometheus-labels must be as cluster=a,region=eu, not \"{}\"",
                           fmt::join(options.prometheus_labels, ","));
    return "";
}

}  // namespace

std::expected<Options, std::string> ParseOptions(const std::vector<std::string>& args) {
    auto options = Flags().Parse(args);
    if (options && options->plain && !options->certificate_folder.empty())
        return std::unexpected(
            "--plain and --certificate-folder exclude each other: HTTP needs no certificate");
    if (options)
        if (auto proxies = TrustedProxies::Parse(options->trusted_proxies); !proxies)
            return std::unexpected(std::move(proxies.error()));
    if (options)
        for (const auto& check : {WrongLogin, WrongPrometheus})
            if (std::string wrong = check(*options); !wrong.empty())
                return std::unexpected(std::move(wrong));
    return options;
}

std::string HelpText() {
    return "dlws-portal: REST API and web page, acting as who is logged in.\n\n"
           "Usage: dlws-portal [--name=value ...]\n\n" +
           Flags().Help();
}

}  // namespace dlws::portal
