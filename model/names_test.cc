// SPDX-License-Identifier: Apache-2.0
#include "model/names.h"

#include <gtest/gtest.h>

#include <set>

#include "model/reason.h"

namespace dlws::model {
namespace {

TEST(Names, AreAsDocumented) {
    EXPECT_EQ(PodName("digits", "worker", 1, 0), "digits-worker-1-0");
    EXPECT_EQ(Hostname("worker", 12), "worker-12");
    EXPECT_EQ(ServiceName("digits"), "digits");
    EXPECT_EQ(FilesConfigMapName("digits"), "digits-files");
}

TEST(Names, FitIntoALabelAtTheirLongest) {
    const std::string job(kMaxJobName, 'j'), role(kMaxRoleName, 'r');
    EXPECT_LE(PodName(job, role, 9999, 9).size(), 63U);
    EXPECT_LE(FilesConfigMapName(job).size(), 63U);
}

TEST(Names, ReserveTheKeysThatSteer) {
    for (std::string_view key :
         {"dlworkspace.io/job", "x.dlworkspace.io/y", "kubernetes.io/arch", "k8s.io/x",
          "container.apparmor.security.beta.kubernetes.io/main", "k8s.v1.cni.cncf.io/networks",
          "io.katacontainers.config.hypervisor.kernel_params", "run.oci.keep_original_groups"})
        EXPECT_TRUE(IsReservedKey(key)) << key;
    for (std::string_view key :
         {"team", "example.org/team", "notkubernetes.io/x",
          "cluster-autoscaler.kubernetes.io/safe-to-evict", "example.org/kubernetes.io"})
        EXPECT_FALSE(IsReservedKey(key)) << key;
}

TEST(Reasons, AreOneTable) {
    std::set<std::string_view> names;
    for (const Reason& r : AllReasons()) {
        EXPECT_TRUE(names.insert(r.name).second) << r.name << " is there twice";
        EXPECT_LE(r.name.size(), 64U);
        EXPECT_TRUE(r.text.ends_with('.')) << r.name;
        EXPECT_FALSE(ToString(r.cls).empty());
        ASSERT_NE(FindReason(r.name), nullptr);
        EXPECT_EQ(FindReason(r.name)->text, r.text);
    }
    EXPECT_EQ(FindReason("NoSuchReason"), nullptr);
    EXPECT_EQ(FindReason("NoSharedFolder")->cls, ReasonClass::Ask);
}

}  // namespace
}  // namespace dlws::model
