#ifndef TALLYMARK_FORMAT_EVENT_SCAN_H_
#define TALLYMARK_FORMAT_EVENT_SCAN_H_

#include <cstddef>
#include <cstdint>

#include "format/event_template.h"

namespace tallymark {

inline constexpr size_t kTemplatesMax = 8;
// Bytes indexed at a time: a dozen lines or more, and the index stays in the first-level cache.
inline constexpr uint32_t kWindowBytes = 2048;
inline constexpr uint32_t kWindowStopsMax = kWindowBytes + 12;  // written a dozen at a time

// The state of a run over consecutive lines that match learnt templates. Internal to format.
struct ScanRun {
  const char* text = nullptr;  // of the chunk
  size_t position = 0;         // begin of the next line
  size_t end = 0;              // of the input
  Event* events = nullptr;     // blank ones; the run fills from event_count on
  uint32_t event_count = 0;
  uint32_t event_capacity = 0;
  Extra* extras = nullptr;
  uint32_t extra_count = 0;
  uint32_t extra_capacity = 0;
  const EventTemplate* templates[kTemplatesMax] = {};
  uint64_t last_used[kTemplatesMax] = {};  // which to forget: the smallest
  uint64_t clock = 0;
  uint32_t template_count = 0;
  uint32_t current = 0;  // the one that matched last
  // Offsets of the stops of a window of the text; those before `stop` are of lines behind.
  uint32_t* stops = nullptr;  // room for kWindowStopsMax
  uint32_t stop_count = 0;
  uint32_t stop = 0;
  const Event* blank = nullptr;
  int64_t unit_ns = 1;
  int64_t read_time_ns = 0;  // moves on by the step with each line that takes it
  int64_t read_step_ns = 0;
  int64_t oldest_ns = 0;
  int64_t newest_ns = 0;
};

enum class ScanStop : uint8_t {
  kEnd,      // of the input
  kNoMatch,  // the line at `position` needs the strict path; nothing of it is taken
  kFull,     // no room for another event or its extras
};

// Reads lines from run->position on until one of the stops. At least one template. Whatever is accepted here
// is accepted by the strict path with the same result. Never reads at or past text + end. Identities are left
// to the caller. Two builds of event_scan_impl.h.
ScanStop ScanLinesBaseline(ScanRun* run);
ScanStop ScanLinesAvx2(ScanRun* run);  // only where the CPU has AVX2 and BMI1

using ScanFunction = ScanStop (*)(ScanRun*);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_EVENT_SCAN_H_
