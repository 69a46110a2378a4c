// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>
#include <string>

namespace dlws::kube::testing {

/// A blocking client of a server that runs on a thread of its own: plain, or with TLS where it is
/// told whom to trust, offering the protocols of `alpn` (each after a byte that is its length);
/// from the address `from` of this machine. Throws what Asio throws.
class Peer {
  public:
    explicit Peer(unsigned short port, const std::string& ca = "", const std::string& alpn = "",
                  const char* from = "127.0.0.1")
        : stream_(io_, context_) {
        stream_.next_layer().open(boost::asio::ip::tcp::v4());
        stream_.next_layer().bind({boost::asio::ip::make_address_v4(from), 0});
        stream_.next_layer().connect(
            boost::asio::ip::tcp::endpoint(boost::asio::ip::address_v4::loopback(), port));
        if (ca.empty()) return;
        tls_ = true;
        context_.add_certificate_authority(boost::asio::buffer(ca));
        stream_.set_verify_mode(boost::asio::ssl::verify_peer);
        SSL_set1_host(stream_.native_handle(), "localhost");
        X509_STORE* store = SSL_CTX_get_cert_store(context_.native_handle());
        X509_STORE_up_ref(store);
        SSL_set0_verify_cert_store(stream_.native_handle(), store);
        // 0 is what OpenSSL says when it took them.
        if (!alpn.empty() &&
            SSL_set_alpn_protos(stream_.native_handle(),
                                reinterpret_cast<const unsigned char*>(alpn.data()),
                                static_cast<unsigned>(alpn.size())) != 0)
            throw std::runtime_error("no list of protocols");
        stream_.handshake(boost::asio::ssl::stream_base::client);
    }
    /// What the server chose of `alpn`; empty: nothing.
    std::string Protocol() {
        const unsigned char* name = nullptr;
        unsigned length = 0;
        SSL_get0_alpn_selected(stream_.native_handle(), &name, &length);
        return {reinterpret_cast<const char*>(name), length};
    }
    void Send(const std::string& text) {
        tls_ ? boost::asio::write(stream_, boost::asio::buffer(text))
             : boost::asio::write(stream_.next_layer(), boost::asio::buffer(text));
    }
    /// All until the server closes; "RESET" at the end when it did so rudely.
    std::string ReadToEnd() {
        std::string text;
        boost::system::error_code error;
        tls_ ? boost::asio::read(stream_, boost::asio::dynamic_buffer(text), error)
             : boost::asio::read(stream_.next_layer(), boost::asio::dynamic_buffer(text), error);
        if (error != boost::asio::error::eof) text += "RESET";
        return text;
    }
    std::string ReadUntil(const std::string& end) {
        std::string text;
        while (text.find(end) == text.npos) {
            char chunk[512];
            const auto buffer = boost::asio::buffer(chunk);
            text.append(chunk,
                        tls_ ? stream_.read_some(buffer) : stream_.next_layer().read_some(buffer));
        }
        return text;
    }

  private:
    boost::asio::io_context io_;
    boost::asio::ssl::context context_{boost::asio::ssl::context::tls_client};
    boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream_;
    bool tls_ = false;
};

}  // namespace dlws::kube::testing
