#ifndef TALLYMARK_ENGINE_COUNTER_DELTA_H_
#define TALLYMARK_ENGINE_COUNTER_DELTA_H_

#include <array>
#include <cstdint>
#include <vector>

#include "engine/slab.h"
#include "format/hour_row.h"
#include "format/prefetch.h"

namespace tallymark {

// Counters of one filter that no checkpoint holds yet: amounts by (ad, hour, minute, metric).
//
// A row is a 16-byte slot of an open-addressing table. Most rows hold a single small cell inside
// the slot; more cells move to a block of 2, 4, 8 or 16, and beyond that to a directly indexed
// block of 256. Amounts that do not fit their cell go to a list on the side, so nothing wraps.
//
// Not thread safe: one writer, readers excluded by the owner.
class CounterDelta {
 public:
  static constexpr size_t kPieceBytes = size_t{512} << 10;
  static constexpr uint32_t kFirstSlots = 1U << 12;

  // Rows with many cells lie in pieces of the pool, whose size is a power of two of at least 4 KiB;
  // the table begins with `first_slots`, a power of two.
  explicit CounterDelta(PiecePool* pool, uint32_t first_slots = kFirstSlots);
  ~CounterDelta();
  CounterDelta(const CounterDelta&) = delete;
  CounterDelta& operator=(const CounterDelta&) = delete;

  void Prefetch(uint32_t ad, int32_t hour) const { PrefetchLine(&slots()[SlotOf(ad, hour)]); }
  // Once that has come: what Add will look at, where it is not in the slot.
  void PrefetchCell(uint32_t ad, int32_t hour, int minute, Metric metric) const;
  void Add(uint32_t ad, int32_t hour, int minute, Metric metric, int64_t amount);

  // Calls visit(minute, metric, amount) for every cell of the row; a cell may come in parts.
  template <class Visit>
  void ForEachCell(uint32_t ad, int32_t hour, Visit&& visit) const;

  struct RowId {
    uint32_t ad = 0;
    int32_t hour = 0;
  };
  // Rows in table order; `row_index` < slot_count(). False where the slot is free.
  uint32_t slot_count() const { return slot_count_; }
  bool RowAt(uint32_t row_index, RowId* id) const {
    const Slot& slot = slots()[row_index];
    *id = {slot.ad, slot.hour};
    return slot.state != kFree;
  }
  // Ahead of ForEachCellAt: the slot and, once that has come, the cells that are not in it.
  void PrefetchRow(uint32_t row_index) const { PrefetchLine(&slots()[row_index]); }
  void PrefetchCellsAt(uint32_t row_index) const {
    const Slot& slot = slots()[row_index];
    if (slot.state >= kPooledFrom) PrefetchLine(Words(slot.state - kPooledFrom));
  }
  template <class Visit>
  void ForEachCellAt(uint32_t row_index, Visit&& visit) const {
    VisitSlot(slots()[row_index], visit);
  }

  // Forgets everything and keeps the memory.
  void Clear();

  uint32_t rows() const { return rows_; }
  bool empty() const { return rows_ == 0; }
  int32_t hour_min() const { return hour_min_; }
  int32_t hour_max() const { return hour_max_; }
  uint64_t bytes() const { return slab_.size() + pieces_.size() * pool_->piece_bytes(); }

 private:
  static constexpr uint32_t kFree = 0;
  static constexpr uint32_t kInline = 1;      // the cell is in Slot::data
  static constexpr uint32_t kPooledFrom = 2;  // state - 2 is the block's word index
  static constexpr int kClasses = 5;
  static constexpr std::array<uint32_t, kClasses> kClassWords = {2, 4, 8, 16, 256};
  static constexpr int kDirectClass = kClasses - 1;
  static constexpr int64_t kCellMax = (int64_t{1} << 54) - 1;
  static constexpr uint32_t kInlineMax = (1U << 24) - 1;

  struct Slot {
    uint32_t ad;
    int32_t hour;
    uint32_t data;  // inline: key | amount << 8; pooled: class | used << 8
    uint32_t state;
  };
  static_assert(sizeof(Slot) == 16);
  struct Big {
    uint32_t ad;
    int32_t hour;
    int minute;
    Metric metric;
    int64_t amount;
  };

  static uint8_t CellKey(int minute, Metric metric) {
    return static_cast<uint8_t>(static_cast<unsigned>(minute) | static_cast<unsigned>(metric) << 6);
  }
  Slot* slots() const { return reinterpret_cast<Slot*>(slab_.data()); }
  size_t SlotOf(uint32_t ad, int32_t hour) const {
    uint64_t key = static_cast<uint64_t>(ad) << 32 | static_cast<uint32_t>(hour);
    return static_cast<size_t>((key * 0x9E3779B97F4A7C15ULL) >> shift_);
  }
  uint64_t* Words(uint32_t index) const {
    return reinterpret_cast<uint64_t*>(pieces_[index >> piece_shift_]) + (index & (words_per_piece_ - 1));
  }
  Slot& FindOrAdd(uint32_t ad, int32_t hour);
  const Slot* FindSlot(uint32_t ad, int32_t hour) const;
  void AddToInline(Slot& slot, uint8_t key, int64_t amount);
  void AddToBlock(Slot& slot, uint8_t key, int64_t amount);
  void Widen(Slot& slot);
  uint32_t NewBlock(int size_class);
  void GrowTable();
  template <class Visit>
  void VisitSlot(const Slot& slot, Visit&& visit) const;

  PiecePool* const pool_;
  const uint32_t words_per_piece_;
  const int piece_shift_;
  Slab slab_;
  uint32_t slot_count_ = 0;
  int shift_ = 0;
  uint32_t rows_ = 0;
  int32_t hour_min_ = INT32_MAX;
  int32_t hour_max_ = INT32_MIN;
  std::vector<char*> pieces_;
  uint32_t words_used_ = 0;
  std::array<std::vector<uint32_t>, kClasses> free_blocks_;
  std::vector<Big> big_;
};

template <class Visit>
void CounterDelta::VisitSlot(const Slot& slot, Visit&& visit) const {
  auto cell = [&](unsigned key, int64_t amount) {
    if (amount != 0) visit(static_cast<int>(key & 63), static_cast<Metric>(key >> 6), amount);
  };
  if (slot.state == kInline) {
    cell(slot.data & 0xFF, slot.data >> 8);
  } else if (slot.state >= kPooledFrom) {
    const uint64_t* words = Words(slot.state - kPooledFrom);
    const auto size_class = static_cast<int>(slot.data & 0xFF);
    const uint32_t used = size_class == kDirectClass ? 256 : slot.data >> 8;
    for (uint32_t i = 0; i < used; ++i) {
      if (size_class == kDirectClass) {
        cell(i, static_cast<int64_t>(words[i]));
      } else {
        cell(words[i] & 0xFF, static_cast<int64_t>(words[i]) >> 8);
      }
    }
  }
  for (const Big& b : big_) {
    if (b.ad == slot.ad && b.hour == slot.hour) visit(b.minute, b.metric, b.amount);
  }
}

template <class Visit>
void CounterDelta::ForEachCell(uint32_t ad, int32_t hour, Visit&& visit) const {
  if (const Slot* slot = FindSlot(ad, hour)) VisitSlot(*slot, visit);
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_COUNTER_DELTA_H_
