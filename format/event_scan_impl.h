// The body of ScanLines*, compiled once for each instruction set: event_scan_baseline.cc and
// event_scan_avx2.cc define the vector type and include this file, once each. No include guard
// and an unnamed namespace, on purpose. Nothing here may instantiate a library template or define
// an inline function with a linker-visible name: the linker would keep one copy of it for the whole
// program, perhaps the one with AVX2 instructions.
//
// Two ways to read a line. The quick one works on an index of a window of the text: the places of
// all bytes that are anything but plain inside a value. A shape knows how many of them each of its
// literals has, so every value's end is found in the index without looking at the value, no line
// waits for the one before it, and the CPU works on several at once. Values that hold such bytes
// themselves (a space in a string) upset the count; those lines, and those at the end of the input,
// are read value after value.

#include "format/event_scan_values.h"

namespace tallymark {
namespace {

// One line being taken apart.
struct Line {
  ScanRun* run;
  Event* event;
  Extra* extras;
};

[[gnu::always_inline]] inline bool TakeValue(const Line& line, const TemplateSlot& slot, const char* literal,
                                             const char* p, size_t size) {
  const ScanRun& run = *line.run;
  auto offset = static_cast<uint32_t>(p - run.text);
  if (slot.target < kFieldCount) {
    if (size == 0 && slot.empty_is_absent) return true;
    if (slot.target == static_cast<uint8_t>(Field::kIp) && !TakeIp(p, run.text + run.end, size, line.event))
      return false;
    line.event->offset.begin()[slot.target] = offset;
    line.event->size.begin()[slot.target] = static_cast<uint16_t>(size);
    return true;
  }
  if (slot.target == kRevenueTarget) {
    line.event->has_revenue = true;
    return ReadMicros(p, size, &line.event->revenue_micros);
  }
  Extra& extra = line.extras[slot.extra_rank];
  extra.name_offset = static_cast<uint32_t>(literal - run.text) + slot.name_begin;
  extra.name_size = slot.name_size;
  extra.value_offset = offset;
  extra.value_size = static_cast<uint16_t>(size);
  return true;
}

[[gnu::always_inline]] inline const char* TakeTime(const ScanRun& run, const char* p, const char* end,
                                                   int64_t* time_ns) {
  auto size = static_cast<size_t>(end - p);
  uint64_t units = 0;
  if (size == 19 && AreDigits19(p)) {  // nanoseconds of these decades, and nothing behind them
    units = Digits19(p);
  } else {
    const char* stop = Scan<Until::kNonDigit>(p, end);
    size = static_cast<size_t>(stop - p);
    if (size == 0 || size > 19) return nullptr;
    units = Digits(p, size);
  }
  if (units > static_cast<uint64_t>(INT64_MAX)) return nullptr;
  if (__builtin_mul_overflow(static_cast<int64_t>(units), run.unit_ns, time_ns)) return nullptr;
  return p + size;
}

// The begin of the next line, or null where the line does not end at p.
inline const char* TakeLineEnd(const char* p, const char* end) {
  if (p == end) return p;
  if (*p == '\n') return p + 1;
  if (*p != '\r') return nullptr;
  if (p + 1 == end) return end;
  return p[1] == '\n' ? p + 2 : nullptr;
}

inline bool IsAdAllowed(const char* text, EventKind kind, const Event& event) {
  constexpr uint8_t kAd = static_cast<uint8_t>(Field::kAdId);
  uint16_t size = event.size.begin()[kAd];
  if (size == kAbsent) {
    return kind == EventKind::kConversion &&
           event.size.begin()[static_cast<uint8_t>(Field::kClickId)] != kAbsent;
  }
  return size != sizeof(kReservedAd) - 1 ||
         !EqualBytes(text + event.offset.begin()[kAd], kReservedAd, sizeof(kReservedAd) - 1);
}

// Behind the tail: the time, which ends at or before `time_end`, the rules that concern the whole
// line, the line end. The begin of the next line, or null.
[[gnu::always_inline]] inline const char* FinishLine(ScanRun* run, const EventTemplate& shape, const char* p,
                                                     const char* time_end, Event* event) {
  int64_t time_ns = run->read_time_ns;
  if (shape.has_time) {
    p = TakeTime(*run, p, time_end, &time_ns);
    if (p == nullptr) return nullptr;
  }
  if (time_ns < run->oldest_ns || time_ns > run->newest_ns) return nullptr;
  if (!IsAdAllowed(run->text, shape.kind, *event)) return nullptr;
  event->time_ns = time_ns;
  event->kind = shape.kind;
  event->extra_begin = run->extra_count;
  event->extra_count = shape.extra_count;
  const char* next = TakeLineEnd(p, run->text + run->end);
  if (!shape.has_time && next != nullptr) run->read_time_ns += run->read_step_ns;
  return next;
}

// The begin of the next line, or null where this one is not of the shape or not plainly
// acceptable; *event is then dirty.
// NOLINTNEXTLINE(misc-definitions-in-headers): included once a file, on purpose
[[gnu::noinline]] static const char* TakeLine(ScanRun* run, const EventTemplate& shape, const char* p,
                                              Event* event) {
  const char* end = run->text + run->end;
  Line line{run, event, run->extras + run->extra_count};
  for (uint32_t i = 0; i < shape.slot_count; ++i) {
    const TemplateSlot& slot = shape.slots[i];
    if (!StartsWith(p, end, slot.before)) return nullptr;
    const char* value = p + slot.before.size;
    const char* stop = ScanValue(slot.type, value, end);
    if (stop == nullptr || stop - value > slot.value_min + slot.value_span) return nullptr;
    if (!TakeValue(line, slot, p, value, static_cast<size_t>(stop - value))) return nullptr;
    p = stop;
  }
  if (!StartsWith(p, end, shape.tail)) return nullptr;
  return FinishLine(run, shape, p + shape.tail.size, end, event);
}

// As StartsWith, where kLiteralBytesMax bytes can be read at p.
[[gnu::always_inline]] inline bool StartsWithInside(const char* p, const Literal& literal) {
  if ((~EqualBits16(p, literal.bytes) & literal.first_mask) != 0) return false;
  return literal.size <= 16 || EqualBytes(p + 16, literal.bytes + 16, literal.size - 16u);
}

// As TakeLine, with the places of the line's stops and kLiteralBytesMax bytes to read behind it.
[[gnu::always_inline]] inline const char* TakeIndexedLine(ScanRun* run, const EventTemplate& shape,
                                                          const uint32_t* stops, const char* p,
                                                          Event* event) {
  const char* const text = run->text;
  Line line{run, event, run->extras + run->extra_count};
  for (const TemplateSlot *slot = shape.slots, *last = slot + shape.slot_count; slot != last; ++slot) {
    if (!StartsWithInside(p, slot->before)) return nullptr;
    const char* value = p + slot->before.size;
    const char* stop = text + stops[slot->end_stop] - slot->suffix_size;
    auto size = static_cast<uint32_t>(stop - value);  // of nothing before a suffix: huge
    if (size - slot->value_min > slot->value_span) return nullptr;
    if (slot->type > SlotType::kString && ScanValue(slot->type, value, text + run->end) != stop)
      return nullptr;
    if (!TakeValue(line, *slot, p, value, size)) return nullptr;
    p = stop;
  }
  if (!StartsWithInside(p, shape.tail)) return nullptr;
  return FinishLine(run, shape, p + shape.tail.size, text + stops[shape.stop_count - 1], event);
}

template <int kCount>
[[gnu::always_inline]] inline void Unpack(uint64_t& bits, uint32_t base, uint32_t* out) {
#pragma GCC unroll 12
  for (int i = 0; i < kCount; ++i) {
    out[i] = base + LowestBit(bits);
    bits &= bits - 1;
  }
}

// Fills the index with the stops of a window that begins with the line at p. The last bytes of the
// input, too few for a block, stay outside.
inline void IndexWindow(ScanRun* run, const char* p) {
  auto base = static_cast<uint32_t>(p - run->text);
  auto left = static_cast<uint32_t>(run->end - base);
  uint32_t size = (left < kWindowBytes ? left : kWindowBytes) / 64 * 64;
  uint32_t count = 0;
  for (uint32_t at = 0; at < size; at += 64) {
    uint64_t bits = StopBits64(p + at);
    auto found = static_cast<uint32_t>(__builtin_popcountll(bits));
    uint32_t* out = run->stops + count;
    // A dozen without asking whether there are that many: the next block overwrites the rest.
    Unpack<12>(bits, base + at, out);
    for (uint32_t done = 12; done < found; done += 4) Unpack<4>(bits, base + at, out + done);
    count += found;
  }
  run->stop_count = count;
  run->stop = 0;
}

// The stops of the line at p. Null when they are not all in the index, or the end of the input is
// so near that literals cannot be compared by vectors.
[[gnu::always_inline]] inline const uint32_t* StopsOfLine(ScanRun* run, const EventTemplate& shape,
                                                          const char* p) {
  if (run->stop + shape.stop_count > run->stop_count) {
    IndexWindow(run, p);
    if (shape.stop_count > run->stop_count) return nullptr;
  }
  const uint32_t* stops = run->stops + run->stop;
  return stops[shape.stop_count - 1] + kLiteralBytesMax <= run->end ? stops : nullptr;
}

[[gnu::always_inline]] inline const char* TakeLineOf(ScanRun* run, uint32_t i, const char* p, Event* event) {
  const EventTemplate& shape = *run->templates[i];
  if (!StartsWith(p, run->text + run->end, shape.slots[0].before)) return nullptr;
  const uint32_t* stops = StopsOfLine(run, shape, p);
  if (stops != nullptr) {
    const char* next = TakeIndexedLine(run, shape, stops, p, event);
    if (next != nullptr) {
      run->stop += shape.stop_count;
      return next;
    }
    __builtin_memcpy(static_cast<void*>(event), run->blank, sizeof *event);
  }
  const char* next = TakeLine(run, shape, p, event);
  if (next == nullptr) __builtin_memcpy(static_cast<void*>(event), run->blank, sizeof *event);
  return next;
}

// NOLINTNEXTLINE(misc-definitions-in-headers): as above
[[gnu::noinline]] const char* TakeLineOfAnother(ScanRun* run, const char* p, Event* event) {
  for (uint32_t i = 0; i < run->template_count; ++i) {
    if (i == run->current) continue;
    const char* next = TakeLineOf(run, i, p, event);
    if (next == nullptr) continue;
    run->last_used[run->current] = ++run->clock;
    run->current = i;
    return next;
  }
  return nullptr;
}

// Passes the stops of lines that were not read by them, and the LF of a CR LF.
inline void CatchUp(ScanRun* run) {
  while (run->stop < run->stop_count && run->stops[run->stop] < run->position) ++run->stop;
}

inline ScanStop ScanLines(ScanRun* run) {
  CatchUp(run);
  while (run->position < run->end) {
    if (run->event_count == run->event_capacity) return ScanStop::kFull;
    if (run->extra_capacity - run->extra_count < kMaxAttributes) return ScanStop::kFull;
    Event* event = run->events + run->event_count;
    const char* line = run->text + run->position;
    const char* next = TakeLineOf(run, run->current, line, event);
    if (next == nullptr) next = TakeLineOfAnother(run, line, event);
    if (next == nullptr) return ScanStop::kNoMatch;
    run->extra_count += event->extra_count;
    ++run->event_count;
    run->position = static_cast<size_t>(next - run->text);
    CatchUp(run);
  }
  return ScanStop::kEnd;
}

}  // namespace
}  // namespace tallymark
