// SPDX-License-Identifier: Apache-2.0
// Render: what becomes of the administrator's podTemplate and of podOverrides; canonical bytes.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <string>

#include "model/names.h"
#include "model/render.h"
#include "model/testing.h"

namespace dlws::model {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

DLCluster Cluster(std::string podTemplate) {
    DLCluster c;
    c.podTemplate = std::move(podTemplate);
    return c;
}

DLJob Job() {
    DLJob job;
    job.meta.name = "digits";
    job.meta.ns = "vision";
    job.meta.uid = "u1";
    job.spec.image = "img:1";
    job.spec.roles = {Role{.name = "worker", .replicas = 2}};
    return job;
}

json::value Pod(const DLJob& job, const DLCluster& cluster) {
    auto r = Render(job, cluster);
    EXPECT_TRUE(r) << r.error().message;
    return r ? json::parse(MakePod(*r, 0, 0, 0)) : json::value{};
}

RenderError ErrorOf(const DLJob& job, const DLCluster& cluster) {
    const auto r = Render(job, cluster);
    EXPECT_FALSE(r);
    return r ? RenderError{} : r.error();
}

TEST(BaseTemplate, IsKept) {
    const json::value pod = Pod(Job(), Cluster(R"({
      "metadata":{"name":"x","namespace":"y","generateName":"z","finalizers":["f"],
        "labels":{"cost":"lab","dlworkspace.io/job":"forged"},"annotations":{"a":"b"}},
      "spec":{"priorityClassName":"training","tolerations":[{"key":"k"}],
        "volumes":[{"name":"ca","configMap":{"name":"ca"}}],
        "imagePullSecrets":[{"name":"admin"}],
        "containers":[
          {"name":"sidecar","image":"s:1"},
          {"name":"main","image":"ignored","command":["ignored"],"args":["ignored"],
           "workingDir":"/admin","imagePullPolicy":"Never",
           "volumeMounts":[{"name":"ca","mountPath":"/ca"}],
           "resources":{"requests":{"cpu":"9","memory":"1Gi","nvidia.com/gpu":"7"},
             "limits":{"ephemeral-storage":"10Gi","nvidia.com/gpu":"7"}}}]}})"));
    EXPECT_EQ(At(pod, "/metadata/name"), R"("digits-worker-0-0")");
    EXPECT_EQ(At(pod, "/metadata/namespace"), R"("vision")");
    EXPECT_EQ(At(pod, "/metadata/generateName"), "(none)");
    EXPECT_EQ(At(pod, "/metadata/finalizers"), "(none)");
    EXPECT_EQ(At(pod, "/metadata/labels/cost"), R"("lab")");
    EXPECT_EQ(At(pod, "/metadata/labels/dlworkspace.io~1job"), R"("digits")");
    EXPECT_EQ(At(pod, "/metadata/annotations/a"), R"("b")");
    EXPECT_EQ(At(pod, "/metadata/annotations/kubectl.kubernetes.io~1default-container"),
              R"("main")");
    EXPECT_EQ(At(pod, "/spec/priorityClassName"), R"("training")");
    EXPECT_EQ(At(pod, "/spec/volumes/0/name"), R"("ca")");
    EXPECT_EQ(At(pod, "/spec/containers/0/name"), R"("main")");
    EXPECT_EQ(At(pod, "/spec/containers/1/name"), R"("sidecar")");
    EXPECT_EQ(At(pod, "/spec/containers/0/image"), R"("img:1")");
    EXPECT_EQ(At(pod, "/spec/containers/0/command"), "(none)");
    EXPECT_EQ(At(pod, "/spec/containers/0/args"), "(none)");
    EXPECT_EQ(At(pod, "/spec/containers/0/workingDir"), R"("/admin")");
    EXPECT_EQ(At(pod, "/spec/containers/0/imagePullPolicy"), R"("Never")");
    EXPECT_EQ(At(pod, "/spec/containers/0/volumeMounts/0/mountPath"), R"("/ca")");
    EXPECT_EQ(
        At(pod, "/spec/containers/0/resources"),
        R"({"requests":{"cpu":"100m","memory":"1Gi"},"limits":{"ephemeral-storage":"10Gi"}})");
}

TEST(BaseTemplate, CannotLoosenSafety) {
    const json::value pod = Pod(Job(), Cluster(R"({"spec":{
      "restartPolicy":"Always","automountServiceAccountToken":true,"hostname":"h","subdomain":"s",
      "securityContext":{"runAsUser":0,"runAsNonRoot":false,"fsGroup":7,
        "seccompProfile":{"type":"Unconfined"}},
      "containers":[{"name":"main","securityContext":{"privileged":true,"runAsUser":0,
        "allowPrivilegeEscalation":true,"capabilities":{"add":["SYS_ADMIN"]},
        "readOnlyRootFilesystem":true}}]}})"));
    EXPECT_EQ(At(pod, "/spec/restartPolicy"), R"("Never")");
    EXPECT_EQ(At(pod, "/spec/automountServiceAccountToken"), "false");
    EXPECT_EQ(At(pod, "/spec/subdomain"), R"("digits")");
    EXPECT_EQ(At(pod, "/spec/securityContext"),
              R"({"runAsUser":1000,"runAsNonRoot":true,"fsGroup":7,)"
              R"("seccompProfile":{"type":"RuntimeDefault"},"runAsGroup":1000})");
    EXPECT_EQ(At(pod, "/spec/containers/0/securityContext"),
              R"({"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false,)"
              R"("capabilities":{"drop":["ALL"]}})");
}

