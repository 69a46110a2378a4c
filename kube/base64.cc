// SPDX-License-Identifier: Apache-2.0
#include "kube/base64.h"

#include <openssl/evp.h>

#include <algorithm>
#include <iterator>

namespace dlws::kube {
namespace {

std::unexpected<Error> Refuse(std::string message) {
    return std::unexpected(
        Error{.kind = ErrorKind::kInvalidArgument, .message = std::move(message)});
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
    std::string out(4 * ((bytes.size() + 2) / 3) + 1, '\0');
    const int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                  reinterpret_cast<const unsigned char*>(bytes.data()),
                                  static_cast<int>(bytes.size()));
    out.resize(static_cast<std::size_t>(n));
    return out;
}

Result<std::string> DecodeBase64(std::string_view text) {
    std::string packed;
    packed.reserve(text.size());
    std::copy_if(text.begin(), text.end(), std::back_inserter(packed),
                 [](char c) { return !(c == ' ' || c == '\n' || c == '\r' || c == '\t'); });
    if (packed.size() % 4 != 0) return Refuse("not base64: its length is no multiple of 4");
    std::string out(packed.size() / 4 * 3 + 1, '\0');
    const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                  reinterpret_cast<const unsigned char*>(packed.data()),
                                  static_cast<int>(packed.size()));
    if (n < 0) return Refuse("not base64");
    auto size = static_cast<std::size_t>(n);
    // OpenSSL counts the padding as zero bytes.
    for (std::size_t i = packed.size(); i > 0 && packed[i - 1] == '=' && size > 0; --i)
        --size;
    out.resize(size);
    return out;
}

std::string EncodeBase64Url(std::string_view bytes) {
    std::string text = EncodeBase64(bytes);
    text.erase(std::ranges::find(text, '='), text.end());
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

std::optional<std::string> DecodeBase64Url(std::string_view text) {
    std::string standard(text);
    std::ranges::replace(standard, '-', '+');
    std::ranges::replace(standard, '_', '/');
    standard.append((4 - standard.size() % 4) % 4, '=');
    auto bytes = DecodeBase64(standard);
    if (!bytes || EncodeBase64Url(*bytes) != text) return std::nullopt;
    return std::move(*bytes);
}

}  // namespace dlws::kube
