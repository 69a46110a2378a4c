// SPDX-License-Identifier: Apache-2.0
#include "portal/server/session/http_web.h"

namespace dlws::portal {

kube::Awaitable<kube::Result<Web::Answer>> HttpWeb::Send(Request request) {
    kube::HttpCall call(std::move(request.url));
    call.fields = std::move(request.fields);
    call.deadline = request.deadline;
    call.max_bytes = request.max_bytes;
    const bool post = !request.form.empty();
    if (post) {
        call.content_type = "application/x-www-form-urlencoded";
        call.body = std::move(request.form);
    }
    auto asked = post ? client_.Post(std::move(call)) : client_.Get(std::move(call));
    auto reply = co_await std::move(asked);
    if (!reply) co_return std::unexpected(reply.error());
    co_return Answer{reply->status, std::move(reply->body)};
}

}  // namespace dlws::portal
