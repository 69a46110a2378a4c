// SPDX-License-Identifier: Apache-2.0
#include "cli/testing/fake_portal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <stdexcept>

#include "dlws_source_dir.h"

namespace dlws::cli::testing {
namespace {

// A socket, with TLS over it or not.
struct Line {
    int socket;
    SSL* tls = nullptr;

    explicit Line(int socket) : socket(socket) {}
    ~Line() {
        SSL_free(tls);
        ::close(socket);
    }
    Line(const Line&) = delete;
    Line& operator=(const Line&) = delete;

    int Read(char* to, int size) const {
        return tls ? SSL_read(tls, to, size)
                   : static_cast<int>(::recv(socket, to, static_cast<std::size_t>(size), 0));
    }
    bool Write(std::string_view text) const {
        while (!text.empty()) {
            const auto size = static_cast<int>(text.size());
            const int sent =
                tls ? SSL_write(tls, text.data(), size)
                    : static_cast<int>(::send(socket, text.data(), text.size(), MSG_NOSIGNAL));
            if (sent <= 0) return false;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    // The peer gets a reset and no end of the stream.
    void Reset() const {
        const linger at_once{1, 0};
        ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
};

std::string Lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

// The next call on the line; false: there is none.
bool ReadCall(const Line& line, std::string& buffered, Call& call) {
    std::size_t end = 0;
    char piece[4096];
    const auto more = [&] {
        const int got = line.Read(piece, sizeof piece);
        if (got > 0) buffered.append(piece, static_cast<std::size_t>(got));
        return got > 0;
    };
    while ((end = buffered.find("\r\n\r\n")) == std::string::npos)
        if (!more()) return false;
    std::string head = buffered.substr(0, end + 2);
    buffered.erase(0, end + 4);
    std::size_t at = head.find("\r\n");
    const std::string first = head.substr(0, at);
    call.method = first.substr(0, first.find(' '));
    call.target = first.substr(call.method.size() + 1, first.rfind(' ') - call.method.size() - 1);
    for (at += 2; at < head.size();) {
        const std::size_t stop = head.find("\r\n", at), colon = head.find(':', at);
        const std::size_t value = head.find_first_not_of(' ', colon + 1);
        call.fields[Lower(head.substr(at, colon - at))] = head.substr(value, stop - value);
        at = stop + 2;
    }
    const std::string length = call.Field("content-length");
    const std::size_t size = length.empty() ? 0 : std::stoul(length);
    while (buffered.size() < size)
        if (!more()) return false;
    call.body = buffered.substr(0, size);
    buffered.erase(0, size);
    return true;
}

}  // namespace

std::string Call::Field(const std::string& name) const {
    const auto found = fields.find(name);
    return found == fields.end() ? "" : found->second;
}

struct FakePortal::Tls {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());

    Tls(const std::string& certificate, const std::string& key) {
        BIO* bytes = BIO_new_mem_buf(certificate.data(), static_cast<int>(certificate.size()));
        X509* read = PEM_read_bio_X509(bytes, nullptr, nullptr, nullptr);
        BIO* key_bytes = BIO_new_mem_buf(key.data(), static_cast<int>(key.size()));
        EVP_PKEY* read_key = PEM_read_bio_PrivateKey(key_bytes, nullptr, nullptr, nullptr);
        if (!read || !read_key || SSL_CTX_use_certificate(context, read) != 1 ||
            SSL_CTX_use_PrivateKey(context, read_key) != 1)
            throw std::runtime_error("the test's certificate cannot be used");
        X509_free(read);
        EVP_PKEY_free(read_key);
        BIO_free(bytes);
        BIO_free(key_bytes);
    }
    ~Tls() { SSL_CTX_free(context); }
};

FakePortal::FakePortal(Handler handler, const std::string& certificate, const std::string& key)
    : handler_(std::move(handler)) {
    if (!certificate.empty()) tls_ = std::make_unique<Tls>(certificate, key);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener_, plain, size) != 0 || ::listen(listener_, 64) != 0 ||
        ::getsockname(listener_, plain, &size) != 0)
        throw std::runtime_error("the test's portal cannot listen");
    port_ = ntohs(address.sin_port);
    accepting_ = std::thread([this] { Accept(); });
}

FakePortal::~FakePortal() {
    stopping_ = true;
    accepting_.join();
    for (std::thread& one : serving_)
        one.join();
    ::close(listener_);
}

std::string FakePortal::url() const {
    return (tls_ ? "https://127.0.0.1:" : "http://127.0.0.1:") + std::to_string(port_);
}

std::vector<Call> FakePortal::calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
}

