#ifndef TALLYMARK_ENGINE_COUNTED_EVENT_H_
#define TALLYMARK_ENGINE_COUNTED_EVENT_H_

#include <cstdint>
#include <cstdlib>

#include "engine/counter_delta.h"
#include "engine/top_window.h"
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

// An event as far as counting it goes, its times reckoned once for any number of filters: the one
// rule for counting it live, at a restart, for a filter's past and again.
struct CountedEvent {
  uint32_t ad = 0;
  int32_t hour = 0;
  int32_t minute = 0;
  EventKind kind = EventKind::kClick;
  int64_t revenue = 0;  // millionths

  CountedEvent(uint32_t ad_number, int64_t time_ns, EventKind event_kind, int64_t revenue_micros)
      : ad(ad_number),
        hour(HourOf(time_ns)),
        minute(MinuteOf(time_ns)),
        kind(event_kind),
        revenue(revenue_micros) {}
  CountedEvent(uint32_t ad_number, const Event& event)
      : CountedEvent(ad_number, event.time_ns, event.kind, event.has_revenue ? event.revenue_micros : 0) {}

  // Of one cell and without revenue: `other` adds one more of what this one adds.
  bool Repeats(const CountedEvent& other) const {
    return ad == other.ad && minute == other.minute && kind == other.kind && revenue == 0 &&
           other.revenue == 0;
  }

  // Ahead of AddTo, once the row's slot has come.
  void PrefetchIn(const CounterDelta& delta) const {
    delta.PrefetchCell(ad, hour, MinuteInHour(), CountMetric(kind));
  }
  // Adds it and others that repeat it, `times` in all.
  void AddTo(CounterDelta* delta, int64_t times = 1) const {
    delta->Add(ad, hour, MinuteInHour(), CountMetric(kind), times);
    if (revenue != 0) delta->Add(ad, hour, MinuteInHour(), Metric::kRevenue, revenue);
  }
  void AddTo(TopWindow* window, int64_t times = 1) const {
    if (kind == EventKind::kClick) window->Add(ad, minute, times);
  }

 private:
  int MinuteInHour() const { return minute - hour * kMinutesPerHour; }
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_COUNTED_EVENT_H_