TEST(BaseTemplate, AMistakeIsSaid) {
    const std::pair<const char*, const char*> kCases[] = {
        {"[]", "it must be an object"},
        {R"({"spec":[]})", "spec must be an object"},
        {R"({"metadata":{"labels":{"a":1}}})", "metadata.labels.a must be text"},
        {R"({"spec":{"containers":{"main":{}}}})", "containers must be a list"},
        {R"({"spec":{"containers":["main"]}})", "spec.containers[0] must be an object"},
        {R"({"spec":{"containers":[{"name":"main","env":"A=b"}]}})", "env must be a list"},
        {R"({"spec":{"containers":[{"name":"main","resources":{"limits":[]}}]}})",
         "limits must be an object"},
        {R"({"spec":{"securityContext":7}})", "securityContext must be an object"},
        {"{", "incomplete JSON"},
    };
    for (const auto& [base, expected] : kCases) {
        const RenderError e = ErrorOf(Job(), Cluster(base));
        EXPECT_EQ(e.cls, ReasonClass::Ask) << base;
        EXPECT_EQ(e.reason, "BaseTemplateInvalid") << base;
        EXPECT_THAT(e.message, HasSubstr(expected)) << base;
    }
    EXPECT_EQ(At(Pod(Job(), Cluster(R"({"metadata":null,"spec":null})")), "/spec/hostname"),
              R"("worker-0")");
}

TEST(LostNode, PodsLeaveItAfterAMinuteUnlessTheAdministratorSaysOtherwise) {
    constexpr const char* kNotReady =
        R"({"key":"node.kubernetes.io/not-ready","operator":"Exists",)"
        R"("effect":"NoExecute","tolerationSeconds":60})";
    constexpr const char* kUnreachable =
        R"({"key":"node.kubernetes.io/unreachable","operator":"Exists",)"
        R"("effect":"NoExecute","tolerationSeconds":60})";
    auto tolerations = [](const std::string& own) {
        return At(Pod(Job(), Cluster(R"({"spec":{"tolerations":)" + own + "}}")),
                  "/spec/tolerations");
    };
    const std::string both = fmt::format("{},{}", kNotReady, kUnreachable);
    EXPECT_EQ(At(Pod(Job(), Cluster("")), "/spec/tolerations"), "[" + both + "]");

    const std::string longer = R"({"key":"node.kubernetes.io/unreachable","operator":"Exists",)"
                               R"("effect":"NoExecute","tolerationSeconds":600})";
    EXPECT_EQ(tolerations("[" + longer + "]"), fmt::format("[{},{}]", longer, kNotReady));
    const std::string everything = R"({"operator":"Exists"})";
    EXPECT_EQ(tolerations("[" + everything + "]"), "[" + everything + "]");
    // Of another effect: says nothing of leaving.
    const std::string other =
        R"({"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoSchedule"})";
    EXPECT_EQ(tolerations("[" + other + "]"), fmt::format("[{},{}]", other, both));
}

