// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/crypto.h>

#include <string>
#include <utility>

namespace dlws::portal {

/// A string that must not be shown: it has no formatter and no operator<<, so it reaches no log by
/// accident, and its memory is wiped when it goes. A plain value otherwise.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string bytes) : bytes_(std::move(bytes)) {}
    Secret(const Secret&) = default;
    Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.Wipe(); }
    Secret& operator=(Secret other) noexcept {
        bytes_.swap(other.bytes_);  // the old bytes are wiped with `other`
        return *this;
    }
    ~Secret() { Wipe(); }

    const std::string& Reveal() const { return bytes_; }
    bool Empty() const { return bytes_.empty(); }

  private:
    void Wipe() noexcept {
        bytes_.resize(bytes_.capacity());
        OPENSSL_cleanse(bytes_.data(), bytes_.size());
        bytes_.clear();
    }

    std::string bytes_;
};

}  // namespace dlws::portal
