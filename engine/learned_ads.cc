#include "engine/learned_ads.h"

#include <algorithm>
#include <mutex>

#include "engine/block_reader.h"
#include "engine/meta_keys.h"
#include "format/coding.h"
#include "format/keys.h"

namespace tallymark {
namespace {

// Readers wait for the writer at most this many events long.
constexpr size_t kSliceEvents = 4096;
constexpr uint8_t kPositionVersion = 1;

constexpr std::array<Field, kAdOwnerCount> kOwnerFields = {Field::kCampaignId, Field::kBannerId,
                                                           Field::kAdvertiserId};

std::string EncodePosition(uint64_t sequence) {
  std::string out;
  PutFixed(&out, kPositionVersion);
  PutFixed(&out, sequence);
  return out;
}

}  // namespace

Status LearnedAds::Load() {
  Result<std::string> stored = storage_->Get(Family::kPositions, kPositionAdOwners);
  if (!stored.ok()) return stored.status().code() == Code::kNotFound ? Status::Ok() : stored.status();
  std::string_view in = *stored;
  uint8_t version = 0;
  uint64_t sequence = 0;
  if (!GetFixed(&in, &version) || version != kPositionVersion || !GetFixed(&in, &sequence) || !in.empty())
    return Status::Corruption("positions/ad_owners is unreadable");
  covered_ = static_cast<int64_t>(sequence);
  return LoadEntries();
}

Status LearnedAds::LoadEntries() {
  std::unique_ptr<rocksdb::Iterator> it(
      storage_->db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kAdOwners)));
  std::unique_lock lock(mutex_);
  LearnedAd record;
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    AdKey key;
    if (!AdKey::Decode(ToView(it->key()), &key))
      return Status::Corruption("a key of ad_owners is unreadable");
    Status decoded = DecodeLearnedAd(ToView(it->value()), &record);
    if (!decoded.ok()) return decoded.WithContext("ad_owners of ad " + std::to_string(key.number));
    Entry& entry = EntryOf(key.number);
    for (size_t i = 0; i < kAdOwnerCount; ++i) {
      if (!record[i]) continue;
      SetValue(static_cast<AdOwner>(i), key.number, record[i]->value);
      entry.owners[i].time_ns = record[i]->time_ns;
      entry.owners[i].event_id = std::move(record[i]->event_id);
    }
  }
  return FromRocks(it->status(), "read ad_owners");
}

LearnedAds::Entry& LearnedAds::EntryOf(uint32_t ad) {
  if (ad >= entry_numbers_.size()) entry_numbers_.resize(size_t{ad} + 1);
  uint32_t& number = entry_numbers_[ad];
  if (number == 0) {
    entries_.emplace_back();
    number = static_cast<uint32_t>(entries_.size());
  }
  return entries_[number - 1];
}

const LearnedAds::Entry* LearnedAds::FindEntry(uint32_t ad) const {
  if (ad >= entry_numbers_.size() || entry_numbers_[ad] == 0) return nullptr;
  return &entries_[entry_numbers_[ad] - 1];
}

uint32_t LearnedAds::TextNumber(std::string_view text) {
  auto known = text_numbers_.find(text);
  if (known != text_numbers_.end()) return known->second;
  const auto number = static_cast<uint32_t>(texts_.size());
  texts_.emplace_back(text);
  text_numbers_.emplace(texts_.back(), number);
  for (auto& members : members_) members.resize(texts_.size());
  return number;
}

void LearnedAds::SetValue(AdOwner owner, uint32_t ad, std::string_view value) {
  const auto i = static_cast<size_t>(owner);
  Owner& known = EntryOf(ad).owners[i];
  if (known.value != kNone && texts_[known.value] == value) return;
  if (known.value != kNone) members_[i][known.value].erase(ad);
  known.value = TextNumber(value);
  members_[i][known.value].insert(ad);
}

// By (time, event_id, value); the same event again is not newer.
bool LearnedAds::IsNewer(const Owner& known, const EventChunk& chunk, const Event& event,
                         std::string_view value) const {
  if (known.value == kNone) return true;
  if (event.time_ns != known.time_ns) return event.time_ns > known.time_ns;
  const int order = chunk.Get(event, Field::kEventId).compare(known.event_id);
  return order != 0 ? order > 0 : value > texts_[known.value];
}

