// SPDX-License-Identifier: Apache-2.0
#include "kube/http_encoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/beast/zlib/inflate_stream.hpp>
#include <random>

#include "kube/http_body.h"

namespace dlws::kube {
namespace {

namespace zlib = boost::beast::zlib;

/// The text of a gzip member whose length is as it says; its checksum is the caller's to compare.
std::string Gunzip(const std::string& member, std::size_t size) {
    std::string text(size + 1, '?');
    zlib::inflate_stream inflate;
    zlib::z_params params;
    params.next_in = member.data() + 10;
    params.avail_in = member.size() - 18;
    params.next_out = text.data();
    params.avail_out = text.size();
    boost::beast::error_code error;
    inflate.write(params, zlib::Flush::finish, error);
    if (error != zlib::error::end_of_stream) return error.message();
    text.resize(params.total_out);
    return text;
}

TEST(GzipTest, IsWhatTheStandardSays) {
    const std::string member = Gzip("hello");
    EXPECT_EQ(member.substr(0, 10), std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10));
    // As `printf hello | gzip | tail -c 8 | xxd` says: CRC-32, then the length.
    EXPECT_EQ(member.substr(member.size() - 8), std::string("\x86\xa6\x10\x36\x05\0\0\0", 8));
    EXPECT_EQ(Gunzip(member, 5), "hello");
}

TEST(GzipTest, AnyTextComesBack) {
    std::mt19937 random(1);
    for (const std::size_t size : {0u, 1u, 4096u, 70'000u, 1'000'000u}) {
        std::string same(size, 'x'), noise(size, '\0');
        for (char& c : noise)
            c = static_cast<char>(random());
        EXPECT_EQ(Gunzip(Gzip(same), size), same) << size;
        EXPECT_EQ(Gunzip(Gzip(noise), size), noise) << size;
    }
    EXPECT_LT(Gzip(std::string(1'000'000, 'x')).size(), 20'000U);
}

bool Accepts(HttpFields fields) {
    HttpRequest request;
    request.fields = std::move(fields);
    return AcceptsGzip(request);
}
bool Accepts(const std::string& value) {
    return Accepts(HttpFields{{"accept-encoding", value}});
}

TEST(AcceptsGzipTest, WhoSaysSo) {
    for (const char* yes : {"gzip", "GZip", "x-gzip", "deflate, gzip, br", "gzip;q=0.001", "*",
                            "gzip ; q=1.0", "br;q=1, gzip;q=0.5", "identity;q=0.5, *;q=0.6",
                            "gzip, *;q=0", "gzip;q=0.5, identity;q=0.5", "gzip;level=9"})
        EXPECT_TRUE(Accepts(yes)) << yes;
    EXPECT_TRUE(Accepts({{"Accept-Encoding", "br"}, {"Accept-Encoding", "gzip"}}));
}

TEST(AcceptsGzipTest, WhoDoesNot) {
    for (const char* no :
         {"", "identity", "br", "gzip;q=0", "gzip;q=0.0", "*;q=0", "gzip;q=0, *", "gzip;q=x",
          "gzip;q=", "gzip;q=2", "gzip;q=-1", "gzip;q=nan", "gzipped", "identity, gzip;q=0.5"})
        EXPECT_FALSE(Accepts(no)) << no;
    EXPECT_FALSE(Accepts(HttpFields{}));
}

class NoBody : public HttpBody {
    Awaitable<std::string> Next() override { co_return ""; }
    void Stop() override {}
};

HttpAnswer Answer(std::size_t size, const std::string& type = "application/json") {
    HttpAnswer answer;
    answer.body = std::string(size, 'x');
    answer.content_type = type;
    answer.fields = {{"etag", "\"1\""}};
    return answer;
}
HttpAnswer Compressed(HttpAnswer answer, const std::string& accepted = "gzip") {
    HttpRequest request;
    request.fields = {{"Accept-Encoding", accepted}};
    Compress(request, answer);
    return answer;
}

TEST(CompressTest, LongTextForWhoAcceptsIt) {
    for (const char* type : {"application/json", "application/problem+json", "text/html; charset=x",
                             "application/yaml", "image/svg+xml", "text/javascript"}) {
        const HttpAnswer answer = Compressed(Answer(kLeastCompressed, type));
        EXPECT_EQ(answer.Field("Content-Encoding"), "gzip") << type;
        EXPECT_EQ(answer.Field("Vary"), "Accept-Encoding");
        EXPECT_EQ(answer.Field("ETag"), "W/\"1\"");
        EXPECT_EQ(Gunzip(answer.body, kLeastCompressed), std::string(kLeastCompressed, 'x'));
    }
    HttpAnswer shared = Answer(0);
    shared.shared_body = std::make_shared<const std::string>(5000, 'y');
    shared = Compressed(shared);
    EXPECT_EQ(Gunzip(std::string(shared.Body()), 5000), std::string(5000, 'y'));
}

TEST(CompressTest, NothingElse) {
    const auto untouched = [](const HttpAnswer& answer) {
        return answer.Field("Content-Encoding").empty() && answer.Field("ETag") == "\"1\"";
    };
    EXPECT_TRUE(untouched(Compressed(Answer(kLeastCompressed - 1))));
    EXPECT_TRUE(untouched(Compressed(Answer(kMostCompressed + 1))));
    EXPECT_TRUE(untouched(Compressed(Answer(9000, "application/octet-stream"))));
    EXPECT_TRUE(untouched(Compressed(Answer(9000, "image/png"))));
    const HttpAnswer refused = Compressed(Answer(9000), "br");
    EXPECT_TRUE(untouched(refused));
    EXPECT_EQ(refused.Field("Vary"), "Accept-Encoding") << "a cache must know";
    HttpAnswer encoded = Answer(9000);
    encoded.fields.emplace_back("content-encoding", "br");
    EXPECT_EQ(Compressed(encoded).body.size(), 9000U);
    HttpAnswer stream = Answer(9000);
    stream.stream = std::make_shared<NoBody>();
    EXPECT_TRUE(untouched(Compressed(stream)));
}

}  // namespace
}  // namespace dlws::kube
