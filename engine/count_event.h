#ifndef TALLYMARK_ENGINE_COUNT_EVENT_H_
#define TALLYMARK_ENGINE_COUNT_EVENT_H_

#include <cstdint>
#include <cstdlib>

#include "engine/counter_delta.h"
#include "format/event_chunk.h"
#include "format/hour_row.h"
#include "format/time_units.h"

namespace tallymark {

// The metric that an event of this kind adds one to.
inline Metric CountMetric(EventKind kind) {
  switch (kind) {
    case EventKind::kImpression:
      return Metric::kImpressions;
    case EventKind::kClick:
      return Metric::kClicks;
    case EventKind::kConversion:
      return Metric::kConversions;
  }
  std::abort();
}

// What one event is to the counters: the one rule for counting it live, at a restart and again.
inline void CountEvent(uint32_t ad, int64_t time_ns, EventKind kind, int64_t revenue_micros,
                       CounterDelta* delta) {
  const int32_t hour = HourOf(time_ns);
  const int cell = MinuteOf(time_ns) - hour * kMinutesPerHour;
  delta->Add(ad, hour, cell, CountMetric(kind), 1);
  if (revenue_micros != 0) delta->Add(ad, hour, cell, Metric::kRevenue, revenue_micros);
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_COUNT_EVENT_H_
