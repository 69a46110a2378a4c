// SPDX-License-Identifier: Apache-2.0
#include "test/bench/common.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace dlws::bench {

void Die(const std::string& what) {
    throw std::runtime_error(what);
}

void Say(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

void ParseArguments(int argc, char** argv, Setup& setup,
                    const std::map<std::string, int*>& numbers) {
    const std::map<std::string, std::string*> texts = {
        {"--admin", &setup.admin},    {"--account", &setup.account}, {"--user", &setup.user},
        {"--operator", &setup.op},    {"--audit", &setup.audit},     {"--kubectl", &setup.kubectl},
        {"--json", &setup.json_file}, {"--etcd", &setup.etcd},       {"--webhook", &setup.webhook},
        {"--portal", &setup.portal}};
    for (int i = 1; i < argc; i += 2) {
        const std::string name = argv[i];
        auto t = texts.find(name);
        auto n = numbers.find(name);
        if (t == texts.end() && n == numbers.end()) {
            std::string known = "--json";
            for (const auto& number : numbers)
                known += ", " + number.first;
            Die(fmt::format("there is no option {}; the options are {}", name, known));
        }
        if (i + 1 == argc) Die(name + " needs a value");
        if (t != texts.end()) {
            *t->second = argv[i + 1];
            continue;
        }
        *n->second = std::atoi(argv[i + 1]);
        if (*n->second < 1)
            Die(fmt::format("{} wants a whole number from 1, not \"{}\"", name, argv[i + 1]));
    }
}

int Finish(const Figures& figures, const Setup& setup) {
    if (!setup.json_file.empty()) figures.WriteJson(setup.json_file);
    return figures.GoalsMet() ? 0 : 1;
}

void Shell(const std::string& command) {
    if (std::system(command.c_str()) != 0) Die("failed: " + command);
}

std::string Output(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "re");
    if (!pipe) Die("cannot run: " + command);
    std::string text;
    std::array<char, 4096> buffer;
    while (std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
        text.append(buffer.data(), got);
    if (pclose(pipe) != 0) Die("failed: " + command);
    return text;
}

double Median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

double Percentile(std::vector<double> values, double percent) {
    std::ranges::sort(values);
    auto rank = std::size_t(std::ceil(percent / 100 * double(values.size())));
    return values[std::max<std::size_t>(rank, 1) - 1];
}

kube::Client MakeClient(boost::asio::io_context& io, const std::string& kubeconfig,
                        int connections) {
    kube::Client::Settings settings;
    settings.max_connections = connections;
    return {io.get_executor(), Must(kube::LoadKubeconfig(kubeconfig), "kubeconfig"), settings};
}

void Rethrow(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
}

void MakeNamespace(const Setup& setup, const std::string& ns) {
    Shell(
        fmt::format("{0} create namespace {1} >/dev/null && "
                    "{0} label namespace {1} dlworkspace.io/managed=true >/dev/null",
                    setup.kubectl, ns));
}

void DeleteJobs(const Setup& setup, const std::string& ns) {
    Shell(fmt::format("{} delete --raw /apis/dlworkspace.io/v1/namespaces/{}/dljobs >/dev/null",
                      setup.kubectl, ns));
}

void EmptyNamespace(const Setup& setup, const std::string& ns) {
    DeleteJobs(setup, ns);
    Shell(
        fmt::format("{} delete --raw '/api/v1/namespaces/{}/pods?gracePeriodSeconds=0' >/dev/null",
                    setup.kubectl, ns));
}

void RemoveNamespace(const Setup& setup, const std::string& ns) {
    EmptyNamespace(setup, ns);
    Shell(fmt::format("{} delete namespace {} --timeout=180s >/dev/null", setup.kubectl, ns));
}

std::string JobBody(const std::string& ns, const std::string& name, int pods,
                    const std::string& more) {
    return fmt::format(
        R"({{"apiVersion":"dlworkspace.io/v1","kind":"DLJob","metadata":{{"name":"{}","namespace":"{}"}},)"
        R"("spec":{{"image":"bench:1","framework":"Torch","command":["train"],)"
        R"("roles":[{{"name":"worker","replicas":{}}}],)"
        R"("podOverrides":{{"nodeSelector":{{"type":"kwok"}},"tolerations":[)"
        R"({{"key":"kwok.x-k8s.io/node","operator":"Equal","value":"fake","effect":"NoSchedule"}}]}}{}}}}})",
        name, ns, pods, more);
}

int FreePort() {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* any = reinterpret_cast<sockaddr*>(&address);
    const bool ok =
        listener >= 0 && bind(listener, any, size) == 0 && getsockname(listener, any, &size) == 0;
    if (listener >= 0) close(listener);
    if (!ok) Die("no port is free on 127.0.0.1");
    return ntohs(address.sin_port);
}

ServerProcess::ServerProcess(const std::string& program, std::vector<std::string> args)
    : program_(program), health_port_(FreePort()) {
    args.insert(args.begin(), program);
    args.insert(args.end(), {"--health-address=127.0.0.1",
                             fmt::format("--health-port={}", health_port_), "--log-level=warn"});
    std::vector<char*> argv;
    for (auto& a : args)
        argv.push_back(a.data());
    argv.push_back(nullptr);
    if (posix_spawn(&pid_, program.c_str(), nullptr, nullptr, argv.data(), environ) != 0)
        Die("cannot start " + program);
}

OperatorProcess::OperatorProcess(const Setup& setup)
    : ServerProcess(setup.op, {"--kubeconfig=" + setup.account, "--leader-elect=false"}) {}

void ServerProcess::Stop() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
}

