// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <expected>
#include <string>

/// @file
/// The key pair with which the pods of one job reach one another over ssh.
///
///     auto keys = MakeSshKeys();
///     if (!keys) return Complain(keys.error());
///     body = model::MakeSshSecret(meta, keys->private_key, keys->public_key);   // never logged
///
/// Source: RFC 8709 (ssh-ed25519), openssh-portable/PROTOCOL.key (the private key's file).

namespace dlws::job {

struct SshKeys {
    std::string private_key;  ///< an OpenSSH private key file, without a passphrase
    std::string public_key;   ///< "ssh-ed25519 AAAA…"
};

/// A new pair, from the system's randomness. Error: what OpenSSL lacks, in a sentence.
std::expected<SshKeys, std::string> MakeSshKeys();

/// The pair of an Ed25519 seed (RFC 8032's private key). Pure.
std::expected<SshKeys, std::string> SshKeysFromSeed(const std::array<unsigned char, 32>& seed);

}  // namespace dlws::job
