#include "tools/stream_totals.h"

#include "format/time_units.h"
#include "tools/random.h"

namespace tallymark {
namespace {

void AddAmount(const GeneratedEvent& event, MetricSums* sums) {
  switch (event.kind) {
    case EventKind::kImpression:
      (*sums)[Metric::kImpressions] += 1;
      break;
    case EventKind::kClick:
      (*sums)[Metric::kClicks] += 1;
      break;
    case EventKind::kConversion:
      (*sums)[Metric::kConversions] += 1;
      (*sums)[Metric::kRevenue] += event.revenue_micros;
      break;
  }
}

}  // namespace

uint64_t CellWeight(std::string_view ad_id, int32_t minute, Metric metric) {
  uint64_t hash = 0;
  for (char c : ad_id) hash = Mix64(hash ^ static_cast<uint8_t>(c)) + kGoldenGamma;
  hash = Mix64(hash ^ static_cast<uint32_t>(minute)) + kGoldenGamma;
  return Mix64(hash ^ static_cast<uint64_t>(metric));
}

StreamTotals CountStream(const StreamGenerator& stream, uint64_t first, uint64_t end,
                         std::span<const uint64_t> watched_ads) {
  StreamTotals totals;
  totals.watched.resize(watched_ads.size());
  for (uint64_t i = first; i < end; ++i) {
    LineClass line_class = stream.ClassOf(i);
    totals.duplicates += line_class == LineClass::kDuplicate;
    totals.bad += line_class == LineClass::kBad;
    if (line_class != LineClass::kFresh) continue;
    ++totals.fresh;
    GeneratedEvent event = stream.EventAt(i);
    MetricSums amount;
    AddAmount(event, &amount);
    totals.sums.Add(amount);
    std::string ad_id = StreamGenerator::AdName(event.ad);
    for (int m = 0; m < kMetricCount; ++m) {
      auto metric = static_cast<Metric>(m);
      if (amount[metric] == 0) continue;
      totals.checksum +=
          static_cast<uint64_t>(amount[metric]) * CellWeight(ad_id, MinuteOf(event.time_ns), metric);
    }
    for (size_t w = 0; w < watched_ads.size(); ++w) {
      if (watched_ads[w] == event.ad) totals.watched[w].Add(amount);
    }
  }
  return totals;
}

}  // namespace tallymark
