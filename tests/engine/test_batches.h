#ifndef TALLYMARK_TESTS_ENGINE_TEST_BATCHES_H_
#define TALLYMARK_TESTS_ENGINE_TEST_BATCHES_H_

#include <memory>
#include <vector>

#include "engine/batch.h"
#include "format/time_units.h"

namespace tallymark {

// What counters and blocks keep of an event.
struct TestEvent {
  uint32_t ad = 0;
  int64_t time_ns = 0;
  EventKind kind = EventKind::kClick;
  int64_t revenue_micros = 0;
};

// A batch with the chunk that its rows point into. Not encoded yet.
struct TestBatch {
  explicit TestBatch(const std::vector<TestEvent>& events) {
    chunk.events.resize(events.size());
    for (size_t i = 0; i < events.size(); ++i) {
      Event& event = chunk.events[i];
      event.time_ns = events[i].time_ns;
      event.kind = events[i].kind;
      event.has_revenue = events[i].revenue_micros != 0;
      event.revenue_micros = events[i].revenue_micros;
      batch.rows.push_back(
          {{&chunk, &event, events[i].ad}, HourOf(events[i].time_ns), static_cast<uint32_t>(i)});
    }
  }
  TestBatch(const TestBatch&) = delete;
  TestBatch& operator=(const TestBatch&) = delete;

  EventChunk chunk;
  Batch batch;
};

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_ENGINE_TEST_BATCHES_H_
