// SPDX-License-Identifier: Apache-2.0
#include "portal/server/page/page.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "kube/http_encoding.h"
#include "model/render.h"

namespace dlws::portal {
namespace {

constexpr std::string_view kIndex = "/index.html";
constexpr std::string_view kAssets = "/assets/";

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kTypes = {{
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".json", "application/json"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
    {".woff2", "font/woff2"},
    {".md", "text/markdown; charset=utf-8"},
}};

// Never sniffed, so a type that is not known is bytes.
std::string_view TypeOf(std::string_view path) {
    for (const auto& [end, type] : kTypes)
        if (path.ends_with(end)) return type;
    return "application/octet-stream";
}

const PageFile* Find(std::span<const PageFile> files, std::string_view path) {
    const auto found = std::ranges::find(files, path, &PageFile::path);
    return found == files.end() ? nullptr : &*found;
}

}  // namespace

kube::HttpAnswer AnswerPage(std::span<const PageFile> files, const kube::HttpRequest& request) {
    if (request.method != "GET" && request.method != "HEAD") {
        kube::HttpAnswer answer = kube::Refusal(405, "this is a page; read it");
        answer.fields.emplace_back("Allow", "GET");
        return answer;
    }
    const bool asset = request.path.starts_with(kAssets);
    const PageFile* file = Find(files, request.path);
    if (!file && !asset) file = Find(files, kIndex);
    if (!file)
        return kube::Refusal(404, asset ? "no such file; load the page anew"
                                        : "this portal was compiled without its web page; its REST "
                                          "API is at /api/v1/openapi.json");
    kube::HttpAnswer answer;
    answer.content_type = TypeOf(file->path);
    answer.fields = {{"ETag", "\"" + model::Sha256Hex(file->bytes).substr(0, 32) + "\""},
                     {"Cache-Control", asset ? "public, max-age=31536000, immutable" : "no-cache"},
                     {"Vary", "Accept-Encoding"}};
    std::string_view bytes = file->bytes;
    if (!file->gzip.empty() && kube::AcceptsGzip(request)) {
        bytes = file->gzip;
        answer.fields.emplace_back("Content-Encoding", "gzip");
    }
    answer.shared_body = std::make_shared<const std::string>(bytes);
    kube::ApplyIfNoneMatch(request, answer);
    return answer;
}

}  // namespace dlws::portal
