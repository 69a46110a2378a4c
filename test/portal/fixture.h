// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "test/e2e/fixture.h"
#include "test/portal/client.h"

/// @file
/// Tests of the portal that is installed on the cluster, as people whom the API server knows by
/// their tokens. In a namespace of the test's own: alice and bob may edit jobs there, carol may
/// approve them, victor may look, mallory may nothing.

namespace dlws::e2e {

class PortalTest : public E2e {
  protected:
    void SetUp() override {
        E2e::SetUp();
        if (HasFatalFailure()) return;
        Make("/api/v1/namespaces/" + ns_, "{metadata: {labels: {dlworkspace.io/managed: 'true'}}}");
        for (const char* who : {"alice", "bob", "carol", "victor", "mallory"})
            Make(CorePath("serviceaccounts"), std::string("{metadata: {name: ") + who + "}}");
        Bind("dlworkspace-editor", {"alice", "bob"});
        Bind("dlworkspace-approver", {"carol"});
        Bind("dlworkspace-viewer", {"victor"});
        // Authorizer and portal hear of all this a moment later.
        ASSERT_TRUE(Eventually(std::chrono::seconds(30), [&] {
            return As("victor").Get("/api/v1/jobs?namespace=" + ns_).code == 200;
        }));
    }
    void TearDown() override {
        people_.clear();
        E2e::TearDown();
    }

    void Bind(const std::string& role, const std::vector<std::string>& people) {
        std::string subjects;
        for (const std::string& who : people)
            subjects += "{kind: ServiceAccount, name: " + who + ", namespace: " + ns_ + "},";
        Make("/apis/rbac.authorization.k8s.io/v1/namespaces/" + ns_ + "/rolebindings",
             "{metadata: {name: " + role +
                 "}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: " +
                 role + "}, subjects: [" + subjects + "]}");
    }
    /// As the API server names them.
    std::string Username(const std::string& who) const {
        return "system:serviceaccount:" + ns_ + ":" + who;
    }
    std::string Token(const std::string& who) {
        const Reply made = api().Post(CorePath("serviceaccounts", who) + "/token",
                                      FromYaml("{spec: {expirationSeconds: 3600}}"));
        EXPECT_EQ(made.code, 201) << made.text;
        return Text(made.body, "status/token");
    }
    /// Somebody at the first replica; "nobody" is not logged in.
    const Portal& As(const std::string& who) {
        auto found = people_.find(who);
        if (found == people_.end())
            found = people_
                        .emplace(who, Portal(Replicas().at(0),
                                             who == "nobody" ? std::string() : Token(who)))
                        .first;
        return found->second;
    }
    /// Addresses of the portal's pods that are ready.
    std::vector<std::string> Replicas() {
        std::vector<std::string> addresses;
        const Reply pods = api().Get(
            "/api/v1/namespaces/dlws-system/pods?labelSelector=app.kubernetes.io/component=portal");
        for (const Json& pod : List(pods.body, "items"))
            if (At(pod, "metadata/deletionTimestamp").is_null() &&
                Text(pod, "status/containerStatuses/0/ready") == "true")
                addresses.push_back(Text(pod, "status/podIP"));
        return addresses;
    }
    std::string Jobs(const std::string& name = "") const {
        return "/api/v1/namespaces/" + ns_ + "/jobs" + (name.empty() ? "" : "/" + name);
    }

  private:
    void Make(const std::string& path, const std::string& yaml) {
        const bool change = path.ends_with(ns_);
        const Reply made =
            change ? api().Patch(path, FromYaml(yaml)) : api().Post(path, FromYaml(yaml));
        EXPECT_TRUE(made.ok()) << made.text;
    }

    std::map<std::string, Portal> people_;
};

}  // namespace dlws::e2e
