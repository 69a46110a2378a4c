// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "kube/flags.h"

namespace dlws::portal {

/// What the command line says. Every flag is `--name=value` or `--name value`.
struct Options : kube::CommonOptions {
    std::string address = "0.0.0.0";
    int port = 8443;
    std::string certificate_folder;  ///< empty: one of our own making, which no browser trusts
    std::string name = "localhost";  ///< in a certificate of our own making
    bool plain = false;              ///< HTTP, behind something that speaks TLS
    std::string url;                 ///< what browsers type; empty: nobody can log in with one
    std::string oidc_issuer, oidc_client_id, oidc_client_secret_file, oidc_ca_file;
    std::vector<std::string> oidc_scopes;  ///< empty: profile, email and groups
    bool token_login = true;
    std::string sessions_namespace = "dlws-sessions";
    int stale_verdict_seconds = 600;
    int archive_port = 0;  ///< of `dlws-agent serve-archive` on 127.0.0.1; 0: there is none
    std::string smb_host;  ///< of the Samba server, for Windows machines; empty: there is none
    std::string prometheus_url;  ///< empty: no metrics of jobs
    std::string prometheus_ca_file, prometheus_token_file;
    int prometheus_scrape_seconds = 30;          ///< between two of its readings
    std::vector<std::string> prometheus_labels;  ///< LABEL=VALUE of this cluster's series
    int drain_seconds = 5;
    int max_connections = 12'000;
    int max_connections_per_address = 0;
    std::vector<std::string> trusted_proxies;  ///< CIDRs (TrustedProxies)
};

/// Error: one sentence that says what to write instead.
std::expected<Options, std::string> ParseOptions(const std::vector<std::string>& args);
std::string HelpText();

}  // namespace dlws::portal
