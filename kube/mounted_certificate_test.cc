// SPDX-License-Identifier: Apache-2.0
#include "kube/mounted_certificate.h"

#include <gtest/gtest.h>

#include <fstream>

#include "kube/certificates.h"

namespace dlws::kube {
namespace {

namespace fs = std::filesystem;
using Moment = std::chrono::sys_seconds;

const std::string kName = "hook.dlws-system.svc";

class MountedCertificateTest : public ::testing::Test {
  protected:
    static fs::path NewFolder() {
        std::string made = fs::temp_directory_path() / "certificates-XXXXXX";
        return mkdtemp(made.data());
    }
    ~MountedCertificateTest() override { fs::remove_all(folder_); }

    PemPair Pair(Moment to, const std::string& name = kName) {
        return IssueCertificate(MakeAuthority("a", {Moment{}, to}), name, {.names = {name}},
                                {Moment{}, to});
    }
    /// As the kubelet does: files into a folder of their own, then `..data` means that one.
    void Mount(const PemPair& pair) {
        const fs::path next = folder_ / ("..version-" + std::to_string(++version_));
        fs::create_directory(next);
        std::ofstream(next / "tls.crt") << pair.certificate;
        std::ofstream(next / "tls.key") << pair.key;
        fs::create_directory_symlink(next.filename(), folder_ / "..data_tmp");
        fs::rename(folder_ / "..data_tmp", folder_ / "..data");
        for (const char* file : {"tls.crt", "tls.key"})
            if (!fs::is_symlink(folder_ / file))
                fs::create_symlink(fs::path("..data") / file, folder_ / file);
    }

    const fs::path folder_ = NewFolder();
    int version_ = 0;
    const Moment soon_{std::chrono::seconds(2'000'000'000)};
    ServerTls tls_;
    MountedCertificate mounted_{tls_, folder_, kName};
};

TEST_F(MountedCertificateTest, ShowsWhatIsThereAndWhatFollows) {
    EXPECT_FALSE(mounted_.Look());
    EXPECT_FALSE(mounted_.Ready());
    Mount(Pair(soon_));
    EXPECT_TRUE(mounted_.Look());
    EXPECT_TRUE(mounted_.Ready());
    EXPECT_EQ(mounted_.Expires(), soon_);
    const auto first = tls_.Current();
    ASSERT_TRUE(first);
    EXPECT_TRUE(mounted_.Look());
    EXPECT_EQ(tls_.Current(), first) << "nothing new";
    const Moment later = soon_ + std::chrono::hours(1);
    Mount(Pair(later));
    EXPECT_TRUE(mounted_.Look());
    EXPECT_NE(tls_.Current(), first);
    EXPECT_EQ(mounted_.Expires(), later);
}

TEST_F(MountedCertificateTest, WithoutANameItMayBeForAnybody) {
    Mount(Pair(soon_, "dlws.example.org"));
    EXPECT_FALSE(mounted_.Look());
    MountedCertificate any(tls_, folder_, "");
    EXPECT_TRUE(any.Look());
}

// While the kubelet is at it, one name may mean the old folder and the other the new one.
TEST_F(MountedCertificateTest, BothFilesAreOfOneVersion) {
    Mount(Pair(soon_));
    Mount(Pair(soon_));
    fs::remove(folder_ / "tls.key");
    fs::create_symlink("..version-1/tls.key", folder_ / "tls.key");
    EXPECT_TRUE(mounted_.Look());
}

TEST_F(MountedCertificateTest, WhatCannotBeUsedChangesNothing) {
    const PemPair good = Pair(soon_);
    Mount(good);
    ASSERT_TRUE(mounted_.Look());
    const auto shown = tls_.Current();
    const PemPair other = Pair(soon_);
    for (const PemPair& bad :
         {PemPair{other.certificate, good.key}, PemPair{"", ""},
          Pair(soon_, "other.dlws-system.svc"),
          PemPair{other.certificate, other.key + std::string(64 << 10, '\n')}}) {
        Mount(bad);
        EXPECT_FALSE(mounted_.Look());
        EXPECT_EQ(tls_.Current(), shown);
        EXPECT_TRUE(mounted_.Ready());
    }
    fs::remove(folder_ / "..data");
    EXPECT_FALSE(mounted_.Look());
    EXPECT_EQ(tls_.Current(), shown);
    Mount(other);
    EXPECT_TRUE(mounted_.Look());
    EXPECT_NE(tls_.Current(), shown);
}

}  // namespace
}  // namespace dlws::kube
