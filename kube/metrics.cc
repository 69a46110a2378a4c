// SPDX-License-Identifier: Apache-2.0
#include "kube/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <functional>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <unordered_map>
#include <utility>

#include "kube/log.h"

namespace dlws::kube {
namespace {

/// Name and labels as the map holds them, and as a caller shows them.
struct SeriesKey {
    std::string name;
    Metrics::Labels labels;
};
struct SeriesView {
    std::string_view name;
    const Metrics::Labels* labels;
};

SeriesView View(const SeriesKey& key) {
    return {key.name, &key.labels};
}
SeriesView View(const SeriesView& view) {
    return view;
}

struct SeriesHash {
    using is_transparent = void;
    template <typename Key>
    std::size_t operator()(const Key& key) const {
        const SeriesView view = View(key);
        std::hash<std::string_view> hash;
        std::size_t sum = hash(view.name);
        for (const auto& [label, value] : *view.labels)
            sum = sum * 31 + (hash(label) ^ (hash(value) * 17));
        return sum;
    }
};

struct SeriesEqual {
    using is_transparent = void;
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
        return View(a).name == View(b).name && *View(a).labels == *View(b).labels;
    }
};

template <typename Metric>
struct Kind {
    std::unordered_map<SeriesKey, Metric*, SeriesHash, SeriesEqual> series;
    std::unordered_map<std::string, prometheus::Family<Metric>*> families;
};

const prometheus::Histogram::BucketBoundaries& Buckets() {
    static const prometheus::Histogram::BucketBoundaries kBuckets{
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
    return kBuckets;
}

}  // namespace

class Metrics::Impl {
  public:
    void Count(std::string_view name, const Labels& labels, double by) {
        std::lock_guard lock(mutex_);
        auto* counter = Find(counters_, name, labels, &prometheus::BuildCounter);
        if (counter && by >= 0) counter->Increment(by);
    }
    void Set(std::string_view name, const Labels& labels, double value) {
        std::lock_guard lock(mutex_);
        if (auto* gauge = Find(gauges_, name, labels, &prometheus::BuildGauge)) gauge->Set(value);
    }
    void Observe(std::string_view name, const Labels& labels, double seconds) {
        std::lock_guard lock(mutex_);
        auto* histogram = Find(histograms_, name, labels, &prometheus::BuildHistogram, Buckets());
        if (histogram) histogram->Observe(seconds);
    }
    void Describe(std::string_view name, std::string help) {
        std::lock_guard lock(mutex_);
        help_.insert_or_assign(std::string(name), std::move(help));
    }
    std::string Text() const {
        std::ostringstream out;
        prometheus::TextSerializer().Serialize(out, registry_.Collect());
        return std::move(out).str();
    }

  private:
    template <typename Metric, typename Builder, typename... Args>
    Metric* Find(Kind<Metric>& kind, std::string_view name, const Labels& labels, Builder builder,
                 const Args&... args) {
        auto known = kind.series.find(SeriesView{name, &labels});
        if (known != kind.series.end()) return known->second;
        std::string owned(name);
        try {
            auto& family = kind.families[owned];
            if (!family) {
                auto help = help_.find(owned);
                family = &builder()
                              .Name(owned)
                              .Help(help == help_.end() ? owned : help->second)
                              .Register(registry_);
            }
            if (++series_of_name_[owned] > kMaxSeriesPerName)
                throw std::length_error("too many series");
            Metric& metric = family->Add(labels, args...);
            kind.series.emplace(SeriesKey{std::move(owned), labels}, &metric);
            return &metric;
        } catch (const std::exception& error) {
            if (complained_.insert(owned).second)
                LogError("metrics", "metric {} is not recorded: {}", owned, error.what());
            return nullptr;
        }
    }

    mutable std::mutex mutex_;
    prometheus::Registry registry_;
    Kind<prometheus::Counter> counters_;
    Kind<prometheus::Gauge> gauges_;
    Kind<prometheus::Histogram> histograms_;
    std::unordered_map<std::string, std::string> help_;
    std::unordered_map<std::string, std::size_t> series_of_name_;
    std::set<std::string> complained_;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::Count(std::string_view name, const Labels& labels, double by) {
    impl_->Count(name, labels, by);
}
void Metrics::Set(std::string_view name, const Labels& labels, double value) {
    impl_->Set(name, labels, value);
}
void Metrics::Observe(std::string_view name, const Labels& labels, double seconds) {
    impl_->Observe(name, labels, seconds);
}
void Metrics::Describe(std::string_view name, std::string help) {
    impl_->Describe(name, std::move(help));
}
std::string Metrics::Text() const {
    return impl_->Text();
}

}  // namespace dlws::kube
