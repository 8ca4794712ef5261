#include "format/hour_row.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <limits>

#include "format/coding.h"
#include "format/row_envelope.h"

namespace tallymark {
namespace {

// Sums are kept modulo 2^128: real ones stay far below, and damaged ones must not be undefined.
using Wide = unsigned __int128;

constexpr unsigned kFormMask = 0xF0;
constexpr unsigned kFullForm = 0x10;    // totals, then cells
constexpr unsigned kSingleForm = 0x20;  // one cell, which is also the totals
constexpr unsigned kMetricsMask = 0x0F;

constexpr unsigned kMinuteMask = 0x3F;
constexpr unsigned kSmallShift = 6;  // above the minute: the first metric's amount, 1..3, or 0
constexpr unsigned kSmallMax = 3;
constexpr unsigned kShapeBits = 2;  // per metric of a shape byte: absent, 1, 2 or a varint
constexpr unsigned kShapeVarint = 3;
constexpr int kMinutes = 60;
constexpr size_t kWideVarintMax = 19;  // 128 bits, seven a byte
constexpr unsigned kLastShift = 7 * (kWideVarintMax - 1);
constexpr size_t kRowBytesMax =
    1 + kMetricCount * kWideVarintMax + kMinutes * (2 + kMetricCount * kWideVarintMax);

constexpr unsigned kRevenueIndex = static_cast<unsigned>(Metric::kRevenue);

// Only revenue can be negative, so only it pays for a sign.
Wide ToCode(unsigned metric, Wide value) {
  if (metric != kRevenueIndex) return value;
  return (value << 1) ^ (0 - (value >> 127));
}
Wide FromCode(unsigned metric, Wide code) {
  if (metric != kRevenueIndex) return code;
  return (code >> 1) ^ (0 - (code & 1));
}

// std::has_single_bit counts bits, which on a baseline CPU is a call into a library.
constexpr bool IsSingleBit(uint64_t bits) { return bits != 0 && (bits & (bits - 1)) == 0; }

struct Cursor {
  const uint8_t* at;
  const uint8_t* end;

