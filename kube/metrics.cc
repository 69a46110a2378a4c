// SPDX-License-Identifier: Apache-2.0
#include "kube/metrics.h"

#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <cmath>
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

// The text format's own escapes; a quote is escaped in label values only.
void AppendEscaped(std::string& out, std::string_view text, bool quotes) {
    for (char c : text) {
        if (c == '\n') {
            out += "\\n";
            continue;
        }
        if (c == '\\' || (quotes && c == '"')) out += '\\';
        out += c;
    }
}

}  // namespace

bool Samples::Family(std::string_view name, Type type, std::string_view help) {
    name_.clear();
    // A family that is there twice makes Prometheus refuse the whole scrape.
    if (!taken_.emplace(name).second) {
        LogError("metrics", "{} is collected twice", name);
        return false;
    }
    name_ = name;
    fmt::format_to(std::back_inserter(out_), "# HELP {} ", name);
    AppendEscaped(out_, help, false);
    fmt::format_to(std::back_inserter(out_), "\n# TYPE {} {}\n", name,
                   type == kGauge ? "gauge" : "counter");
    return true;
}

void Samples::Add(std::initializer_list<std::pair<std::string_view, std::string_view>> labels,
                  double value) {
    if (name_.empty()) return;
    out_ += name_;
    char before = '{';
    for (const auto& [label, text] : labels) {
        out_ += before;
        out_ += label;
        out_ += "=\"";
        AppendEscaped(out_, text, true);
        out_ += '"';
        before = ',';
    }
    if (before == ',') out_ += '}';
    constexpr double kWhole = 1e15;  // every whole number below has its digits in a double
    if (std::trunc(value) == value && std::abs(value) < kWhole)
        fmt::format_to(std::back_inserter(out_), " {}\n", (long long)value);
    else
        fmt::format_to(std::back_inserter(out_), " {}\n", value);
}

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
        if (auto* histogram = FindHistogram(name, labels)) histogram->Observe(seconds);
    }
    void Prepare(std::string_view name, const Labels& labels) {
        std::lock_guard lock(mutex_);
        FindHistogram(name, labels);
    }
    void Describe(std::string_view name, std::string help, std::vector<double> buckets) {
        std::lock_guard lock(mutex_);
        help_.insert_or_assign(std::string(name), std::move(help));
        if (!buckets.empty()) buckets_.insert_or_assign(std::string(name), std::move(buckets));
    }
    void AddCollector(Collector collector) {
        std::lock_guard lock(mutex_);
        collectors_.push_back(std::move(collector));
    }
    std::string Text() const {
        std::vector<prometheus::MetricFamily> families;
        std::vector<Collector> collectors;
        {
            std::lock_guard lock(mutex_);
            families = registry_.Collect();
            collectors = collectors_;
        }
        std::ostringstream out;
        prometheus::TextSerializer().Serialize(out, families);
        std::string text = std::move(out).str();
        std::set<std::string, std::less<>> taken;
        for (const auto& family : families)
            taken.insert(family.name);
        Samples samples(text, taken);
        for (const Collector& collector : collectors)
            collector(samples);
        return text;
    }

  private:
    prometheus::Histogram* FindHistogram(std::string_view name, const Labels& labels) {
        auto own = buckets_.find(name);
        return Find(histograms_, name, labels, &prometheus::BuildHistogram,
                    own == buckets_.end() ? Buckets() : own->second);
    }
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
    std::map<std::string, std::vector<double>, std::less<>> buckets_;
    std::vector<Collector> collectors_;
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
void Metrics::Prepare(std::string_view name, const Labels& labels) {
    impl_->Prepare(name, labels);
}
void Metrics::Describe(std::string_view name, std::string help, std::vector<double> buckets) {
    impl_->Describe(name, std::move(help), std::move(buckets));
}
void Metrics::AddCollector(Collector collector) {
    impl_->AddCollector(std::move(collector));
}
std::string Metrics::Text() const {
    return impl_->Text();
}

}  // namespace dlws::kube
