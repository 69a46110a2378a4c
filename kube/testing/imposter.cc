// SPDX-License-Identifier: Apache-2.0
#include "kube/testing/imposter.h"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <future>

#include "kube/testing/imposter_impl.h"

namespace dlws::kube::testing {

namespace asio = boost::asio;
using asio::ip::tcp;

std::string Request::Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? std::string() : found->second;
}

// --- Stream --------------------------------------------------------------------------------------

Stream::Stream() : state_(std::make_shared<State>()) {}

void Stream::Send(std::string text) const {
    const std::lock_guard lock(state_->mutex);
    state_->queue.push_back(std::move(text));
    if (state_->wake) state_->wake();
}

void Stream::SendEvent(std::string_view type, std::string_view object) const {
    SendLine(fmt::format(R"({{"type":"{}","object":{}}})", type, object));
}

namespace {

void Finish(Stream::State& state, Stream::State::Ending ending) {
    const std::lock_guard lock(state.mutex);
    state.ending = ending;
    if (state.wake) state.wake();
}

}  // namespace

void Stream::End() const {
    Finish(*state_, State::Ending::kEnd);
}
void Stream::Cut() const {
    Finish(*state_, State::Ending::kCut);
}
void Stream::Reset() const {
    Finish(*state_, State::Ending::kReset);
}

bool Stream::Taken() const {
    const std::lock_guard lock(state_->mutex);
    return state_->taken;
}

bool Stream::Gone() const {
    const std::lock_guard lock(state_->mutex);
    return state_->gone;
}

bool Stream::WaitTaken(std::chrono::milliseconds patience) const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, patience, [this] { return state_->taken; });
}

bool Stream::WaitGone(std::chrono::milliseconds patience) const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, patience, [this] { return state_->gone; });
}

// --- Rule ----------------------------------------------------------------------------------------

bool Imposter::Rule::Data::Matches(const Request& request) const {
    if (!method.empty() && method != request.method) return false;
    if (path.ends_with('*')) {
        if (!request.path.starts_with(std::string_view(path).substr(0, path.size() - 1))) {
            return false;
        }
    } else if (path != request.path) {
        return false;
    }
    for (const auto& [name, value] : query) {
        const auto found = request.query.find(name);
        if (found == request.query.end()) return false;
        if (value != "*" && value != found->second) return false;
    }
    return true;
}

std::optional<Imposter::Rule::Data::Step> Imposter::Rule::Data::Take() {
    const std::lock_guard lock(mutex);
    while (!steps.empty()) {
        const std::size_t index = std::min(next, steps.size() - 1);
        Step& step = steps[index];
        if (step.answer.stream) {
            bool taken = false;
            {
                const std::lock_guard stream_lock(step.answer.stream->mutex);
                taken = step.answer.stream->taken;
                step.answer.stream->taken = true;
                step.answer.stream->changed.notify_all();
            }
            if (taken) {
                if (index + 1 == steps.size()) return std::nullopt;
                ++next;
                continue;
            }
        }
        if (next < steps.size()) ++next;
        return step;
    }
    return std::nullopt;
}

Imposter::Rule& Imposter::Rule::Reply(Answer answer) {
    const std::lock_guard lock(data_->mutex);
    data_->steps.push_back({std::move(answer), nullptr});
    return *this;
}

Imposter::Rule& Imposter::Rule::Reply(int status, std::string body, Headers headers) {
    Answer answer;
    answer.status = status;
    answer.body = std::move(body);
    answer.headers = std::move(headers);
    return Reply(std::move(answer));
}

Imposter::Rule& Imposter::Rule::Misbehave(Fault fault, std::string body) {
    Answer answer;
    answer.body = std::move(body);
    answer.fault = fault;
    return Reply(std::move(answer));
}

Imposter::Rule& Imposter::Rule::Call(std::function<Answer(const Request&)> function) {
    // Steps are copied out; the function, which may count, is not.
    const auto shared = std::make_shared<decltype(function)>(std::move(function));
    const std::lock_guard lock(data_->mutex);
    data_->steps.push_back({{}, [shared](const Request& request) { return (*shared)(request); }});
    return *this;
}

Stream Imposter::Rule::OpenStream(int status, Headers headers) {
    Stream stream;
    Answer answer;
    answer.status = status;
    answer.headers = std::move(headers);
    answer.stream = stream.state();
    Reply(std::move(answer));
    return stream;
}

// --- Impl ----------------------------------------------------------------------------------------

Imposter::Impl::Impl(Settings settings) : settings_(std::move(settings)) {
    if (settings_.tls) {
        certificates_ =
            MakeTestCertificates(settings_.certificate_names, settings_.certificate_addresses,
                                 settings_.expired_certificate);
        auto& tls = tls_.emplace(asio::ssl::context::tls_server);
        tls.use_certificate_chain(asio::buffer(certificates_->server_certificate));
        tls.use_private_key(asio::buffer(certificates_->server_key), asio::ssl::context::pem);
        tls.add_certificate_authority(asio::buffer(certificates_->ca));
        if (settings_.require_client_certificate) {
            tls.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert);
        }
        if (settings_.tls11_only) {
            SSL_CTX_set_security_level(tls.native_handle(), 0);
            SSL_CTX_set_min_proto_version(tls.native_handle(), TLS1_1_VERSION);
            SSL_CTX_set_max_proto_version(tls.native_handle(), TLS1_1_VERSION);
        }
    }
    work_.emplace(io_.get_executor());
    Listen();
    thread_ = std::thread([this] { io_.run(); });
}

