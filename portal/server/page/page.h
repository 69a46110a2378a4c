// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kube/http_message.h"

namespace dlws::portal {

/// One file of the web page, as it was built. All of it lives as long as the program.
struct PageFile {
    std::string_view path;  ///< "/index.html", "/assets/main-3f9a.js"
    std::string_view bytes;
    std::string_view gzip;  ///< the same, compressed; empty: it would not be shorter
};

/// What portal/web was built into (script/lib/embed_page); empty: this program was compiled without
/// it.
std::span<const PageFile> EmbeddedPage();

/// Serves the page to everybody, logged in or not: nothing in it is secret. A file under /assets/
/// has a hash in its name and is kept for ever; every other path is the page itself, which reads
/// its address (deep links). Pure; `files` outlive the answers.
///
///     answer = AnswerPage(EmbeddedPage(), request);
kube::HttpAnswer AnswerPage(std::span<const PageFile> files, const kube::HttpRequest& request);

}  // namespace dlws::portal
