// SPDX-License-Identifier: Apache-2.0
#include "cli/http_client.h"

#include <cpprest/http_client.h>
#include <openssl/x509.h>
#include <pplx/threadpool.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <future>
#include <iterator>
#include <stdexcept>
#include <thread>

#include "cli/failure.h"

namespace dlws::cli {

namespace http = web::http;
using Bytes = Concurrency::streams::details::streambuf_state_manager<std::uint8_t>;

namespace {

// Where the client writes a body to. A piece is given on before the next one is read, so a slow
// reader of ours slows the portal down and no memory grows. Nothing is given on before Begin().
class BodySink : public Bytes {
  public:
    using Take = std::function<bool(std::string_view)>;
    BodySink() : Bytes(std::ios_base::out), ready_(begun_.get_future()) {}

    void Begin(Take take) {
        take_ = std::move(take);
        begun_.set_value();
    }

    bool can_seek() const override { return false; }
    bool has_size() const override { return false; }
    std::size_t buffer_size(std::ios_base::openmode) const override { return 0; }
    void set_buffer_size(std::size_t, std::ios_base::openmode) override {}
    std::size_t in_avail() const override { return 0; }
    pos_type getpos(std::ios_base::openmode) const override { return pos_type(-1); }
    pos_type seekpos(pos_type, std::ios_base::openmode) override { return pos_type(-1); }
    pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
        return pos_type(-1);
    }
    bool acquire(std::uint8_t*&, std::size_t&) override { return false; }
    void release(std::uint8_t*, std::size_t) override {}

  protected:
    pplx::task<std::size_t> _putn(const std::uint8_t* bytes, std::size_t count) override {
        ready_.wait();
        try {
            if (!take_({reinterpret_cast<const char*>(bytes), count})) throw std::length_error("");
        } catch (...) {
            return pplx::task_from_exception<std::size_t>(std::current_exception());
        }
        return pplx::task_from_result(count);
    }
    pplx::task<int_type> _putc(std::uint8_t byte) override {
        return _putn(&byte, 1).then([byte](std::size_t) { return static_cast<int_type>(byte); });
    }
    pplx::task<bool> _sync() override { return pplx::task_from_result(true); }
    // Nobody reads from it.
    pplx::task<int_type> _bumpc() override { return End(); }
    int_type _sbumpc() override { return traits::eof(); }
    pplx::task<int_type> _getc() override { return End(); }
    int_type _sgetc() override { return traits::eof(); }
    pplx::task<int_type> _nextc() override { return End(); }
    pplx::task<int_type> _ungetc() override { return End(); }
    pplx::task<std::size_t> _getn(std::uint8_t*, std::size_t) override {
        return pplx::task_from_result(std::size_t{0});
    }
    std::size_t _scopy(std::uint8_t*, std::size_t) override { return 0; }
    std::uint8_t* _alloc(std::size_t) override { return nullptr; }
    void _commit(std::size_t) override {}

  private:
    static pplx::task<int_type> End() { return pplx::task_from_result(traits::eof()); }

    Take take_;
    std::promise<void> begun_;
    std::shared_future<void> ready_;
};

std::string ReadAuthority(const std::string& path) try {
    std::ifstream file(path, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file || text.empty())
        throw Failure(kCommandLine, "the CA file " + path + " cannot be read, or is empty");
    boost::asio::ssl::context(boost::asio::ssl::context::tls_client)
        .add_certificate_authority(boost::asio::buffer(text));
    return text;
} catch (const boost::system::system_error&) {
    throw Failure(kCommandLine, "the CA file " + path + " holds no certificate in PEM");
}

http::client::http_client_config Configure(std::chrono::seconds silence,
                                           const std::string& authority) {
    http::client::http_client_config config;
    config.set_timeout(silence);
    config.set_max_redirects(0);
    config.set_validate_certificates(true);
    config.set_ssl_context_callback([authority](boost::asio::ssl::context& tls) {
        tls.set_options(boost::asio::ssl::context::no_tlsv1 |
                        boost::asio::ssl::context::no_tlsv1_1);
        if (authority.empty()) return;
        // Instead of the machine's authorities, not beside them.
        SSL_CTX_set_cert_store(tls.native_handle(), X509_STORE_new());
        tls.add_certificate_authority(boost::asio::buffer(authority));
    });
    return config;
}

std::string Explain(const http::http_exception& error) {
    std::string what = error.what();
    if (what.find("SSL handshake") != std::string::npos)
        return "its certificate is not trusted, is for another name, or it does not speak TLS; "
               "--ca-file names the authority of a portal with its own";
    if (error.error_code() == std::errc::timed_out) return "it does not answer in time";
    return what;
}

}  // namespace

