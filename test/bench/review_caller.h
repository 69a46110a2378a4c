// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <string>

#include "kube/connection.h"

/// @file
/// Asks a webhook of this machine what the API server would ask it.
///
///     Hook hook(port, ca_pem, "dlworkspace-webhook.dlws-system.svc");
///     const Question question = AskAbout(job.raw, "/validate");
///     ReviewCaller caller(executor, hook);
///     bool allowed = co_await caller.Ask(question);

namespace dlws::bench {

/// Where a webhook is, and whom to believe that it is the one.
struct Hook {
    Hook(int port, const std::string& ca_pem, const std::string& name);

    kube::internal::Endpoint endpoint;
    kube::internal::TlsContextPtr tls;
};

/// A whole request.
struct Question {
    std::string head, body;
};

/// The review of the creation of this DLJob, which has been stamped with its maker. /mutate is
/// asked about it as it was before that.
Question AskAbout(const std::string& job, const std::string& path);

/// One caller with one connection, which it keeps while it can.
class ReviewCaller {
  public:
    ReviewCaller(boost::asio::any_io_executor executor, const Hook& hook)
        : executor_(executor), hook_(hook) {}

    /// Whether the answer came in that time, connecting included, and is yes.
    kube::Awaitable<bool> Ask(const Question& question,
                              std::chrono::milliseconds patience = std::chrono::seconds(10));
    void HangUp() { connection_.reset(); }

  private:
    boost::asio::any_io_executor executor_;
    const Hook& hook_;
    kube::internal::ConnectionPtr connection_;
};

}  // namespace dlws::bench
