#include "engine/ad_table.h"

#include <xxhash.h>

#include <bit>
#include <cstring>
#include <span>

#include "format/coding.h"
#include "format/keys.h"

namespace tallymark {
namespace {

constexpr size_t kFirstSlots = 1U << 12;

std::atomic<uint64_t> next_serial{1};

uint64_t HashOf(std::string_view id) { return XXH3_64bits(id.data(), id.size()); }

}  // namespace

std::string_view AdTable::NameEntry::View() const {
  if (size <= kInlineMax) return {text, size};
  const char* bytes = nullptr;
  std::memcpy(&bytes, text, sizeof bytes);
  return {bytes, size};
}

AdTable::AdTable()
    : serial_(next_serial.fetch_add(1, std::memory_order_relaxed)),
      slots_(kFirstSlots),
      shift_(32 - std::countr_zero(kFirstSlots)),
      pieces_(std::make_unique<std::atomic<NameEntry*>[]>(kPiecesMax)) {}

std::optional<uint32_t> AdTable::Lookup(std::string_view id, uint64_t hash) const {
  const uint64_t wanted = hash >> 32;
  for (size_t s = SlotOf(hash);; s = (s + 1) & (slots_.size() - 1)) {
    const uint64_t slot = SlotAt(s);
    if (slot == 0) return std::nullopt;
    if (slot >> 32 != wanted) continue;
    auto number = static_cast<uint32_t>(slot) - 1;
    if (NameAt(number).View() == id) return number;
  }
}

void AdTable::Recognize(EventChunk* chunk) const {
  std::shared_lock lock(mutex_);
  chunk->ads.table = serial_;
  chunk->ads.of_event.assign(chunk->events.size(), AdNumbers::kUnknown);
  const std::span<const Event> events(chunk->events);
  for (const Event& event : PrefetchGroup(events, 0, 0)) PrefetchSlot(event.ad_hash);
  for (size_t begin = 0; begin < events.size(); begin += kPrefetchGroup) {
    const std::span<const Event> group = PrefetchGroup(events, begin, 0);
    for (const Event& event : PrefetchGroup(events, begin, 1)) PrefetchSlot(event.ad_hash);
    for (const Event& event : group) PrefetchName(event.ad_hash);
    for (size_t i = 0; i < group.size(); ++i) {
      if (!group[i].Has(Field::kAdId)) continue;
      if (auto number = Lookup(chunk->Get(group[i], Field::kAdId), group[i].ad_hash))
        chunk->ads.of_event[begin + i] = *number;
    }
  }
}

uint32_t AdTable::Intern(std::string_view id, uint64_t hash) {
  if (std::optional<uint32_t> known = Lookup(id, hash)) return *known;
  return Add(id, hash);
}

std::optional<uint32_t> AdTable::Find(std::string_view id) const {
  std::shared_lock lock(mutex_);
  return Lookup(id, HashOf(id));
}

uint32_t AdTable::Add(std::string_view id, uint64_t hash) {
  const uint32_t number = size_.load(std::memory_order_relaxed);
  if (size_t{number} * 10 >= slots_.size() * 6) GrowSlots();
  auto& piece = pieces_[number / kNamesPerPiece];
  if (piece.load(std::memory_order_relaxed) == nullptr) {
    name_slabs_.emplace_back(kNamesPerPiece * sizeof(NameEntry));
    piece.store(reinterpret_cast<NameEntry*>(name_slabs_.back().data()), std::memory_order_release);
  }
  NameEntry& entry = piece.load(std::memory_order_relaxed)[number % kNamesPerPiece];
  entry.size = static_cast<uint8_t>(id.size());
  if (id.size() <= NameEntry::kInlineMax) {
    std::memcpy(entry.text, id.data(), id.size());
  } else {
    long_names_.push_back(std::make_unique<char[]>(id.size()));
    char* bytes = long_names_.back().get();
    std::memcpy(bytes, id.data(), id.size());
    std::memcpy(entry.text, &bytes, sizeof bytes);
  }
  size_t s = SlotOf(hash);
  while (SlotAt(s) != 0) s = (s + 1) & (slots_.size() - 1);
  slots_[s].store((hash >> 32 << 32) | (uint64_t{number} + 1), std::memory_order_release);
  size_.store(number + 1, std::memory_order_release);
  return number;
}

void AdTable::GrowSlots() {
  std::unique_lock lock(mutex_);
  BigVector<std::atomic<uint64_t>> old(slots_.size() * 2);
  old.swap(slots_);
  --shift_;
  for (const auto& former : old) {
    const uint64_t slot = former.load(std::memory_order_relaxed);
    if (slot == 0) continue;
    size_t s = SlotOf(slot);
    while (slots_[s].load(std::memory_order_relaxed) != 0) s = (s + 1) & (slots_.size() - 1);
    slots_[s].store(slot, std::memory_order_relaxed);
  }
}

void AdTable::AppendName(std::string_view name, std::string* record) { PutLengthPrefixed(record, name); }

Status AdTable::Load(const Storage& storage, uint32_t expected) {
  std::unique_ptr<rocksdb::Iterator> it(
      storage.db()->NewIterator(rocksdb::ReadOptions(), storage.handle(Family::kAds)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    AdKey key;
    if (!AdKey::Decode(ToView(it->key()), &key) || key.number != size()) {
      return Status::Corruption("ads: names after number " + std::to_string(size()) + " are missing");
    }
    std::string_view record = ToView(it->value());
    while (!record.empty()) {
      std::string_view name;
      if (!GetLengthPrefixed(&record, &name) || name.size() > UINT8_MAX) {
        return Status::Corruption("ads: the record of number " + std::to_string(key.number) + " is damaged");
      }
      Add(name, HashOf(name));
    }
  }
  if (!it->status().ok()) return FromRocks(it->status(), "read ad names");
  if (size() != expected) {
    return Status::Corruption("ads: " + std::to_string(size()) + " names are there, the log knows " +
                              std::to_string(expected));
  }
  return Status::Ok();
}

}  // namespace tallymark