  explicit Cursor(std::string_view bytes)
      : at(reinterpret_cast<const uint8_t*>(bytes.data())), end(at + bytes.size()) {}
};

// Null when there is no such varint. The first nine bytes hold what fits 63 bits, which is nearly
// everything, and go without 128-bit shifts.
const uint8_t* GetLongWide(const uint8_t* at, const uint8_t* end, Wide* value) {
  uint64_t low = 0;
  for (unsigned shift = 0; shift < 63; shift += 7) {
    if (at == end) return nullptr;
    uint8_t byte = *at++;
    low |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) {
      *value = low;
      return byte != 0 || shift == 0 ? at : nullptr;  // one value, one spelling
    }
  }
  Wide wide = low;
  for (unsigned shift = 63; shift < 128 && at != end; shift += 7) {
    uint8_t byte = *at++;
    if (shift == kLastShift && byte > 3) return nullptr;
    wide |= static_cast<Wide>(byte & 0x7F) << shift;
    if (byte < 0x80) {
      *value = wide;
      return byte != 0 ? at : nullptr;
    }
  }
  return nullptr;
}

// Only the long form takes addresses, so that the short one stays in registers.
inline bool GetWide(Cursor& in, Wide* value) {
  if (in.at == in.end) return false;
  if (*in.at < 0x80) {
    *value = *in.at++;
    return true;
  }
  Wide wide = 0;
  const uint8_t* next = GetLongWide(in.at, in.end, &wide);
  if (next == nullptr) return false;
  in.at = next;
  *value = wide;
  return true;
}

template <class T>
inline uint8_t* PutVarint(uint8_t* out, T value) {
  while (value >= 0x80) {
    *out++ = static_cast<uint8_t>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<uint8_t>(value);
  return out;
}

inline uint8_t* PutWide(uint8_t* out, Wide value) {
  auto low = static_cast<uint64_t>(value);
  return low == value ? PutVarint(out, low) : PutVarint(out, value);
}

// Reads what follows a cell's lead byte and hands each of its amounts to put(metric, value).
template <class Put>
inline bool ReadCell(Cursor& in, unsigned lead, unsigned mask, Put&& put) {
  auto first = static_cast<unsigned>(std::countr_zero(mask));
  if (unsigned small = lead >> kSmallShift; small != 0) {
    put(first, FromCode(first, small));
    return true;
  }
  Wide code = 0;
  if (IsSingleBit(mask)) {
    if (!GetWide(in, &code) || code <= kSmallMax) return false;
    put(first, FromCode(first, code));
    return true;
  }
  if (in.at == in.end || *in.at == 0) return false;
  unsigned shapes = *in.at++;
  for (unsigned metric = 0; shapes != 0; ++metric, shapes >>= kShapeBits) {
    code = shapes & kShapeVarint;
    if (code == 0) continue;
    if ((mask >> metric & 1) == 0) return false;
    if (code == kShapeVarint && (!GetWide(in, &code) || code < kShapeVarint)) return false;
    put(metric, FromCode(metric, code));
  }
  return true;
}

template <class Sink>
inline bool WalkCells(Cursor& in, unsigned mask, Sink& sink) {
  int previous = -1;
  while (in.at != in.end) {
    unsigned lead = *in.at++;
    auto minute = static_cast<int>(lead & kMinuteMask);
    if (mask == 0 || minute >= kMinutes || minute <= previous) return false;
    previous = minute;
    auto put = [&](unsigned metric, Wide value) { sink.Cell(minute, metric, value); };
    if (!ReadCell(in, lead, mask, put)) return false;
  }
  return true;
}

template <class Sink>
inline bool WalkSingle(Cursor& in, unsigned mask, Sink& sink) {
  if (mask == 0 || in.at == in.end) return false;
  unsigned lead = *in.at++;
  auto minute = static_cast<int>(lead & kMinuteMask);
  if (minute >= kMinutes) return false;
  auto put = [&](unsigned metric, Wide value) {
    sink.Total(metric, value);
    sink.Cell(minute, metric, value);
  };
  return ReadCell(in, lead, mask, put) && in.at == in.end;
}

template <class Sink>
inline bool WalkTotals(Cursor& in, unsigned mask, Sink& sink) {
  for (; mask != 0; mask &= mask - 1) {
    auto metric = static_cast<unsigned>(std::countr_zero(mask));
    Wide code = 0;
    if (!GetWide(in, &code)) return false;
    sink.Total(metric, FromCode(metric, code));
  }
  return true;
}

// The one reader of rows: hands totals and cells to the sink, checking everything on the way.
// False: no hour row; the sink has then seen a part of it.
template <class Sink>
inline bool WalkRow(std::string_view bytes, Sink& sink) {
  if (bytes.empty()) return false;
  Cursor in(bytes);
  unsigned head = *in.at++;
  unsigned mask = head & kMetricsMask;
  if ((head & kFormMask) == kSingleForm) return WalkSingle(in, mask, sink);
  if ((head & kFormMask) != kFullForm) return false;
  return WalkTotals(in, mask, sink) && WalkCells(in, mask, sink);
}

struct NoSink {
  void Total(unsigned, Wide) {}
  void Cell(int, unsigned, Wide) {}
};

struct RangeSink {
  int first;
  int end;
  std::array<Wide, kMetricCount> sum{};

  void Total(unsigned, Wide) {}
  void Cell(int minute, unsigned metric, Wide value) {
    if (minute >= first && minute < end) sum[metric] += value;
  }
};

struct TotalsSink {
  std::array<Wide, kMetricCount> sum{};

  void Total(unsigned metric, Wide value) { sum[metric] += value; }
  void Cell(int, unsigned, Wide) {}
};

// Adds rows up and writes the sum. Cells lie in a table by minute, of which only those marked in
// minutes_ are ever touched: two rows of one click each cost two cells, not sixty.
class Accumulator {
 public:
  void Total(unsigned metric, Wide value) { totals_[metric] += value; }
  void Cell(int minute, unsigned metric, Wide value) {
    uint64_t bit = uint64_t{1} << minute;
    if ((minutes_[metric] & bit) != 0) {
      value += CellAt(minute, metric);
      if (value == 0) minutes_[metric] &= ~bit;
    } else if (value != 0) {
      minutes_[metric] |= bit;
    }
    low_[metric][minute] = static_cast<uint64_t>(value);
    high_[metric][minute] = static_cast<uint64_t>(value >> 64);
  }
  // True when there was anything to drop.
  bool DropCells() {
    bool any = std::ranges::any_of(minutes_, [](uint64_t m) { return m != 0; });
    minutes_ = {};
    return any;
  }
  void Emit(std::string* out) const {
    unsigned mask = 0;
    uint64_t minutes = 0;
    for (unsigned metric = 0; metric < kMetricCount; ++metric) {
      if (totals_[metric] != 0 || minutes_[metric] != 0) mask |= 1U << metric;
      minutes |= minutes_[metric];
    }
    if (mask == 0) {
      out->push_back(static_cast<char>(kFullForm));
      return;
    }
    uint8_t buffer[kRowBytesMax];
    uint8_t* end = buffer;
    if (IsSingleBit(minutes) && TotalsAreCell(std::countr_zero(minutes))) {
      *end++ = static_cast<uint8_t>(kSingleForm | mask);
    } else {
      *end++ = static_cast<uint8_t>(kFullForm | mask);
      for (unsigned rest = mask; rest != 0; rest &= rest - 1) {
        auto metric = static_cast<unsigned>(std::countr_zero(rest));
        end = PutWide(end, ToCode(metric, totals_[metric]));
      }
    }
    for (; minutes != 0; minutes &= minutes - 1) end = PutCell(end, std::countr_zero(minutes), mask);
    out->append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(end - buffer));
  }

 private:
  Wide CellAt(int minute, unsigned metric) const {
    return static_cast<Wide>(high_[metric][minute]) << 64 | low_[metric][minute];
  }
  Wide CodeAt(int minute, unsigned metric) const {
    return (minutes_[metric] >> minute & 1) != 0 ? ToCode(metric, CellAt(minute, metric)) : 0;
  }
  bool TotalsAreCell(int minute) const {
    for (unsigned metric = 0; metric < kMetricCount; ++metric) {
      if (CodeAt(minute, metric) != ToCode(metric, totals_[metric])) return false;
    }
    return true;
  }
  uint8_t* PutCell(uint8_t* out, int minute, unsigned mask) const {
    auto first = static_cast<unsigned>(std::countr_zero(mask));
    Wide code = CodeAt(minute, first);
    bool only_first = true;
    for (unsigned metric = first + 1; metric < kMetricCount; ++metric) {
      only_first &= (minutes_[metric] >> minute & 1) == 0;
    }
    auto lead = static_cast<unsigned>(minute);
    if (only_first && code <= kSmallMax) {
      *out++ = static_cast<uint8_t>(lead | static_cast<unsigned>(code) << kSmallShift);
      return out;
    }
    *out++ = static_cast<uint8_t>(lead);
    if (IsSingleBit(mask)) return PutWide(out, code);
    return PutShapes(out, minute);
  }
  uint8_t* PutShapes(uint8_t* out, int minute) const {
    unsigned shapes = 0;
    uint8_t* shapes_at = out++;
    for (unsigned metric = 0; metric < kMetricCount; ++metric) {
      Wide code = CodeAt(minute, metric);
      if (code == 0) continue;
      unsigned shape = code < kShapeVarint ? static_cast<unsigned>(code) : kShapeVarint;
      shapes |= shape << (kShapeBits * metric);
      if (shape == kShapeVarint) out = PutWide(out, code);
    }
    *shapes_at = static_cast<uint8_t>(shapes);
    return out;
  }

  std::array<Wide, kMetricCount> totals_{};
  std::array<uint64_t, kMetricCount> minutes_{};  // bit m: the cell of minute m is there, not zero
  // Halves apart: side by side they would be stored as one vector that was just assembled in memory,
  // which stalls the processor and triples the time of a merge.
  uint64_t low_[kMetricCount][kMinutes];
  uint64_t high_[kMetricCount][kMinutes];
};

bool OpenEnvelope(std::string_view bytes, std::string_view* good, std::vector<std::string_view>* bad) {
  NoSink none;
  return ReadRowEnvelope(bytes, good, bad) && WalkRow(*good, none);
}

// The rare way: some operand is no row.
void MergeIntoEnvelope(std::span<const std::string_view> operands, std::string* out) {
  Accumulator sum;
  NoSink none;
  std::vector<std::string_view> bad;
  std::vector<std::string_view> inner;
  for (std::string_view operand : operands) {
    std::string_view good;
    if (WalkRow(operand, none)) {
      WalkRow(operand, sum);
    } else if (OpenEnvelope(operand, &good, &inner)) {
      WalkRow(good, sum);
      bad.insert(bad.end(), inner.begin(), inner.end());
    } else {
      bad.push_back(operand);
    }
  }
  std::string good;
  sum.Emit(&good);
  AppendRowEnvelope(good, &bad, out);
}

struct RowSink {
  HourRow* row;