void FakePortal::Accept() {
    while (!stopping_) {
        pollfd wanted{listener_, POLLIN, 0};
        if (::poll(&wanted, 1, 50) <= 0) continue;
        const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        if (socket >= 0) serving_.emplace_back([this, socket] { Serve(socket); });
    }
}

void FakePortal::Serve(int socket) {
    Line line(socket);
    if (tls_) {
        line.tls = SSL_new(tls_->context);
        SSL_set_fd(line.tls, socket);
        if (SSL_accept(line.tls) != 1) return;
    }
    std::string buffered;
    while (!stopping_) {
        pollfd wanted{socket, POLLIN, 0};
        const bool pending = !buffered.empty() || (line.tls && SSL_pending(line.tls) > 0);
        if (!pending && ::poll(&wanted, 1, 50) <= 0) continue;
        Call call;
        if (!ReadCall(line, buffered, call)) return;
        {
            const std::lock_guard lock(mutex_);
            calls_.push_back(call);
        }
        const Answer answer = handler_(call);
        std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " X\r\n";
        for (const auto& [name, value] : answer.fields)
            head += name + ": " + value + "\r\n";
        if (!answer.type.empty()) head += "Content-Type: " + answer.type + "\r\n";
        if (answer.pieces.empty()) {
            head += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n\r\n";
            line.Write(head + answer.body);
            continue;
        }
        line.Write(head + "Transfer-Encoding: chunked\r\n\r\n");
        for (const std::string& piece : answer.pieces) {
            char size[32];
            std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
            if (!line.Write(size + piece + "\r\n")) return;
        }
        if (answer.end == Answer::kWhole) line.Write("0\r\n\r\n");
        if (answer.end == Answer::kCut) return line.Reset();
        if (answer.end == Answer::kSilent) {
            while (!stopping_ && ::poll(&wanted, 1, 50) == 0) {
            }
            return;
        }
    }
}

namespace {

boost::json::value ToJson(const YAML::Node& node) {
    if (node.IsMap()) {
        boost::json::object object;
        for (const auto& item : node)
            object[item.first.Scalar()] = ToJson(item.second);
        return object;
    }
    if (node.IsSequence()) {
        boost::json::array array;
        for (const auto& item : node)
            array.push_back(ToJson(item));
        return array;
    }
    if (node.IsNull() || !node.IsDefined()) return nullptr;
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") return boost::json::value(text);
    boost::system::error_code error;
    boost::json::value scalar = boost::json::parse(text, error);
    return error ? boost::json::value(text) : scalar;
}

}  // namespace

std::string ContractExample(std::string_view name) {
    static const YAML::Node contract = YAML::LoadFile(DLWS_SOURCE_DIR "/portal/openapi.yaml");
    const std::string key(name);
    const YAML::Node components = contract["components"];
    if (const YAML::Node example = components["examples"][key])
        return boost::json::serialize(ToJson(example["value"]));
    if (const YAML::Node response = components["responses"][key])
        return boost::json::serialize(
            ToJson(response["content"]["application/problem+json"]["example"]));
    for (const auto& path : contract["paths"])
        for (const auto& operation : path.second) {
            if (!operation.second.IsMap() || !operation.second["operationId"] ||
                operation.second["operationId"].Scalar() != key)
                continue;
            for (const auto& response : operation.second["responses"])
                if (const YAML::Node content = response.second["content"])
                    for (const auto& type : content)
                        if (const YAML::Node example = type.second["example"])
                            return example.IsScalar() ? example.Scalar()
                                                      : boost::json::serialize(ToJson(example));
        }
    throw std::runtime_error("the contract has no example " + key);
}

}  // namespace dlws::cli::testing
