#include "engine/ad_table.h"

#include <xxhash.h>

#include <bit>
#include <cstring>

#include "format/coding.h"
#include "format/keys.h"

namespace tallymark {
namespace {

constexpr size_t kFirstSlots = 1U << 12;

uint64_t HashOf(std::string_view id) { return XXH3_64bits(id.data(), id.size()); }

}  // namespace

std::string_view AdTable::NameEntry::View() const {
  if (size <= kInlineMax) return {text, size};
  const char* bytes = nullptr;
  std::memcpy(&bytes, text, sizeof bytes);
  return {bytes, size};
}

AdTable::AdTable()
    : slots_(kFirstSlots),
      shift_(32 - std::countr_zero(kFirstSlots)),
      pieces_(std::make_unique<std::atomic<NameEntry*>[]>(kPiecesMax)) {}

std::optional<uint32_t> AdTable::Lookup(std::string_view id, uint64_t hash) const {
  const uint64_t wanted = hash >> 32;
  for (size_t s = SlotOf(hash); slots_[s] != 0; s = (s + 1) & (slots_.size() - 1)) {
    if (slots_[s] >> 32 != wanted) continue;
    auto number = static_cast<uint32_t>(slots_[s]) - 1;
    if (NameAt(number).View() == id) return number;
  }
  return std::nullopt;
}

uint32_t AdTable::Intern(std::string_view id, uint64_t hash) {
  if (std::optional<uint32_t> known = Lookup(id, hash)) return *known;
  std::unique_lock lock(mutex_);
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
  while (slots_[s] != 0) s = (s + 1) & (slots_.size() - 1);
  slots_[s] = (hash >> 32 << 32) | (uint64_t{number} + 1);
  size_.store(number + 1, std::memory_order_release);
  return number;
}

void AdTable::GrowSlots() {
  BigVector<uint64_t> old(slots_.size() * 2);
  old.swap(slots_);
  --shift_;
  for (uint64_t slot : old) {
    if (slot == 0) continue;
    size_t s = SlotOf(slot);
    while (slots_[s] != 0) s = (s + 1) & (slots_.size() - 1);
    slots_[s] = slot;
  }
}

void AdTable::AppendName(std::string_view name, std::string* record) { PutLengthPrefixed(record, name); }

Status AdTable::Load(const Storage& storage, uint32_t expected) {
  std::unique_ptr<rocksdb::Iterator> it(
      storage.db()->NewIterator(rocksdb::ReadOptions(), storage.handle(Family::kAds)));
  std::unique_lock lock(mutex_);
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