  void Total(unsigned metric, Wide value) { row->totals.value[metric] = static_cast<__int128>(value); }
  void Cell(int minute, unsigned metric, Wide value) {
    if (row->cells.empty() || row->cells.back().minute != minute) {
      row->cells.push_back({.minute = static_cast<uint8_t>(minute), .sums = {}});
    }
    row->cells.back().sums.value[metric] = static_cast<__int128>(value);
  }
};

}  // namespace

std::string_view MetricName(Metric metric) {
  static constexpr std::string_view kNames[] = {"impressions", "clicks", "conversions", "revenue"};
  return kNames[static_cast<size_t>(metric)];
}

bool FitsInt64(__int128 v) {
  return v >= std::numeric_limits<int64_t>::min() && v <= std::numeric_limits<int64_t>::max();
}

void EncodeHourRow(const HourRow& row, std::string* out) {
  Accumulator sum;
  for (unsigned metric = 0; metric < kMetricCount; ++metric) {
    sum.Total(metric, static_cast<Wide>(row.totals.value[metric]));
    for (const MinuteCell& cell : row.cells) {
      if (cell.minute >= kMinutes) std::abort();
      sum.Cell(cell.minute, metric, static_cast<Wide>(cell.sums.value[metric]));
    }
  }
  sum.Emit(out);
}