TEST(Overrides, AddToTheTemplate) {
    DLJob job = Job();
    job.spec.podOverrides = {
        .nodeSelector = {{"zone", "b"}},
        .tolerations = {{"d", "Equal", "t", "NoExecute", 60}, {"e", "Exists", "", "", {}}},
        .labels = {{"team", "vision"}},
        .annotations = {{"purpose", "nightly"}},
        .terminationGracePeriodSeconds = 120};
    job.spec.imagePullSecrets = {"mine", "admin"};
    const json::value pod = Pod(job, Cluster(R"({"metadata":{"labels":{"cost":"lab"}},
      "spec":{"nodeSelector":{"pool":"gpu"},"tolerations":[{"key":"k"}],
      "terminationGracePeriodSeconds":5,"imagePullSecrets":[{"name":"admin"}]}})"));
    EXPECT_EQ(At(pod, "/spec/nodeSelector"), R"({"pool":"gpu","zone":"b"})");
    EXPECT_EQ(At(pod, "/spec/tolerations/0"), R"({"key":"k"})");
    EXPECT_EQ(At(pod, "/spec/tolerations/1"),
              R"({"key":"d","operator":"Equal","value":"t","effect":"NoExecute",)"
              R"("tolerationSeconds":60})");
    EXPECT_EQ(At(pod, "/spec/tolerations/2"), R"({"key":"e","operator":"Exists"})");
    EXPECT_EQ(At(pod, "/metadata/labels/team"), R"("vision")");
    EXPECT_EQ(At(pod, "/metadata/annotations/purpose"), R"("nightly")");
    EXPECT_EQ(At(pod, "/spec/terminationGracePeriodSeconds"), "120");
    EXPECT_EQ(At(pod, "/spec/imagePullSecrets"), R"([{"name":"admin"},{"name":"mine"}])");
}

TEST(Overrides, CannotContradictTheTemplate) {
    const DLCluster cluster =
        Cluster(R"({"metadata":{"labels":{"cost":"lab"}},"spec":{"nodeSelector":{"pool":"gpu"}}})");
    DLJob job = Job();
    job.spec.podOverrides.nodeSelector = {{"pool", "cpu"}};
    RenderError e = ErrorOf(job, cluster);
    EXPECT_EQ(e.cls, ReasonClass::Change);
    EXPECT_EQ(e.reason, "ConflictsWithCluster");
    EXPECT_THAT(e.message, HasSubstr("nodeSelector sets pool to 'cpu'"));
    job.spec.podOverrides.nodeSelector = {{"pool", "gpu"}};
    EXPECT_TRUE(Render(job, cluster));
    job.spec.podOverrides.labels = {{"cost", "other"}};
    EXPECT_EQ(ErrorOf(job, cluster).reason, "ConflictsWithCluster");
}

TEST(Overrides, CannotTouchReservedKeys) {
    for (std::string_view key : {"dlworkspace.io/job", "x.kubernetes.io/y"}) {
        DLJob job = Job();
        job.spec.podOverrides.labels = {{std::string(key), "x"}};
        EXPECT_EQ(ErrorOf(job, Cluster("")).reason, "SpecInvalid") << key;
        job.spec.podOverrides.labels.clear();
        job.spec.podOverrides.annotations = {{std::string(key), "x"}};
        EXPECT_EQ(ErrorOf(job, Cluster("")).reason, "SpecInvalid") << key;
    }
    DLJob job = Job();
    job.spec.podOverrides.nodeSelector = {{"kubernetes.io/hostname", "n1"}};
    EXPECT_TRUE(Render(job, Cluster("")));
}

