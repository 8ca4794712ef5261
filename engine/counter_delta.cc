#include "engine/counter_delta.h"

#include <bit>
#include <cstring>

namespace tallymark {

CounterDelta::CounterDelta(PiecePool* pool, uint32_t first_slots)
    : pool_(pool),
      words_per_piece_(static_cast<uint32_t>(pool->piece_bytes() / sizeof(uint64_t))),
      piece_shift_(std::countr_zero(words_per_piece_)),
      slab_(size_t{first_slots} * sizeof(Slot)),
      slot_count_(first_slots),
      shift_(64 - std::countr_zero(first_slots)) {}

CounterDelta::~CounterDelta() {
  for (char* piece : pieces_) pool_->Give(piece);
}

void CounterDelta::Clear() {
  std::memset(slab_.data(), 0, slab_.size());
  for (char* piece : pieces_) pool_->Give(piece);
  pieces_.clear();
  words_used_ = 0;
  for (auto& list : free_blocks_) list.clear();
  big_.clear();
  rows_ = 0;
  hour_min_ = INT32_MAX;
  hour_max_ = INT32_MIN;
}

const CounterDelta::Slot* CounterDelta::FindSlot(uint32_t ad, int32_t hour) const {
  for (size_t i = SlotOf(ad, hour); slots()[i].state != kFree; i = (i + 1) & (slot_count_ - 1)) {
    if (slots()[i].ad == ad && slots()[i].hour == hour) return &slots()[i];
  }
  return nullptr;
}

void CounterDelta::PrefetchCell(uint32_t ad, int32_t hour, int minute, Metric metric) const {
  const Slot* slot = FindSlot(ad, hour);
  if (slot == nullptr || slot->state < kPooledFrom) return;
  const bool direct = (slot->data & 0xFF) == kDirectClass;
  PrefetchLine(Words(slot->state - kPooledFrom) + (direct ? CellKey(minute, metric) : 0));
}

CounterDelta::Slot& CounterDelta::FindOrAdd(uint32_t ad, int32_t hour) {
  size_t i = SlotOf(ad, hour);
  for (; slots()[i].state != kFree; i = (i + 1) & (slot_count_ - 1)) {
    if (slots()[i].ad == ad && slots()[i].hour == hour) return slots()[i];
  }
  if (uint64_t{rows_} * 10 >= uint64_t{slot_count_} * 7) {
    GrowTable();
    return FindOrAdd(ad, hour);
  }
  ++rows_;
  hour_min_ = std::min(hour_min_, hour);
  hour_max_ = std::max(hour_max_, hour);
  slots()[i] = {ad, hour, 0, kInline};
  return slots()[i];
}

void CounterDelta::GrowTable() {
  Slab old = std::move(slab_);
  const uint32_t old_count = slot_count_;
  slot_count_ *= 2;
  --shift_;
  slab_ = Slab(size_t{slot_count_} * sizeof(Slot));
  const Slot* from = reinterpret_cast<const Slot*>(old.data());
  for (uint32_t k = 0; k < old_count; ++k) {
    if (from[k].state == kFree) continue;
    size_t i = SlotOf(from[k].ad, from[k].hour);
    while (slots()[i].state != kFree) i = (i + 1) & (slot_count_ - 1);
    slots()[i] = from[k];
  }
}

void CounterDelta::Add(uint32_t ad, int32_t hour, int minute, Metric metric, int64_t amount) {
  Slot& slot = FindOrAdd(ad, hour);
  if (amount > kCellMax || amount < -kCellMax) {
    big_.push_back({ad, hour, minute, metric, amount});
    return;
  }
  const uint8_t key = CellKey(minute, metric);
  if (slot.state == kInline) {
    AddToInline(slot, key, amount);
  } else {
    AddToBlock(slot, key, amount);
  }
}

// A fresh slot is an inline cell with amount 0, whose key means nothing yet.
void CounterDelta::AddToInline(Slot& slot, uint8_t key, int64_t amount) {
  const int64_t sum = static_cast<int64_t>(slot.data >> 8) + amount;
  const bool same = (slot.data & 0xFF) == key || (slot.data >> 8) == 0;
  if (same && sum >= 0 && sum <= kInlineMax) {
    slot.data = static_cast<uint32_t>(sum) << 8 | key;
    return;
  }
  const uint64_t first = static_cast<uint64_t>(slot.data >> 8) << 8 | (slot.data & 0xFF);
  const uint32_t block = NewBlock(0);
  const bool holds = (slot.data >> 8) != 0;
  if (holds) Words(block)[0] = first;
  slot.state = kPooledFrom + block;
  slot.data = 0U | (holds ? 1U : 0U) << 8;
  AddToBlock(slot, key, amount);
}

void CounterDelta::AddToBlock(Slot& slot, uint8_t key, int64_t amount) {
  uint64_t* words = Words(slot.state - kPooledFrom);
  auto size_class = static_cast<int>(slot.data & 0xFF);
  if (size_class == kDirectClass) {
    int64_t sum = 0;
    if (__builtin_add_overflow(static_cast<int64_t>(words[key]), amount, &sum)) {
      big_.push_back({slot.ad, slot.hour, key & 63, static_cast<Metric>(key >> 6), amount});
    } else {
      words[key] = static_cast<uint64_t>(sum);
    }
    return;
  }
  const uint32_t used = slot.data >> 8;
  // Newest first: live streams add to the cell they added last.
  for (uint32_t i = used; i-- > 0;) {
    if ((words[i] & 0xFF) != key) continue;
    const int64_t sum = (static_cast<int64_t>(words[i]) >> 8) + amount;
    if (sum > kCellMax || sum < -kCellMax) continue;
    words[i] = static_cast<uint64_t>(sum) << 8 | key;
    return;
  }
  if (used == kClassWords[static_cast<size_t>(size_class)]) {
    Widen(slot);
    AddToBlock(slot, key, amount);
    return;
  }
  words[used] = static_cast<uint64_t>(amount) << 8 | key;
  slot.data = static_cast<uint32_t>(size_class) | (used + 1) << 8;
}

void CounterDelta::Widen(Slot& slot) {
  const auto from_class = static_cast<int>(slot.data & 0xFF);
  const uint32_t used = slot.data >> 8;
  const uint32_t from = slot.state - kPooledFrom;
  const uint32_t to = NewBlock(from_class + 1);
  slot.state = kPooledFrom + to;
  if (from_class + 1 == kDirectClass) {
    std::memset(Words(to), 0, kClassWords[kDirectClass] * sizeof(uint64_t));
    slot.data = kDirectClass;
    for (uint32_t i = 0; i < used; ++i) {
      AddToBlock(slot, static_cast<uint8_t>(Words(from)[i]), static_cast<int64_t>(Words(from)[i]) >> 8);
    }
  } else {
    std::memcpy(Words(to), Words(from), used * sizeof(uint64_t));
    slot.data = static_cast<uint32_t>(from_class + 1) | used << 8;
  }
  free_blocks_[static_cast<size_t>(from_class)].push_back(from);
}

uint32_t CounterDelta::NewBlock(int size_class) {
  auto& idle = free_blocks_[static_cast<size_t>(size_class)];
  if (!idle.empty()) {
    uint32_t block = idle.back();
    idle.pop_back();
    return block;
  }
  const uint32_t words = kClassWords[static_cast<size_t>(size_class)];
  if (pieces_.empty() || words_used_ + words > words_per_piece_) {
    pieces_.push_back(pool_->Take());
    words_used_ = 0;
  }
  auto index = static_cast<uint32_t>((pieces_.size() - 1) * words_per_piece_ + words_used_);
  words_used_ += words;
  return index;
}

}  // namespace tallymark