Status DecodeHourRow(std::string_view bytes, HourRow* row) {
  row->totals = {};
  row->cells.clear();
  RowSink sink{row};
  return WalkRow(bytes, sink) ? Status::Ok() : NotARow("hour row", bytes);
}

Status ReadHourRowEnvelope(std::string_view bytes, HourRow* good, std::vector<std::string_view>* bad) {
  std::string_view good_bytes;
  if (!OpenEnvelope(bytes, &good_bytes, bad)) return Status::Invalid("hour row: no error envelope");
  return DecodeHourRow(good_bytes, good);
}

void MergeHourRows(std::span<const std::string_view> operands, std::string* out) {
  Accumulator sum;
  for (std::string_view operand : operands) {
    if (!WalkRow(operand, sum)) return MergeIntoEnvelope(operands, out);
  }
  sum.Emit(out);
}

bool StripMinutes(std::string_view bytes, std::string* out) {
  Accumulator row;
  if (!WalkRow(bytes, row) || !row.DropCells()) return false;
  row.Emit(out);
  return true;
}

Status SumHourRow(std::string_view bytes, int first, int end, MetricSums* sums) {
  auto add = [sums](const std::array<Wide, kMetricCount>& sum) {
    for (int i = 0; i < kMetricCount; ++i) {
      sums->value[i] = static_cast<__int128>(static_cast<Wide>(sums->value[i]) + sum[i]);
    }
    return Status::Ok();
  };
  if (first > 0 || end < kMinutes) {
    RangeSink range{.first = first, .end = end};
    return WalkRow(bytes, range) ? add(range.sum) : NotARow("hour row", bytes);
  }
  if (bytes.empty()) return NotARow("hour row", bytes);
  Cursor in(bytes);
  unsigned head = *in.at++;
  unsigned mask = head & kMetricsMask;
  TotalsSink totals;
  bool ok = (head & kFormMask) == kFullForm
                ? WalkTotals(in, mask, totals)
                : (head & kFormMask) == kSingleForm && WalkSingle(in, mask, totals);
  return ok ? add(totals.sum) : NotARow("hour row", bytes);
}

}  // namespace tallymark