struct HttpClient::Impl {
    explicit Impl(Settings settings)
        : settings(std::move(settings)),
          authority(this->settings.ca_file.empty() ? "" : ReadAuthority(this->settings.ca_file)),
          calls(this->settings.server, Configure(this->settings.silence, authority)),
          streams(this->settings.server, Configure(this->settings.stream_silence, authority)) {}

    http::http_request Prepare(const HttpRequest& from, const std::shared_ptr<BodySink>& sink) {
        http::http_request request(from.method);
        request.set_request_uri(from.path);
        request.headers().add("Accept", from.accept);
        request.headers().add("User-Agent", settings.user_agent);
        if (!settings.token.empty())
            request.headers().add("Authorization", "Bearer " + settings.token);
        if (!from.last_event_id.empty()) request.headers().add("Last-Event-ID", from.last_event_id);
        if (!from.type.empty()) request.set_body(from.body, from.type);
        request.set_response_stream(
            Concurrency::streams::streambuf<std::uint8_t>(sink).create_ostream());
        return request;
    }

    HttpReply Exchange(http::client::http_client& client, const HttpRequest& from,
                       const BodySink::Take& take);

    Settings settings;
    std::string authority;  // PEM
    http::client::http_client calls;
    http::client::http_client streams;
};

HttpReply HttpClient::Impl::Exchange(http::client::http_client& client, const HttpRequest& from,
                                     const BodySink::Take& take) {
    HttpReply reply;
    auto sink = std::make_shared<BodySink>();
    bool enough = false;
    try {
        http::http_response response = client.request(Prepare(from, sink)).get();
        reply.code = response.status_code();
        const auto& headers = response.headers();
        headers.match("Retry-After", reply.retry_after);
        headers.match("Dlws-Stale", reply.stale_since);
        headers.match("Content-Type", reply.type);
        reply.type = reply.type.substr(0, reply.type.find(';'));
        const auto deadline = std::chrono::steady_clock::now() + settings.whole_answer;
        const bool streams = take && reply.code >= 200 && reply.code < 300;
        sink->Begin([&](std::string_view bytes) {
            if (streams) {
                enough = !take(bytes);
                return !enough;
            }
            reply.body.append(bytes);
            return reply.body.size() <= kMaxBody && std::chrono::steady_clock::now() < deadline;
        });
        response.content_ready().wait();
    } catch (const http::http_exception& error) {
        if (!enough) reply.problem = Explain(error);
    } catch (const std::length_error&) {
        if (!enough) reply.problem = "its answer is longer than 64 MiB, or takes too long";
    } catch (const std::exception& error) {
        if (!enough) reply.problem = error.what();
    }
    if (reply.code == 0 && reply.problem.empty()) reply.problem = "it does not answer";
    return reply;
}

HttpClient::HttpClient(Settings settings) {
    // Its default is 40.
    static const bool started = (crossplat::threadpool::initialize_with_threads(3), true);
    (void)started;
    settings.server = CheckedServer(settings.server);
    impl_ = std::make_unique<Impl>(std::move(settings));
}

HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

HttpReply HttpClient::Send(const HttpRequest& request) {
    constexpr int kMostWaited = 30;
    for (int waited = 0;;) {
        HttpReply reply = impl_->Exchange(impl_->calls, request, {});
        const int wait = std::max(reply.retry_after, 1);
        if (reply.code != 429 || waited + wait > kMostWaited) return reply;
        waited += wait;
        std::this_thread::sleep_for(std::chrono::seconds(wait));
    }
}

HttpReply HttpClient::Stream(const HttpRequest& request,
                             std::function<bool(std::string_view)> take) {
    return impl_->Exchange(impl_->streams, request, take);
}

const HttpClient::Settings& HttpClient::settings() const {
    return impl_->settings;
}

std::string CheckedServer(const std::string& server) {
    std::string checked = server;
    while (checked.ends_with('/'))
        checked.pop_back();
    const auto wrong = [&](const std::string& why) {
        throw Failure(kCommandLine, "the portal's address \"" + server + "\" " + why +
                                        "; write, for example, https://dlws.example.org");
    };
    if (std::ranges::any_of(checked, [](unsigned char c) { return c <= ' ' || c >= 0x7F; }) ||
        checked.find_first_of("?#@\\\"") != std::string::npos)
        wrong("has characters that no such address has");
    const bool plain = checked.starts_with("http://");
    if (!plain && !checked.starts_with("https://")) wrong("does not begin with https://");
    if (!web::uri::validate(checked) || web::uri(checked).host().empty()) wrong("is none");
    const std::string host = web::uri(checked).host();
    if (plain && host != "127.0.0.1" && host != "localhost" && host != "[::1]" && host != "::1")
        wrong("begins with http://, and anybody on the way could read the token");
    return checked;
}

}  // namespace dlws::cli
