#include "engine/waiting_conversions.h"

#include <algorithm>
#include <cstdlib>

#include "format/event_identity.h"
#include "format/keys.h"
#include "format/waiting_conversion.h"

namespace tallymark {

Status WaitingConversions::Load() {
  std::unique_ptr<rocksdb::Iterator> it(
      storage_->db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kPendingConversions)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    RawKey key;
    if (!RawKey::Decode(ToView(it->key()), &key))
      return Status::Corruption("a key of pending_conversions is unreadable");
    EventChunk chunk;
    Entry entry;
    Status decoded = DecodeWaitingConversion(ToView(it->value()), &chunk, &entry.arrival_ns);
    if (!decoded.ok()) return decoded.WithContext("pending_conversions " + std::to_string(key.sequence));
    const Event& event = chunk.events.front();
    entry.identity = event.identity;
    entry.click = IdentityOfEventId(EventKind::kClick, chunk.Get(event, Field::kClickId));
    entry.time_ns = event.time_ns;
    entry.content_check = event.content_check;
    Insert(key.sequence, std::move(entry));
    next_number_ = key.sequence + 1;
  }
  first_with_bytes_ = next_number_;
  return FromRocks(it->status(), "read waiting conversions");
}

void WaitingConversions::Insert(uint64_t number, Entry entry) {
  by_click_.emplace(entry.click, number);
  by_identity_.emplace(entry.identity, number);
  filter_[FilterWord(entry.click)] |= FilterBit(entry.click);
  entries_.emplace_hint(entries_.end(), number, std::move(entry));
  if (++filter_entries_ * 4 > filter_.size()) RebuildFilter();
}

// With four words an entry one look-up in 256 is in vain. Bits of what was removed go here, too.
void WaitingConversions::RebuildFilter() {
  size_t words = 1;
  while (words < entries_.size() * 8) words *= 2;
  filter_.assign(words, 0);
  for (const auto& [number, entry] : entries_) filter_[FilterWord(entry.click)] |= FilterBit(entry.click);
  filter_entries_ = entries_.size();
}

uint64_t WaitingConversions::Add(Entry entry) {
  const uint64_t number = next_number_++;
  Insert(number, std::move(entry));
  return number;
}

void WaitingConversions::Erase(Numbers* numbers, const Hash128& id, uint64_t number) {
  auto [begin, end] = numbers->equal_range(id);
  auto at = std::find_if(begin, end, [&](const auto& entry) { return entry.second == number; });
  if (at == end) std::abort();  // in one index and not in the other: our bug
  numbers->erase(at);
}

void WaitingConversions::Remove(uint64_t number) {
  auto at = entries_.find(number);
  Erase(&by_click_, at->second.click, number);
  Erase(&by_identity_, at->second.identity, number);
  entries_.erase(at);
}

void WaitingConversions::Durable(uint64_t number) {
  for (auto it = entries_.lower_bound(first_with_bytes_); it != entries_.end() && it->first <= number; ++it) {
    std::string().swap(it->second.bytes);
  }
  first_with_bytes_ = std::max(first_with_bytes_, number + 1);
}

std::vector<uint64_t> WaitingConversions::WaitingFor(const Hash128& click) const {
  std::vector<uint64_t> numbers;
  auto [begin, end] = by_click_.equal_range(click);
  for (auto it = begin; it != end; ++it) numbers.push_back(it->second);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

const WaitingConversions::Entry* WaitingConversions::Find(const Hash128& identity, int64_t time_ns,
                                                          int64_t window_ns) const {
  auto [begin, end] = by_identity_.equal_range(identity);
  for (auto it = begin; it != end; ++it) {
    const Entry& entry = entries_.at(it->second);
    if (std::llabs(entry.time_ns - time_ns) <= window_ns) return &entry;
  }
  return nullptr;
}

Status WaitingConversions::Read(uint64_t number, EventChunk* chunk) const {
  const std::string& bytes = entries_.at(number).bytes;
  int64_t arrival_ns = 0;
  if (!bytes.empty()) return DecodeWaitingConversion(bytes, chunk, &arrival_ns);
  Result<std::string> stored = storage_->Get(Family::kPendingConversions, RawKey{number}.Encode());
  if (!stored.ok()) return stored.status().WithContext("waiting conversion " + std::to_string(number));
  return DecodeWaitingConversion(*stored, chunk, &arrival_ns);
}

}  // namespace tallymark