TEST(MakePod, ChangesOnlyWhatBelongsToAPod) {
    DLJob job = Job();
    job.spec.framework = Framework::Torch;
    const auto r = Render(job, Cluster(""));
    ASSERT_TRUE(r);
    json::value a = json::parse(MakePod(*r, 0, 0, 0)), b = json::parse(MakePod(*r, 0, 1, 4));
    for (json::value* pod : {&a, &b}) {
        json::object& meta = pod->at("metadata").as_object();
        meta.erase("name");
        meta["labels"].as_object().erase(kIndexLabel);
        meta["labels"].as_object().erase(kAttemptLabel);
        json::object& spec = pod->at("spec").as_object();
        spec.erase("hostname");
        json::array& env = spec["containers"].at(0).at("env").as_array();
        const auto own = [](const json::value& e) {
            const std::string_view name = e.at("name").as_string();
            return name == "RANK" || name == "PET_NODE_RANK" || name == "DLWS_INDEX" ||
                   name == "DLWS_ATTEMPT" || name == "DLWS_FENCE" || name == "DLWS_POD_FENCE";
        };
        env.erase(std::remove_if(env.begin(), env.end(), own), env.end());
    }
    EXPECT_EQ(a, b);
}

// Name and key of each fence that the pod reads, by variable.
std::map<std::string, std::string> Fences(const DLJob& job, PodAttempt attempt) {
    std::map<std::string, std::string> fences;
    const json::value pod = json::parse(MakePod(*Render(job, Cluster("")), 0, 0, attempt));
    for (const json::value& v : pod.at_pointer("/spec/containers/0/env").as_array()) {
        if (!v.as_object().contains("valueFrom")) continue;
        const json::value& key = v.at_pointer("/valueFrom/configMapKeyRef");
        EXPECT_FALSE(key.as_object().contains("optional"));
        fences[std::string(v.at("name").as_string())] = fmt::format(
            "{} {}", key.at("name").as_string().c_str(), key.at("key").as_string().c_str());
    }
    return fences;
}

TEST(MakePod, ReadsTheFenceOfItsGangAndWhereReplacedAloneItsOwn) {
    DLJob job = Job();
    const std::string name = job.meta.name, uid = job.meta.uid;
    using Map = std::map<std::string, std::string>;
    EXPECT_EQ(Fences(job, 2), (Map{{"DLWS_FENCE", name + "-attempt-2 " + uid}}));
    job.spec.retry.scope = RetryScope::Pod;
    EXPECT_EQ(Fences(job, {3, 1}),
              (Map{{"DLWS_FENCE", name + "-attempt-1 " + uid},
                   {"DLWS_POD_FENCE", PodName(name, job.spec.roles[0].name, 0, 3) + " " + uid}}));
}

TEST(Canonical, EqualRenderingsHaveEqualBytes) {
    const DLCluster one = Cluster(R"({"spec":{"priority":1,"dnsConfig":{"c":2,"d":[3,1]}}})");
    const DLCluster turned = Cluster(R"({"spec":{"dnsConfig":{"d":[3,1],"c":2},"priority":1}})");
    const DLCluster other = Cluster(R"({"spec":{"dnsConfig":{"d":[1,3],"c":2},"priority":1}})");
    const auto bytes = [](const DLCluster& c) { return CanonicalBytes(*Render(Job(), c)); };
    EXPECT_EQ(bytes(one), bytes(turned));
    EXPECT_NE(bytes(one), bytes(other));
    DLJob job = Job();
    job.spec.roles[0].replicas = 3;
    EXPECT_NE(CanonicalBytes(*Render(job, one)), bytes(one));
    EXPECT_EQ(json::serialize(json::parse(bytes(one))), bytes(one));
}

TEST(Canonical, Sha256) {
    EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace dlws::model
