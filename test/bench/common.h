// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "kube/client.h"
#include "model/resources.h"
#include "test/bench/figures.h"

/// @file
/// What the benchmarks share: their command line, clients, the operator as a process of ours, and
/// what a process costs. Errors are exceptions: a benchmark that cannot measure ends. Confined to
/// one thread.

namespace dlws::bench {

/// What prepare.sh hands to each benchmark.
struct Setup {
    std::string admin;    ///< kubeconfig of the cluster's administrator
    std::string account;  ///< kubeconfig of the operator's ServiceAccount
    std::string user;     ///< that account's name in the audit log
    std::string op;       ///< the operator's program
    std::string webhook;  ///< the webhook's
    std::string portal;   ///< the portal's
    std::string audit;    ///< the API server's audit log
    std::string kubectl;  ///< command with which a shell calls kubectl
    std::string etcd;     ///< etcd's socket
    std::string json_file;
};

/// Reads `--name value` pairs into `setup` and `numbers`.
void ParseArguments(int argc, char** argv, Setup& setup,
                    const std::map<std::string, int*>& numbers);

/// Prints figures and says with which code to exit.
int Finish(const Figures& figures, const Setup& setup);

[[noreturn]] void Die(const std::string& what);

template <typename T>
T Must(kube::Result<T> result, const std::string& what) {
    if (!result) Die(what + ": " + result.error().message);
    return std::move(*result);
}
inline void Must(kube::Result<void> result, const std::string& what) {
    if (!result) Die(what + ": " + result.error().message);
}

/// One line of progress, at once.
void Say(const std::string& line);

void Shell(const std::string& command);
/// What the command prints.
std::string Output(const std::string& command);

double Median(std::vector<double> values);
/// The smallest value that `percent` of all do not exceed.
double Percentile(std::vector<double> values, double percent);

kube::Client MakeClient(boost::asio::io_context& io, const std::string& kubeconfig,
                        int connections);
/// For co_spawn: an exception of the coroutine ends io.run().
void Rethrow(std::exception_ptr error);

void MakeNamespace(const Setup& setup, const std::string& ns);
/// At once: one by one, 2,000 would take minutes.
void DeleteJobs(const Setup& setup, const std::string& ns);
/// Jobs, and pods without grace.
void EmptyNamespace(const Setup& setup, const std::string& ns);
void RemoveNamespace(const Setup& setup, const std::string& ns);

/// A DLJob with one role on the simulated nodes. `more` is added to the spec: `,"a":1`.
std::string JobBody(const std::string& ns, const std::string& name, int pods,
                    const std::string& more = "");

struct Usage {
    double cpu_seconds = 0;
    double rss_mib = 0;
    double peak_rss_mib = 0;
};

/// On 127.0.0.1.
int FreePort();

/// One of our programs as a process of ours, which ends with this object whatever happens.
class ServerProcess {
  public:
    /// Where to find its health and how loud to log is added to `args`.
    ServerProcess(const std::string& program, std::vector<std::string> args);
    ~ServerProcess() { Stop(); }
    ServerProcess(const ServerProcess&) = delete;
    ServerProcess& operator=(const ServerProcess&) = delete;

    /// Returns when it says that it is ready; dies after `seconds`.
    void WaitReady(int seconds = 60) const;
    /// Returns when it has used hardly any processor time for two seconds; dies after `seconds`.
    void WaitQuiet(int seconds = 120) const;
    Usage Used() const;
    /// Requests to the API server so far, watches included; -1 if it does not count them.
    double Requests() const;
    void Stop();

  private:
    std::string Get(const std::string& path) const;

    std::string program_;
    pid_t pid_ = 0;
    int health_port_ = 0;
};

/// The operator, without leader election: the chart's account may touch the chart's Lease only, and
/// one is alone here.
struct OperatorProcess : ServerProcess {
    explicit OperatorProcess(const Setup& setup);
};

}  // namespace dlws::bench
