// SPDX-License-Identifier: Apache-2.0
#include "cli/manifest.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstring>

namespace dlws::cli {
namespace {

const char* Variable(const char* name) {
    return std::strcmp(name, "TOKEN") == 0 ? "from-here" : nullptr;
}

std::string Make(std::vector<std::string> args, const std::vector<SubmittedFile>& files = {}) {
    args.insert(args.begin(), "submit");
    try {
        return boost::json::serialize(MakeManifest(Parse(args), files, &Variable));
    } catch (const Failure& failure) {
        EXPECT_EQ(failure.code, kCommandLine);
        return failure.text;
    }
}

TEST(Manifest, OfAScript) {
    EXPECT_EQ(
        Make({"train.py", "--image", "torch:2", "--gpus", "8", "--", "--epochs", "10"},
             {{"src/train.py", "print(1)\n"}}),
        R"({"apiVersion":"dlworkspace.io/v1","kind":"DLJob","metadata":{"generateName":"train-"},)"
        R"("spec":{"image":"torch:2","command":["python3","/job/train.py"],"args":["--epochs","10"],)"
        R"("roles":[{"name":"worker","gpus":8}],"files":[{"name":"train.py","content":"print(1)\n"}]}})");
}

TEST(Manifest, OfACommandWithEverything) {
    EXPECT_EQ(
        Make({"--image",     "i",
              "--name",      "digits",
              "--replicas",  "2",
              "--gpu-type",  "A100",
              "--cpu",       "8",
              "--memory",    "64Gi",
              "--shm",       "8Gi",
              "--framework", "Torch",
              "-e",          "A=b=c",
              "-e",          "TOKEN",
              "--storage",   "data/digits/v1:/data:ro",
              "--storage",   "work:/work",
              "--retries",   "3",
              "--deadline",  "8h",
              "--workdir",   "/work",
              "--",          "python3",
              "-m",          "x"}),
        R"({"apiVersion":"dlworkspace.io/v1","kind":"DLJob","metadata":{"name":"digits"},)"
        R"("spec":{"image":"i","command":["python3","-m","x"],"workingDir":"/work","framework":"Torch",)"
        R"("roles":[{"name":"worker","replicas":2,"gpuType":"A100",)"
        R"("resources":{"cpu":"8","memory":"64Gi","shm":"8Gi"}}],)"
        R"("env":[{"name":"A","value":"b=c"},{"name":"TOKEN","value":"from-here"}],)"
        R"("storage":[{"name":"data","path":"digits/v1","mountPath":"/data","readOnly":true},)"
        R"({"name":"work","mountPath":"/work"}],"retry":{"limit":3},"activeDeadlineSeconds":28800}})");
}

std::string CommandIn(const std::string& manifest) {
    boost::system::error_code error;
    const auto value = boost::json::parse(manifest, error);
    return error ? manifest : boost::json::serialize(value.at_pointer("/spec/command"));
}

TEST(Manifest, ScriptsAreRunByWhatTheyAre) {
    EXPECT_EQ(CommandIn(Make({"a.sh", "--image", "i"}, {{"a.sh", "echo"}})),
              R"(["bash","/job/a.sh"])");
    EXPECT_EQ(CommandIn(Make({"a.sh", "--image", "i"}, {{"a.sh", "#!/bin/dash\n"}})),
              R"(["/job/a.sh"])");
    EXPECT_EQ(CommandIn(Make({"a.py", "--image", "i", "--run-with", "torchrun --nproc-per-node 8"},
                             {{"a.py", ""}})),
              R"(["torchrun","--nproc-per-node","8","/job/a.py"])");
    EXPECT_EQ(CommandIn(Make({"a.jl", "--image", "i"}, {{"a.jl", ""}})),
              "how is a.jl run? Write --run-with, for example --run-with julia");
    EXPECT_NE(Make({"run", "--image", "i"}, {{"run", "#!/bin/sh\n"}}).find("\"mode\":365"),
              std::string::npos);
}

TEST(Manifest, NamesAreMadeOfTheScripts) {
    const auto name = [](const char* file) {
        const std::string made = Make({file, "--image", "i"}, {{file, "#!x"}});
        return boost::json::serialize(boost::json::parse(made).at_pointer("/metadata"));
    };
    EXPECT_EQ(name("Train_ResNet.v2.py"), R"({"generateName":"train-resnet-v2-"})");
    EXPECT_EQ(name("2024.py"), R"({"generateName":"job-"})");
    EXPECT_EQ(name((std::string(60, 'a') + ".py").c_str()),
              R"({"generateName":")" + std::string(30, 'a') + R"(-"})");
}

TEST(Manifest, RefusesWithWhatToWriteInstead) {
    EXPECT_EQ(Make({"--image", "i"}),
              "what shall run? Write a script, a command after --, or -f job.yaml");
    EXPECT_EQ(Make({"a.py"}, {{"a.py", ""}}),
              "in which image? Write --image, for example --image python:3.12");
    EXPECT_EQ(Make({"a.py", "--image", "i"}, {{"a.py", "\xff\xfe"}}),
              "a.py is no text in UTF-8; put it into the image or on shared storage");
    EXPECT_EQ(Make({"a.py", "--image", "i"}, {{"a.py", std::string(kMaxFileBytes + 1, 'x')}}),
              "with a.py the job's files are over 262144 bytes together; put large ones into the "
              "image or on shared storage");
    EXPECT_EQ(Make({"a.py", "--image", "i"}, {{"a.py", ""}, {"lib/a.py", ""}}),
              "two of the files are named a.py; they all lie in /job");
    EXPECT_EQ(Make({"a b.py", "--image", "i"}, {{"a b.py", ""}}).substr(0, 8), "a b.py: ");
    EXPECT_EQ(Make({"--image", "i", "-e", "HOME", "--", "x"}),
              "--env HOME: it is not set here; write --env HOME=VALUE");
    EXPECT_EQ(Make({"--image", "i", "--storage", "data", "--", "x"}).substr(0, 21),
              "--storage data: write");
}

std::string LookAt(const std::string& text) {
    try {
        const ManifestAbout about = LookAtManifest(text, "job.yaml");
        return about.ns + "/" + about.name + (about.json ? " json" : "");
    } catch (const Failure& failure) {
        return failure.text;
    }
}

TEST(Manifest, OfAFileIsLookedAtAndLeftAsItIs) {
    EXPECT_EQ(LookAt("metadata: {name: a, namespace: b}\n"), "b/a");
    EXPECT_EQ(LookAt("# none\nspec: {}\n"), "/");
    EXPECT_EQ(LookAt(R"({"metadata": {"name": "a"}})"), "/a json");
    EXPECT_EQ(LookAt("---\na: 1\n---\n"), "/");
    EXPECT_EQ(LookAt("a: 1\n---\nb: 2\n"),
              "job.yaml holds 2 documents; submit each from a file of its own");
    EXPECT_EQ(LookAt(""), "job.yaml is empty");
    EXPECT_EQ(LookAt("- a\n"), "job.yaml is no DLJob: it is no map");
    EXPECT_EQ(LookAt("a: 1\nb: [1\n").substr(0, 21), "job.yaml is not YAML:");
}

}  // namespace
}  // namespace dlws::cli