std::string ServerProcess::Get(const std::string& path) const {
    return Output(fmt::format("curl --silent --max-time 5 http://127.0.0.1:{}{} || true",
                              health_port_, path));
}

void ServerProcess::WaitReady(int seconds) const {
    for (int i = 0; i < seconds * 10; ++i) {
        if (Get("/readyz") == "ok\n") return;
        usleep(100'000);
    }
    Die(fmt::format("{} was not ready within {} s", program_, seconds));
}

void ServerProcess::WaitQuiet(int seconds) const {
    double before = Used().cpu_seconds;
    for (int i = 0; i < seconds / 2; ++i) {
        sleep(2);
        const double now = Used().cpu_seconds;
        if (now - before < 0.03) return;
        before = now;
    }
    Die(fmt::format("{} still worked after {} s", program_, seconds));
}

Usage ServerProcess::Used() const {
    Usage usage;
    std::ifstream stat_file(fmt::format("/proc/{}/stat", pid_));
    std::string text((std::istreambuf_iterator<char>(stat_file)), {});
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) Die(program_ + " has ended");
    std::istringstream fields(text.substr(name_end + 2));
    std::string skipped;
    double user = 0, system = 0;
    for (int i = 3; i < 14; ++i)  // proc(5): utime is field 14
        fields >> skipped;
    fields >> user >> system;
    usage.cpu_seconds = (user + system) / double(sysconf(_SC_CLK_TCK));
    std::ifstream status(fmt::format("/proc/{}/status", pid_));
    for (std::string key; status >> key;) {
        double kib = 0;
        if (key == "VmRSS:" && status >> kib) usage.rss_mib = kib / 1024;
        if (key == "VmHWM:" && status >> kib) usage.peak_rss_mib = kib / 1024;
    }
    return usage;
}

double ServerProcess::Requests() const {
    std::istringstream metrics(Get("/metrics"));
    double sum = 0;
    bool counted = false;
    for (std::string line; std::getline(metrics, line);) {
        if (!line.starts_with("rest_client_requests_total{")) continue;
        sum += std::atof(line.substr(line.rfind(' ') + 1).c_str());
        counted = true;
    }
    return counted ? sum : -1;
}

}  // namespace dlws::bench
