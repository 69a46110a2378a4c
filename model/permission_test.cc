// SPDX-License-Identifier: Apache-2.0
// What a job may ask of its nodes, what becomes of it, and the bytes that are approved. Who
// approves them is in approval_test.cc.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "dlws_source_dir.h"
#include "model/permission_check.h"
#include "model/pod_compare.h"
#include "model/template_diff.h"
#include "model/testing.h"

namespace dlws::model {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kImage = "registry.example/digits@sha256:" + std::string(64, 'a');

DLCluster Cluster() {
    DLCluster c;
    c.storages = SharedFolder("/mnt/s");
    c.defaultUser = {5000, 6000};
    c.devices = {{"infiniband", "rdma/hca"}};
    return c;
}
DLCluster With(std::vector<PermissionRule> rules) {
    DLCluster c = Cluster();
    c.permissions = std::move(rules);
    return c;
}
PermissionRule Rule(PermissionClass cls, PermissionPolicy policy) {
    return {.cls = cls, .policy = policy};
}
DLCluster AllowAll() {
    std::vector<PermissionRule> rules;
    for (PermissionClass c : kPermissionClasses)
        rules.push_back(Rule(c, PermissionPolicy::Allow));
    rules[std::size_t(PermissionClass::HostPaths)].paths = {{"/data", false}};
    return With(std::move(rules));
}
DLCluster Cautious(PermissionClass cls = PermissionClass::HostNetwork) {
    return With({Rule(cls, PermissionPolicy::RequireApproval)});
}

DLJob Job() {
    DLJob job;
    job.meta.name = "digits";
    job.meta.ns = "vision";
    job.meta.uid = "u1";
    job.spec.image = kImage;
    job.spec.command = {"python3", "train.py"};
    job.spec.roles = {Role{.name = "worker", .replicas = 2, .gpus = 1}};
    job.spec.submittedBy = User{"alice", "uid-of-alice"};
    return job;
}
DLJob Asking() {
    DLJob job = Job();
    job.spec.permissions.hostNetwork = true;
    return job;
}

std::string WhyNot(const DLJob& job, const DLCluster& cluster) {
    const auto rendered = Render(job, cluster);
    return rendered ? "" : rendered.error().reason + ": " + rendered.error().message;
}
json::value Pod(const DLJob& job, const DLCluster& cluster) {
    const auto rendered = Render(job, cluster);
    EXPECT_TRUE(rendered) << rendered.error().message;
    return rendered ? json::parse(MakePod(*rendered, 0, 0, 0)) : json::value();
}

TEST(Permissions, WhatNoRuleSpeaksOfIsDenied) {
    EXPECT_THAT(WhyNot(Asking(), Cluster()),
                HasSubstr("PermissionDenied: This cluster does not allow hostNetwork in namespace "
                          "vision"));
    EXPECT_EQ(WhyNot(Job(), Cluster()), "");
    // Each class by itself: allowed where all are, denied where all others are.
    for (PermissionClass cls : kPermissionClasses) {
        DLJob job = Job();
        Permissions& p = job.spec.permissions;
        switch (cls) {
            case PermissionClass::Privileged:
                p.privileged = true;
                break;
            case PermissionClass::HostNetwork:
                p.hostNetwork = true;
                break;
            case PermissionClass::HostIPC:
                p.hostIPC = true;
                break;
            case PermissionClass::HostPID:
                p.hostPID = true;
                break;
            case PermissionClass::HostPaths:
                p.hostPaths = {{"/data/x", "/x", true}};
                break;
            case PermissionClass::Capabilities:
                p.capabilities = {"IPC_LOCK"};
                break;
            case PermissionClass::RunAsRoot:
                p.runAsRoot = true;
                break;
            case PermissionClass::Devices:
                p.devices = {"infiniband"};
                break;
            case PermissionClass::HostPorts:
                p.hostPorts = {8080};
                break;
            case PermissionClass::UnconfinedSeccomp:
                p.unconfinedSeccomp = true;
                break;
        }
        EXPECT_THAT(ClassesOf(p), ElementsAre(cls));
        DLCluster cluster = AllowAll();
        EXPECT_EQ(WhyNot(job, cluster), "") << ToString(cls);
        std::erase_if(cluster.permissions, [&](const auto& r) { return r.cls == cls; });
        EXPECT_THAT(WhyNot(job, cluster), HasSubstr("PermissionDenied")) << ToString(cls);
    }
}

TEST(Permissions, TheFirstRuleThatSpeaksOfItCounts) {
    PermissionRule here = Rule(PermissionClass::HostNetwork, PermissionPolicy::Allow);
    here.namespaces = {"vision"};
    const PermissionRule nowhere = Rule(PermissionClass::HostNetwork, PermissionPolicy::Deny);
    EXPECT_EQ(WhyNot(Asking(), With({here, nowhere})), "");
    EXPECT_NE(WhyNot(Asking(), With({nowhere, here})), "");
    DLJob elsewhere = Asking();
    elsewhere.meta.ns = "speech";
    EXPECT_NE(WhyNot(elsewhere, With({here})), "");

    DLJob job = Job();
    job.spec.permissions.capabilities = {"IPC_LOCK", "SYS_PTRACE"};
    PermissionRule lock = Rule(PermissionClass::Capabilities, PermissionPolicy::Allow);
    lock.names = {"IPC_LOCK"};
    EXPECT_THAT(WhyNot(job, With({lock})), HasSubstr("capability SYS_PTRACE"));
    PermissionRule rest = Rule(PermissionClass::Capabilities, PermissionPolicy::RequireApproval);
    const auto ruling = CheckPermissions(job, With({lock, rest}));
    ASSERT_TRUE(ruling);
    EXPECT_THAT(ruling->toApprove, ElementsAre(PermissionClass::Capabilities));
    EXPECT_THAT(ruling->asks, ElementsAre("capability IPC_LOCK", "capability SYS_PTRACE"));
}

TEST(Permissions, ADurationIsTheJobsDeadline) {
    PermissionRule rule = Rule(PermissionClass::HostNetwork, PermissionPolicy::Allow);
    rule.maxDurationSeconds = 3600;
    EXPECT_THAT(WhyNot(Asking(), With({rule})), HasSubstr("set activeDeadlineSeconds"));
    DLJob job = Asking();
    job.spec.activeDeadlineSeconds = 3601;
    EXPECT_NE(WhyNot(job, With({rule})), "");
    job.spec.activeDeadlineSeconds = 3600;
    EXPECT_EQ(WhyNot(job, With({rule})), "");
}

TEST(Permissions, AFolderIsMountedWhereTheRuleSays) {
    PermissionRule rule = Rule(PermissionClass::HostPaths, PermissionPolicy::Allow);
    rule.paths = {{"/data", true}, {"/scratch", false}};
    const auto with = [](std::string path, bool read_only) {
        DLJob job = Job();
        job.spec.permissions.hostPaths = {{std::move(path), "/x", read_only}};
        return job;
    };
    EXPECT_EQ(WhyNot(with("/data/a/b", true), With({rule})), "");
    EXPECT_EQ(WhyNot(with("/scratch", false), With({rule})), "");
    EXPECT_NE(WhyNot(with("/data/a", false), With({rule})), "");
    for (const char* path :
         {"/database", "/", "/data/../etc", "/data/./a", "//data", "/data/", "data", "/etc", ""})
        EXPECT_NE(WhyNot(with(path, true), With({rule})), "") << path;
    // Whoever may write in /data makes a link there: the kubelet does not follow it out of a
    // volume.
    const json::value pod = Pod(with("/data/a/b", true), With({rule}));
    EXPECT_EQ(Item(pod, "/spec/volumes", "name", "dlws-host-0"),
              R"({"name":"dlws-host-0","hostPath":{"path":"/data","type":"Directory"}})");
    EXPECT_EQ(Item(pod, "/spec/containers/0/volumeMounts", "name", "dlws-host-0"),
              R"({"name":"dlws-host-0","mountPath":"/x","subPath":"a/b","readOnly":true})");
    EXPECT_TRUE(IsBelow("/data", "/data/./a"));
    EXPECT_FALSE(IsBelow("/data", "/data/../etc"));
    EXPECT_FALSE(IsBelow("/data", "relative"));
}

TEST(Permissions, ARuleThatRestrictsAFolderIsNotPassedBy) {
    for (PermissionPolicy policy : {PermissionPolicy::Deny, PermissionPolicy::RequireApproval}) {
        PermissionRule secret = Rule(PermissionClass::HostPaths, policy);
        secret.paths = {{"/data/secret", true}};
        PermissionRule rest = Rule(PermissionClass::HostPaths, PermissionPolicy::Allow);
        rest.paths = {{"/data", false}};
        const auto why = [&](std::string path, bool read_only) {
            DLJob job = Job();
            job.spec.permissions.hostPaths = {{std::move(path), "/x", read_only}};
            return WhyNot(job, With({secret, rest}));
        };
        EXPECT_NE(why("/data/secret", false), "");
        EXPECT_NE(why("/data", true), "");
        EXPECT_EQ(why("/data/other", false), "");
        EXPECT_EQ(why("/data/secret", true).empty(), policy != PermissionPolicy::Deny);
    }
}

TEST(Permissions, NothingKeepsItsPodsFromEnding) {
    DLJob job = Asking();
    job.spec.cleanupPods = CleanupPods::None;
    EXPECT_THAT(WhyNot(job, AllowAll()), HasSubstr("cleanupPods"));
    job = Asking();
    job.spec.framework = Framework::MPI;
    job.spec.roles.insert(job.spec.roles.begin(), Role{.name = "launcher"});
    EXPECT_THAT(WhyNot(job, AllowAll()), HasSubstr("ssh keys"));
    job.spec.permissions = {.devices = {"infiniband"}};
    EXPECT_EQ(WhyNot(job, AllowAll()), "");
}

TEST(Permissions, WhatIsTooLargeToBeKeptIsSaid) {
    DLJob job = Asking();
    job.spec.roles.clear();
    for (int i = 0; i < 16; ++i)
        job.spec.roles.push_back({.name = "r" + std::to_string(i)});
    job.spec.env = {{"LONG", std::string(60'000, 'x'), {}}};
    EXPECT_THAT(WhyNot(job, Cautious()), HasSubstr("more than 700000 bytes"));
    EXPECT_EQ(WhyNot(job, AllowAll()), "");
}

TEST(Permissions, ThePodGetsWhatIsAllowedAndNothingElse) {
    DLJob job = Job();
    const json::value plain = Pod(job, AllowAll());
    EXPECT_EQ(At(plain, "/spec/hostNetwork"), "(none)");
    job.spec.permissions = {.hostNetwork = true,
                            .hostIPC = true,
                            .hostPID = true,
                            .runAsRoot = true,
                            .unconfinedSeccomp = true,
                            .capabilities = {"IPC_LOCK"},
                            .hostPorts = {8080},
                            .devices = {"infiniband"}};
    const json::value pod = Pod(job, AllowAll());
    for (const char* field : {"hostNetwork", "hostIPC", "hostPID"})
        EXPECT_EQ(At(pod, std::string("/spec/") + field), "true");
    EXPECT_EQ(At(pod, "/spec/securityContext"),
              R"({"runAsNonRoot":false,"runAsUser":0,"runAsGroup":0,)"
              R"("seccompProfile":{"type":"Unconfined"}})");
    EXPECT_EQ(At(pod, "/spec/containers/0/securityContext"),
              R"({"allowPrivilegeEscalation":false,)"
              R"("capabilities":{"drop":["ALL"],"add":["IPC_LOCK"]}})");
    EXPECT_EQ(At(pod, "/spec/containers/0/ports"), R"([{"containerPort":8080,"hostPort":8080}])");
    EXPECT_EQ(At(pod, "/spec/containers/0/resources/limits/rdma~1hca"), R"("1")");
    job.spec.permissions = {.privileged = true};
    EXPECT_EQ(At(Pod(job, AllowAll()), "/spec/containers/0/securityContext"),
              R"({"privileged":true})");
}

TEST(Permissions, WhatIsApprovedNamesItsImagesByDigest) {
    DLJob job = Asking();
    EXPECT_EQ(WhyNot(job, Cautious()), "");
    for (const char* image :
         {"digits:1", "digits@sha256:abc", "digits",
          "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
        job.spec.image = image;
        EXPECT_THAT(WhyNot(job, Cautious()), HasSubstr("ImageWithoutDigest")) << image;
    }
    EXPECT_EQ(WhyNot(job, AllowAll()), "") << "nobody signs it";
    job = Asking();
    job.spec.roles.push_back({.name = "server", .image = "server:1"});
    EXPECT_THAT(WhyNot(job, Cautious()), HasSubstr("server:1"));
}

TEST(Permissions, TheAdministratorsTemplateGivesNobodyTheHost) {
    DLCluster c = Cluster();
    for (
        const char* spec :
        {R"("hostNetwork":true)", R"("hostPID":true)", R"("nodeName":"n")",
         R"("resourceClaims":[{"name":"x"}])", R"("somethingNew":{"a":1})",
         R"("securityContext":{"sysctls":[]})", R"("securityContext":{"windowsOptions":{}})",
         R"("containers":[{"name":"main","securityContext":{"procMount":"Unmasked"}}])",
         R"("containers":[{"name":"side","volumeDevices":[]}])",
         R"("containers":[{"name":"a","volumeMounts":[{"name":"v","mountPropagation":"Bidirectional"}]}])",
         R"("volumes":[{"name":"v","csi":{"driver":"d"}}])"}) {
        c.podTemplate = std::string(R"({"spec":{)") + spec + "}}";
        EXPECT_THAT(WhyNot(Job(), c), HasSubstr("BaseTemplateInvalid")) << spec;
    }
    c.podTemplate = R"({"spec":{"hostNetwork":false,"volumes":[{"name":"v","emptyDir":{}}]}})";
    EXPECT_EQ(WhyNot(Job(), c), "");
}

Rendered Kept(const DLJob& job, const DLCluster& cluster) {
    auto rendered = Render(job, cluster);
    EXPECT_TRUE(rendered) << rendered.error().message;
    return rendered.value_or(Rendered{});
}

TEST(KeptTemplate, IsReadAsItWasWritten) {
    DLJob job = Asking();
    job.spec.files = {{"train.py", "print(1)\n"}};
    const Rendered kept = Kept(job, Cautious());
    const std::string bytes = CanonicalBytes(kept);
    const auto read = ParseRendered(bytes);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(CanonicalBytes(*read), bytes);
    EXPECT_EQ(read->totalPods, 2);
    EXPECT_TRUE(read->reachesHost);
    EXPECT_EQ(MakePod(*read, 0, 1, 2).size(), MakePod(kept, 0, 1, 2).size());
    for (const char* broken : {"", "{}", "[]", "null", R"({"job":1})"})
        EXPECT_FALSE(ParseRendered(broken)) << broken;
}

// The bytes that somebody signed with an earlier version must stay what they were.
TEST(KeptTemplate, IsTheGoldenOne) {
    DLJob job = Asking();
    job.spec.files = {{"train.py", "print(1)\n"}};
    job.spec.storage = {{"data", "digits", "/data", true}};
    job.spec.env = {{"TOKEN", "", SecretKeyRef{"token", "key"}}};
    const std::string bytes = CanonicalBytes(Kept(job, Cautious()));
    std::ifstream file(std::filesystem::path(DLWS_SOURCE_DIR) / "model/golden/approved.json");
    std::ostringstream golden;
    golden << file.rdbuf();
    EXPECT_EQ(bytes + "\n", golden.str());
    EXPECT_EQ(Sha256Hex(bytes), "fa19b9dcc0d78ac9a75d1a216cd4e37ca7c02bc8fac1d1bb9964f836618fdd60");
}

TEST(KeptTemplate, DoesNotDependOnHowManyPodsThereAreNow) {
    DLJob job = Asking();
    job.spec.framework = Framework::Torch;
    job.spec.elastic = Elastic{"worker", 2, 1, 4};
    const std::string two = CanonicalBytes(Kept(job, Cautious()));
    job.spec.elastic->replicas = job.spec.roles[0].replicas = 3;
    EXPECT_EQ(CanonicalBytes(Kept(job, Cautious())), two);
}

TEST(KeptTemplate, APodIsTheTemplateButForItsPlace) {
    DLJob job = Asking();
    job.spec.framework = Framework::Torch;
    const Rendered kept = Kept(job, Cautious());
    const PodApproval told{"approval-uid", "hash"};
    const std::vector<AvoidedNode> avoided{{"node-7", 2, Time{}}};
    const std::string pod = MakePod(kept, 0, 1, {3, 2}, avoided, &told);
    EXPECT_EQ(StraysFromTemplate(pod, kept, 0), "");
    const json::value annotations = json::parse(pod).at_pointer("/metadata/annotations");
    EXPECT_EQ(annotations.at(kSubmittedByAnnotation), "alice");
    EXPECT_EQ(annotations.at(kApprovalAnnotation), "approval-uid");
    EXPECT_EQ(annotations.at(kTemplateHashAnnotation), "hash");
    json::value changed = json::parse(pod);
    changed.at_pointer("/spec").as_object()["hostPID"] = true;
    EXPECT_EQ(StraysFromTemplate(json::serialize(changed), kept, 0), "template.spec.hostPID");
    changed = json::parse(pod);
    changed.at_pointer("/spec/containers/0").as_object()["image"] = "other";
    EXPECT_EQ(StraysFromTemplate(json::serialize(changed), kept, 0),
              "template.spec.containers[0].image");
}

TEST(KeptTemplate, WhatTheApiServerStoredIsCompared) {
    const Rendered kept = Kept(Asking(), Cautious());
    const std::string posted = MakePod(kept, 0, 0, 0);
    const auto stored = [&](std::string_view at, std::string_view key, const json::value& value) {
        json::value pod = json::parse(posted);
        pod.at_pointer(at).as_object()[key] = value;
        return Altered(posted, json::serialize(pod));
    };
    // As Kubernetes 1.35 fills it in.
    json::value full = json::parse(posted);
    json::object& spec = full.at_pointer("/spec").as_object();
    spec["schedulerName"] = "default-scheduler";
    spec["serviceAccount"] = spec["serviceAccountName"] = "default";
    spec["priority"] = 0;
    spec["preemptionPolicy"] = "PreemptLowerPriority";
    spec["terminationGracePeriodSeconds"] = 30;
    spec["nodeName"] = "node-1";
    json::object& main = full.at_pointer("/spec/containers/0").as_object();
    main["terminationMessagePath"] = "/dev/termination-log";
    main["imagePullPolicy"] = "IfNotPresent";
    full.as_object()["status"] = json::object{{"phase", "Pending"}};
    EXPECT_EQ(Altered(posted, json::serialize(full)), "");

    EXPECT_EQ(stored("/spec", "nodeSelector", json::object{{"pool", "kata"}}), "");
    // A LimitRange, a PriorityClass for all.
    EXPECT_EQ(stored("/spec/containers/0/resources/requests", "memory", "1Gi"), "");
    EXPECT_EQ(stored("/spec", "priorityClassName", "normal"), "");
    EXPECT_EQ(stored("/spec", "hostPID", true), "spec.hostPID");
    EXPECT_EQ(stored("/spec", "serviceAccountName", "admin"), "spec.serviceAccountName");
    EXPECT_EQ(stored("/spec", "initContainers", json::array{json::object{{"name", "x"}}}),
              "spec.initContainers");
    EXPECT_EQ(stored("/spec/containers/0", "image", "other"), "spec.containers[0].image");
    EXPECT_EQ(stored("/spec/containers/0/securityContext", "privileged", true),
              "spec.containers[0].securityContext.privileged");
    EXPECT_EQ(stored("/spec/containers/0/resources/limits", "x/y", "1"),
              "spec.containers[0].resources.limits.x/y");
    EXPECT_EQ(stored("/metadata/annotations", "io.katacontainers.x", "y"),
              "metadata.annotations.io.katacontainers.x");
    EXPECT_EQ(stored("/metadata/annotations", "example.org/seen", "y"), "");
    EXPECT_EQ(stored("/metadata/annotations", "dlworkspace.io/submitted-by", "bob"),
              "metadata.annotations.dlworkspace.io/submitted-by");
    EXPECT_EQ(stored("/metadata", "ownerReferences", json::array{}), "metadata.ownerReferences");
    json::value more = json::parse(posted);
    more.at_pointer("/spec/containers").as_array().push_back(json::object{{"name", "spy"}});
    EXPECT_EQ(Altered(posted, json::serialize(more)), "spec.containers");
    EXPECT_EQ(Altered(posted, "nonsense"), "spec");
}

TEST(TemplateDiff, SaysFirstWhatReachesTheNode) {
    DLJob job = Asking();
    job.spec.files = {{"train.py", "print(1)\n"}};
    job.spec.env = {{"TOKEN", "", SecretKeyRef{"token", "key"}}};
    const DLCluster cluster = Cautious();
    const Rendered kept = Kept(job, cluster);
    const auto plain = RenderPlain(job, cluster, cluster.defaultUser);
    ASSERT_TRUE(plain);
    const std::string diff = TemplateDiff(kept, *plain);
    EXPECT_THAT(diff, HasSubstr("+ spec.hostNetwork: true\n"));
    EXPECT_LT(diff.find("spec.hostNetwork"), diff.find("spec.containers[main].image"));
    EXPECT_THAT(diff, HasSubstr(R"(+ spec.containers[main].command: ["python3","train.py"])"));
    EXPECT_THAT(diff, HasSubstr("+ files train.py: 9 bytes, sha256 "));
    EXPECT_THAT(MountedObjects(kept),
                ElementsAre("ConfigMap digits-files, of the job, cannot change",
                            "Secret token, may change"));
    EXPECT_EQ(TemplateDiff(*plain, *plain), "");
    // Two mounts of one volume, and words of a user's that look like ours.
    DLJob sly = job;
    sly.spec.storage = {{"data", "me/bin", "/usr/local/bin", false},
                        {"data", "digits", "/zz", true}};
    for (int i = 0; i < 16; ++i)
        sly.spec.podOverrides.annotations["note-" + std::to_string(i)] =
            std::string(600, 'x') + " hostPath securityContext";
    const std::string both = TemplateDiff(Kept(sly, cluster), *plain);
    EXPECT_THAT(both, HasSubstr(R"(volumeMounts[/usr/local/bin].subPath: "me/bin")"));
    EXPECT_THAT(both, HasSubstr("volumeMounts[/zz]"));
    EXPECT_LT(both.find("containers[main].image"), both.find("note-0"));
    EXPECT_THAT(MountedObjects(Kept(sly, cluster)),
                ::testing::Contains("Folder /mnt/s/storage, may change"));
    job.spec.env.clear();
    for (int i = 0; i < 500; ++i)
        job.spec.env.push_back({"NAME_" + std::to_string(i), std::string(100, 'x'), {}});
    const std::string cut = TemplateDiff(Kept(job, cluster), *plain);
    EXPECT_LE(cut.size(), kMaxDiff);
    EXPECT_THAT(cut, HasSubstr("+ spec.hostNetwork: true"));
    EXPECT_THAT(cut, HasSubstr(" more lines"));
}

}  // namespace
}  // namespace dlws::model
