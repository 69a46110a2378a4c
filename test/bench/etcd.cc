// SPDX-License-Identifier: Apache-2.0
#include "test/bench/etcd.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstring>

#include "test/bench/common.h"

namespace dlws::bench {

namespace json = boost::json;

namespace {

std::string Encode(const std::string& bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
    text.resize(std::size_t(size));
    return text;
}

std::string Decode(std::string_view text) {
    std::string bytes(text.size() / 4 * 3, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) Die("etcd's answer is no base64");
    const auto padding = text.size() - text.find_last_not_of('=') - 1;
    bytes.resize(std::size_t(size) - padding);
    return bytes;
}

// The first key that begins with no such prefix any more.
std::string EndOf(std::string prefix) {
    ++prefix.back();
    return prefix;
}

}  // namespace

std::string Etcd::Post(const std::string& path, const std::string& body) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket_.size() >= sizeof(address.sun_path)) Die("too long a socket: " + socket_);
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{.tv_sec = 30, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    std::string answer;
    bool ok = fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    // HTTP/1.0: the answer ends with the connection and comes in one piece.
    const std::string request = fmt::format(
        "POST {} HTTP/1.0\r\nHost: etcd\r\nContent-Type: application/json\r\n"
        "Content-Length: {}\r\n\r\n{}",
        path, body.size(), body);
    for (std::size_t sent = 0; ok && sent < request.size();) {
        const ssize_t n = send(fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        ok = n > 0;
        sent += ok ? std::size_t(n) : 0;
    }
    char buffer[16384];
    for (ssize_t n = 1; ok && n > 0;) {
        n = recv(fd, buffer, sizeof(buffer), 0);
        ok = n >= 0;
        if (n > 0) answer.append(buffer, std::size_t(n));
    }
    if (fd >= 0) close(fd);
    const auto head_end = answer.find("\r\n\r\n");
    const auto status = answer.substr(0, answer.find('\r'));
    if (!ok || head_end == std::string::npos || status.find(" 200") == std::string::npos)
        Die(fmt::format("etcd at {} does not do {}: {}", socket_, path,
                        ok ? answer.substr(0, 300) : std::strerror(errno)));
    return answer.substr(head_end + 4);
}

std::string Etcd::Get(const std::string& key) const {
    const json::value answer =
        json::parse(Post("/v3/kv/range", json::serialize(json::object{{"key", Encode(key)}})));
    const json::value* found = answer.as_object().if_contains("kvs");
    if (!found || found->as_array().empty()) Die("etcd has no " + key);
    return Decode(std::string(found->as_array()[0].at("value").as_string()));
}

void Etcd::Put(const Pairs& pairs) const {
    json::array operations;
    for (const auto& [key, value] : pairs) {
        json::object put{{"key", Encode(key)}, {"value", Encode(value)}};
        operations.push_back(json::object{{"request_put", std::move(put)}});
    }
    Post("/v3/kv/txn", json::serialize(json::object{{"success", std::move(operations)}}));
}

void Etcd::RemovePrefixes(const std::vector<std::string>& prefixes) const {
    json::array operations;
    for (const std::string& prefix : prefixes) {
        json::object range{{"key", Encode(prefix)}, {"range_end", Encode(EndOf(prefix))}};
        operations.push_back(json::object{{"request_delete_range", std::move(range)}});
    }
    Post("/v3/kv/txn", json::serialize(json::object{{"success", std::move(operations)}}));
}

}  // namespace dlws::bench
