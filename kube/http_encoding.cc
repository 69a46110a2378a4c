// SPDX-License-Identifier: Apache-2.0
#include "kube/http_encoding.h"

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/zlib/deflate_stream.hpp>
#include <boost/crc.hpp>
#include <charconv>
#include <cstdint>
#include <optional>
#include <stdexcept>

namespace dlws::kube {

namespace beast = boost::beast;
namespace zlib = boost::beast::zlib;

namespace {

/// Of 0 to 9. JSON is hardly smaller above it and takes twice the time.
constexpr int kLevel = 4;

std::string_view Trimmed(std::string_view text) {
    constexpr std::string_view kSpace = " \t";
    text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
    return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

/// Takes from `list` up to the next `separator`.
std::string_view NextOf(std::string_view& list, char separator) {
    const std::string_view item = list.substr(0, list.find(separator));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    return Trimmed(item);
}

/// The weight of one entry, "gzip;q=0.5", from 0 to 1; what cannot be read is 0.
double WeightOf(std::string_view parameters) {
    double weight = 1;
    while (!parameters.empty()) {
        const std::string_view parameter = NextOf(parameters, ';');
        if (!parameter.starts_with("q=") && !parameter.starts_with("Q=")) continue;
        const char* const end = parameter.data() + parameter.size();
        const auto [stop, error] = std::from_chars(parameter.data() + 2, end, weight);
        if (error != std::errc() || stop != end || !(weight >= 0 && weight <= 1)) return 0;
    }
    return weight;
}

bool IsText(std::string_view content_type) {
    const std::string_view type = NextOf(content_type, ';');
    return type.starts_with("text/") || type.ends_with("+json") || type.ends_with("/json") ||
           type.ends_with("+xml") || type.ends_with("/yaml") || type.ends_with("/javascript");
}

void AppendLittleEndian(std::string& text, std::uint32_t number) {
    for (int shift = 0; shift < 32; shift += 8)
        text += static_cast<char>(number >> shift & 0xff);
}

}  // namespace

bool AcceptsGzip(const HttpRequest& request) {
    std::optional<double> gzip, any, identity;
    for (const auto& [name, value] : request.fields) {
        if (!beast::iequals(name, "Accept-Encoding")) continue;
        std::string_view list = value;
        while (!list.empty()) {
            std::string_view entry = NextOf(list, ',');
            const std::string_view coding = NextOf(entry, ';');
            const double weight = WeightOf(entry);
            if (beast::iequals(coding, "gzip") || beast::iequals(coding, "x-gzip")) gzip = weight;
            if (coding == "*") any = weight;
            if (beast::iequals(coding, "identity")) identity = weight;
        }
    }
    const double weight = gzip.value_or(any.value_or(0));
    return weight > 0 && weight >= identity.value_or(0);
}

std::string Gzip(std::string_view text) {
    zlib::deflate_stream deflate;
    deflate.reset(kLevel, 15, 8, zlib::Strategy::normal);
    // Magic, deflate, no flags, no time, no extra flags, an unknown system.
    std::string out("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    const std::size_t begin = out.size();
    out.resize(begin + deflate.upper_bound(text.size()));
    zlib::z_params params;
    params.next_in = text.data();
    params.avail_in = text.size();
    params.next_out = out.data() + begin;
    params.avail_out = out.size() - begin;
    beast::error_code error;
    deflate.write(params, zlib::Flush::finish, error);
    if (error != zlib::error::end_of_stream) throw std::runtime_error("gzip: " + error.message());
    out.resize(begin + params.total_out);
    boost::crc_32_type crc;
    crc.process_bytes(text.data(), text.size());
    AppendLittleEndian(out, crc.checksum());
    AppendLittleEndian(out, static_cast<std::uint32_t>(text.size()));
    return out;
}

void Compress(const HttpRequest& request, HttpAnswer& answer) {
    const std::size_t size = answer.Body().size();
    if (answer.stream || size < kLeastCompressed || size > kMostCompressed) return;
    if (!answer.Field("Content-Encoding").empty() || !IsText(answer.content_type)) return;
    answer.fields.emplace_back("Vary", "Accept-Encoding");
    if (!AcceptsGzip(request)) return;
    answer.body = Gzip(answer.Body());
    answer.shared_body.reset();
    answer.fields.emplace_back("Content-Encoding", "gzip");
    for (auto& [name, value] : answer.fields)
        if (beast::iequals(name, "ETag") && !value.starts_with("W/")) value.insert(0, "W/");
}

}  // namespace dlws::kube
