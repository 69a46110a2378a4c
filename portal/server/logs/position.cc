// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/position.h"

#include <algorithm>
#include <limits>

#include "kube/base64.h"

namespace dlws::portal {
namespace {

constexpr char kVersion = 1;
constexpr int kMaxRank = 9999;

/// FNV-1a, 32 bits: not against forgery, which gains nothing, but against mixing up.
std::uint32_t HashOf(std::string_view text) {
    std::uint32_t hash = 2166136261u;
    for (const char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash;
}

void Put(std::uint64_t number, std::string& out) {
    for (; number >= 0x80; number >>= 7)
        out.push_back(char(number | 0x80));
    out.push_back(char(number));
}

bool Take(std::string_view& in, std::uint64_t& number) {
    number = 0;
    for (int shift = 0; shift < 63 && !in.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(in[0]);
        in.remove_prefix(1);
        number |= std::uint64_t(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

bool Take(std::string_view& in, std::uint64_t& number, std::uint64_t most) {
    return Take(in, number) && number <= most;
}

}  // namespace

void LogPosition::Advance(const LogLine& line) {
    if (!line.begins) return;
    if (!line.counted) {
        ++extras;
        return;
    }
    extras = 0;
    if (line.time > time) {
        time = line.time;
        count = 0;
    }
    ++count;
}

bool Resume::Told(const LogLine& line) {
    if (line.begins) told_ = ToldBefore(line);
    return told_;
}

bool Resume::ToldBefore(const LogLine& line) {
    if (!met_ && position_.count == 0 && position_.time == 0) met_ = true;  // from the start
    if (!met_) {
        if (!line.counted || line.time < position_.time) return true;
        met_ = true;
        lost_ = position_.count > 0 && line.time > position_.time;
        if (lost_) counted_ = position_.count;
    }
    if (counted_ < position_.count) {
        if (line.counted) ++counted_;
        return true;
    }
    if (line.counted || extras_ == position_.extras) {
        extras_ = position_.extras;
        return false;
    }
    ++extras_;
    return true;
}

std::string EncodeLogCursor(const std::vector<RankPosition>& ranks, std::string_view about) {
    std::string out(1, kVersion);
    const std::uint32_t hash = HashOf(about);
    for (int shift = 0; shift < 32; shift += 8)
        out.push_back(char(hash >> shift));
    model::LogMicros latest = 0;
    for (const RankPosition& rank : ranks)
        latest = std::max(latest, rank.at.time);
    Put(std::uint64_t(latest), out);
    int before = 0;
    for (const RankPosition& rank : ranks) {
        Put(std::uint64_t(rank.rank - before), out);
        before = rank.rank;
        Put(std::uint64_t(rank.attempt), out);
        Put(std::uint64_t(latest - rank.at.time), out);
        Put(std::uint64_t(rank.at.count) << 1 | (rank.at.extras > 0 ? 1 : 0), out);
        if (rank.at.extras > 0) Put(rank.at.extras, out);
    }
    return kube::EncodeBase64Url(out);
}

std::optional<std::vector<RankPosition>> DecodeLogCursor(std::string_view cursor,
                                                         std::string_view about) {
    if (cursor.size() > kMaxLogCursor) return std::nullopt;
    const auto bytes = kube::DecodeBase64Url(cursor);
    if (!bytes) return std::nullopt;
    std::string_view in = *bytes;
    constexpr std::size_t kHead = 5;
    if (in.size() < kHead || in[0] != kVersion) return std::nullopt;
    std::uint32_t hash = 0;
    for (std::size_t i = 0; i < 4; ++i)
        hash |= std::uint32_t(static_cast<unsigned char>(in[i + 1])) << (8 * i);
    if (hash != HashOf(about)) return std::nullopt;
    in.remove_prefix(kHead);

    constexpr std::uint64_t kMostTime = std::uint64_t(1) << 60;
    constexpr std::uint64_t kMostCount = std::numeric_limits<std::uint32_t>::max();
    std::uint64_t latest = 0;
    if (!Take(in, latest, kMostTime)) return std::nullopt;
    std::vector<RankPosition> ranks;
    int before = 0;
    while (!in.empty()) {
        std::uint64_t rank = 0, attempt = 0, behind = 0, count = 0, extras = 0;
        if (!Take(in, rank, kMaxRank) || !Take(in, attempt, 999'999'999) ||
            !Take(in, behind, latest) || !Take(in, count, kMostCount << 1 | 1))
            return std::nullopt;
        if ((count & 1) != 0 && !Take(in, extras, kMostCount)) return std::nullopt;
        RankPosition one;
        one.rank = before + int(rank);
        if (one.rank > kMaxRank || ranks.size() == kMaxLogRanks || (!ranks.empty() && rank == 0))
            return std::nullopt;
        before = one.rank;
        one.attempt = int(attempt);
        one.at.time = model::LogMicros(latest - behind);
        one.at.count = std::uint32_t(count >> 1);
        one.at.extras = std::uint32_t(extras);
        ranks.push_back(one);
    }
    return ranks;
}

}  // namespace dlws::portal
