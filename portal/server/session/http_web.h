// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "kube/http_client.h"
#include "portal/server/session/provider.h"

namespace dlws::portal {

/// HTTPS to the OpenID provider. The certificate must be for the address's host and of the
/// authorities in `ca_file` (PEM, read again each five minutes; empty: the system's).
class HttpWeb : public Web {
  public:
    HttpWeb(boost::asio::any_io_executor executor, std::string ca_file)
        : client_(std::move(executor), {.ca_file = std::move(ca_file), .https_only = true}) {}

    kube::Awaitable<kube::Result<Answer>> Send(Request request) override;

  private:
    kube::HttpClient client_;
};

}  // namespace dlws::portal