Imposter::Impl::~Impl() {
    OnThread([this] { CloseAll(); });
    work_.reset();
    // Coroutines end on their closed sockets; delays still running are not waited for.
    asio::post(io_, [this] { io_.stop(); });
    thread_.join();
}

void Imposter::Impl::OnThread(const std::function<void()>& work) {
    std::promise<void> done;
    asio::post(io_, [&] {
        work();
        done.set_value();
    });
    done.get_future().wait();
}

void Imposter::Impl::Listen() {
    const tcp::endpoint endpoint(asio::ip::make_address(settings_.address), port_.load());
    acceptor_ = std::make_shared<tcp::acceptor>(io_, endpoint, true);
    port_ = acceptor_->local_endpoint().port();
    asio::co_spawn(io_, Accept(acceptor_), asio::detached);
}

void Imposter::Impl::CloseAll() {
    boost::system::error_code ignored;
    if (acceptor_) acceptor_->close(ignored);
    acceptor_.reset();
    for (const auto& [number, weak] : connections_) {
        if (const auto connection = weak.lock()) connection->Close();
    }
    connections_.clear();
}

Answer Imposter::Impl::AnswerTo(Request& request) {
    std::vector<std::shared_ptr<Rule::Data>> rules;
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
        rules = rules_;
        arrived_.notify_all();
    }
    for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
        if (!(*rule)->Matches(request)) continue;
        const auto step = (*rule)->Take();
        if (!step) continue;
        return step->function ? step->function(request) : step->answer;
    }
    Answer answer;
    answer.status = 404;
    answer.body =
        fmt::format(R"({{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound",)"
                    R"("message":"imposter: nothing prepared for {} {}","code":404}})",
                    request.method, request.path);
    return answer;
}

// --- Imposter ------------------------------------------------------------------------------------

Imposter::Imposter() : Imposter(Settings()) {}
Imposter::Imposter(Settings settings) : impl_(std::make_unique<Impl>(std::move(settings))) {}
Imposter::~Imposter() = default;

Imposter::Rule Imposter::When(std::string method, std::string path, Query query) {
    auto data = std::make_shared<Rule::Data>();
    data->method = std::move(method);
    data->path = std::move(path);
    data->query = std::move(query);
    const std::lock_guard lock(impl_->mutex_);
    impl_->rules_.push_back(data);
    return Rule(data);
}

Config Imposter::ClientConfig() const {
    Config config;
    config.host = impl_->settings_.address;
    config.port = std::to_string(Port());
    config.tls = impl_->settings_.tls;
    config.ca_pem = CaPem();
    if (impl_->settings_.require_client_certificate) {
        config.client_cert_pem = ClientCertificatePem();
        config.client_key_pem = ClientKeyPem();
    }
    return config;
}

unsigned short Imposter::Port() const {
    return impl_->port_;
}

std::string Imposter::Url() const {
    const std::string& address = impl_->settings_.address;
    const bool v6 = address.find(':') != std::string::npos;
    return fmt::format("{}://{}{}{}:{}", impl_->settings_.tls ? "https" : "http", v6 ? "[" : "",
                       address, v6 ? "]" : "", Port());
}

std::string Imposter::CaPem() const {
    return impl_->certificates_ ? impl_->certificates_->ca : std::string();
}
std::string Imposter::ClientCertificatePem() const {
    return impl_->certificates_ ? impl_->certificates_->client_certificate : std::string();
}
std::string Imposter::ClientKeyPem() const {
    return impl_->certificates_ ? impl_->certificates_->client_key : std::string();
}

std::pair<std::string, std::string> Imposter::IssueClientCertificate(
    const std::string& name) const {
    auto pair = testing::IssueClientCertificate(impl_->certificates_.value(), name);
    return {std::move(pair.certificate), std::move(pair.key)};
}

std::vector<Request> Imposter::Requests() const {
    const std::lock_guard lock(impl_->mutex_);
    return impl_->requests_;
}

std::size_t Imposter::Count(const std::string& method, const std::string& path) const {
    const std::lock_guard lock(impl_->mutex_);
    return static_cast<std::size_t>(
        std::count_if(impl_->requests_.begin(), impl_->requests_.end(),
                      [&](const Request& r) { return r.method == method && r.path == path; }));
}

bool Imposter::WaitForRequests(std::size_t count, std::chrono::milliseconds patience) const {
    std::unique_lock lock(impl_->mutex_);
    return impl_->arrived_.wait_for(lock, patience,
                                    [&] { return impl_->requests_.size() >= count; });
}

int Imposter::Connections() const {
    return impl_->accepted_;
}
int Imposter::OpenConnections() const {
    return impl_->open_;
}

void Imposter::Down() {
    impl_->OnThread([this] { impl_->CloseAll(); });
}

void Imposter::Up() {
    impl_->OnThread([this] { impl_->Listen(); });
}

void Imposter::CloseConnections() {
    impl_->OnThread([this] {
        for (const auto& [number, weak] : impl_->connections_) {
            if (const auto connection = weak.lock()) connection->Close();
        }
    });
}

}  // namespace dlws::kube::testing
