// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "test/bench/common.h"

/// @file
/// The operator beside a bare client that plays the operator's very writes from 16 connections.
///
///     Shape shape{.jobs = 100, .pods = 8};
///     std::vector<Round> rounds;
///     for (int i = 1; i <= 5; ++i) rounds.push_back(RunRound(setup, "create", shape, i));
///     figures.Add("create_ratio", Median(Column(rounds, &Round::ratio)), "x");
///
/// One round: the operator (a process on this host, with its own ServiceAccount) meets new jobs;
/// time runs from the first submit to the last pod created, as a watcher sees it. Its writes are
/// then read from the API server's audit log, and, with the operator stopped, played again in the
/// same order for jobs submitted in the same way in another namespace.

namespace dlws::bench {

struct Shape {
    int jobs = 1;
    int pods = 1;  ///< of each job
};

struct Round {
    double operator_rate = 0, bare_rate = 0, ratio = 0;  ///< pods a second
    double writes_per_pod = 0;                           ///< of the operator
    double requests_per_pod = 0;                         ///< the same with reads; -1: not counted
    double cpu_per_1000_pods = 0;                        ///< processor seconds of the operator
};

/// The operator, then the bare client. Takes two namespaces whose names begin with bench-NAME-.
Round RunRound(const Setup& setup, const std::string& name, Shape shape, int round);

std::vector<double> Column(const std::vector<Round>& rounds, double Round::* field);

/// One write of the operator as the audit log tells it.
struct Recorded {
    std::string verb, group, plural, subresource, name;
    std::string job;  ///< the name of the job that it belongs to, if that has the form of JobName
    std::string body;
};

/// The writes of the operator in that namespace, from this place of the log on.
std::vector<Recorded> ReadAudit(const Setup& setup, const std::string& ns, std::streamoff from);
std::streamoff AuditEnd(const Setup& setup);

}  // namespace dlws::bench
