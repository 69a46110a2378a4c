// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "portal/server/session/provider.h"

namespace dlws::portal {

/// HTTPS to the OpenID provider, a connection a request: there is one a login and one a renewal.
/// The certificate must be for the address's host and of the authorities in `ca_file` (PEM; empty:
/// the system's), which is read each time, so that new ones count. No redirect is followed. Errors
/// name method and address, and nothing of a form.
class WebClient : public Web {
  public:
    WebClient(boost::asio::any_io_executor executor, std::string ca_file)
        : executor_(std::move(executor)), ca_file_(std::move(ca_file)) {}

    kube::Awaitable<kube::Result<Answer>> Send(Request request) override;

  private:
    boost::asio::any_io_executor executor_;
    std::string ca_file_;
};

}  // namespace dlws::portal