void LearnedAds::TakeEvent(const EventChunk& chunk, const Event& event, uint32_t ad) {
  for (size_t i = 0; i < kAdOwnerCount; ++i) {
    const Field field = kOwnerFields[i];
    if (!event.Has(field) || event.Inherited(field)) continue;
    const std::string_view value = chunk.Get(event, field);
    if (value.empty()) continue;  // no id, as everywhere else
    Entry& entry = EntryOf(ad);
    if (!IsNewer(entry.owners[i], chunk, event, value)) continue;
    SetValue(static_cast<AdOwner>(i), ad, value);
    entry.owners[i].time_ns = event.time_ns;
    entry.owners[i].event_id.assign(chunk.Get(event, Field::kEventId));
    if (!std::exchange(entry.dirty, true)) dirty_.push_back(ad);
  }
}

void LearnedAds::Apply(const Batch& batch) {
  const std::vector<uint32_t>& rows = batch.owner_rows;
  for (size_t begin = 0; begin < rows.size(); begin += kSliceEvents) {
    const size_t end = std::min(rows.size(), begin + kSliceEvents);
    std::unique_lock lock(mutex_);
    for (size_t i = begin; i < end; ++i) {
      const EventRef& ref = batch.rows[rows[i]].ref;
      TakeEvent(*ref.chunk, *ref.event, ref.ad);
    }
  }
}

Status LearnedAds::Replay(std::string_view block, const AdTable& ads) {
  Result<bool> carries = RawBlockCarries(block, kOwnerFields);
  if (!carries.ok()) return carries.status();
  if (!*carries) return Status::Ok();
  EventChunk chunk;
  std::vector<uint32_t> numbers;
  Status decoded = ReadBlock(block, ads, nullptr, &chunk, &numbers);
  if (!decoded.ok()) return decoded;
  std::unique_lock lock(mutex_);
  for (size_t i = 0; i < chunk.events.size(); ++i) TakeEvent(chunk, chunk.events[i], numbers[i]);
  return Status::Ok();
}

void LearnedAds::Freeze(uint64_t sequence) {
  std::unique_lock lock(mutex_);
  frozen_sequence_ = sequence;
  frozen_ = std::exchange(dirty_, {});
  for (uint32_t ad : frozen_) EntryOf(ad).dirty = false;
}

LearnedAd LearnedAds::ToRecord(const Entry& entry) const {
  LearnedAd record;
  for (size_t i = 0; i < kAdOwnerCount; ++i) {
    const Owner& owner = entry.owners[i];
    if (owner.value != kNone) record[i] = {owner.time_ns, owner.event_id, texts_[owner.value]};
  }
  return record;
}

Result<LearnedAds::File> LearnedAds::WriteFile() {
  File written;
  written.position = EncodePosition(frozen_sequence_);
  if (frozen_.empty()) return written;
  std::sort(frozen_.begin(), frozen_.end());
  written.file = IngestFile{Family::kAdOwners, storage_->ScratchPath("ad_owners")};
  const auto writer = storage_->NewFileWriter(Family::kAdOwners);
  rocksdb::Status status = writer->Open(written.file->path);
  for (uint32_t ad : frozen_) {
    if (!status.ok()) break;
    std::shared_lock lock(mutex_);
    const std::string record = EncodeLearnedAd(ToRecord(*FindEntry(ad)));
    lock.unlock();
    status = writer->Put(AdKey{ad}.Encode(), record);
  }
  if (status.ok()) status = writer->Finish();
  if (!status.ok()) return FromRocks(status, "write ad_owners");
  return written;
}

std::optional<std::string> LearnedAds::OwnerOf(uint32_t ad, AdOwner owner) const {
  std::shared_lock lock(mutex_);
  const Entry* entry = FindEntry(ad);
  if (entry == nullptr) return std::nullopt;
  const uint32_t value = entry->owners[static_cast<size_t>(owner)].value;
  if (value == kNone) return std::nullopt;
  return texts_[value];
}

void LearnedAds::AdsOf(AdOwner owner, std::string_view value, std::vector<uint32_t>* ads) const {
  std::shared_lock lock(mutex_);
  auto known = text_numbers_.find(value);
  if (known == text_numbers_.end()) return;
  const Members& members = members_[static_cast<size_t>(owner)][known->second];
  ads->insert(ads->end(), members.begin(), members.end());
}

Status ReplayEverything(const Storage& storage, const AdTable& ads, LearnedAds* learned) {
  rocksdb::ReadOptions read;
  read.readahead_size = 4 << 20;
  read.fill_cache = false;
  for (Family family : {Family::kRaw, Family::kPacked}) {
    std::unique_ptr<rocksdb::Iterator> it(storage.db()->NewIterator(read, storage.handle(family)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      Status replayed = learned->Replay(ToView(it->value()), ads);
      if (!replayed.ok()) return replayed.WithContext("a block of " + std::string(FamilyName(family)));
    }
    if (!it->status().ok()) return FromRocks(it->status(), "learn of ads");
  }
  return Status::Ok();
}

}  // namespace tallymark
