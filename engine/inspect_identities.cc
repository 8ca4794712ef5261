#include "engine/inspect_identities.h"

#include <cstdio>

#include "engine/block_reader.h"
#include "engine/inspect_impl.h"
#include "format/keys.h"

namespace tallymark {
std::string HexOf(const Hash128& id) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(id.hi),
                static_cast<unsigned long long>(id.lo));
  return text;
}

IdentityEntry EntryOf(const Event& event, uint32_t ad, uint64_t sequence) {
  return {event.identity, {HourOf(event.time_ns), ad, sequence, event.content_check}};
}

Status ScanSegment(const Storage& storage, const IdentitySegment& segment, uint32_t first_bucket,
                   uint32_t last_bucket, const SegmentVisitor& visitor) {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.readahead_size = 1 << 20;
  std::unique_ptr<rocksdb::Iterator> it(storage.db()->NewIterator(read, storage.handle(Family::kIdentities)));
  std::vector<IdentityEntry> entries;
  for (it->Seek(IdentityKey{segment.day, segment.number, first_bucket}.Encode()); it->Valid(); it->Next()) {
    IdentityKey key;
    if (!IdentityKey::Decode(ToView(it->key()), &key))
      return Status::Corruption("a key of identities is unreadable");
    if (key.day != segment.day || key.segment != segment.number || key.bucket > last_bucket) break;
    entries.clear();
    Status decoded =
        DecodeIdentityBucket(ToView(it->value()), segment.bucket_bits, segment.day, key.bucket, &entries);
    if (!decoded.ok()) {
      visitor.damaged(decoded.WithContext("identity segment " + std::to_string(segment.number) + ", bucket " +
                                          std::to_string(key.bucket)));
      continue;
    }
    if (!visitor.visit(key.bucket, entries)) return Status::Ok();
  }
  return FromRocks(it->status(), "read identity segment " + std::to_string(segment.number));
}

Status InspectorImpl::SealedIdentities(const EntryVisit& visit, bool* more) const {
  for (const IdentitySegment& segment : directory_->identities.segments) {
    Status damage;
    SegmentVisitor visitor;
    visitor.visit = [&](uint32_t, const std::vector<IdentityEntry>& entries) {
      for (const IdentityEntry& e : entries) *more = *more && visit(e, true);
      return *more;
    };
    visitor.damaged = [&](const Status& status) { damage = status; };
    Status read = ScanSegment(*directory_->storage, segment, 0, UINT32_MAX, visitor);
    if (!read.ok()) return read;
    if (!damage.ok()) return damage;
    if (!*more) break;
  }
  return Status::Ok();
}

Status InspectorImpl::UnsealedIdentities(const EntryVisit& visit, bool* more) const {
  return directory_->ForEachTailBlock(
      directory_->identities.covered_sequence, [&](uint64_t sequence, std::string_view block) {
        if (!*more) return Status::Ok();
        EventChunk chunk;
        std::vector<uint32_t> ads;
        Status decoded = ReadBlock(block, directory_->ads, nullptr, &chunk, &ads);
        for (size_t i = 0; decoded.ok() && *more && i < chunk.events.size(); ++i)
          *more = visit(EntryOf(chunk.events[i], ads[i], sequence), false);
        return decoded;
      });
}

Status InspectorImpl::ForEachIdentity(const InspectRange& range,
                                      const std::function<bool(const IdentityRecord&)>& emit) {
  std::optional<uint32_t> ad;
  if (!range.ad_id.empty()) {
    ad = directory_->ads.Find(range.ad_id);
    if (!ad) return Status::Ok();
  }
  IdentityRecord record;
  auto visit = [&](const IdentityEntry& entry, bool sealed) {
    if (directory_->RawIsGone(entry.place.hour) || (ad && entry.place.ad != *ad)) return true;
    if (entry.place.hour < HourOf(range.from_ns)) return true;
    if (static_cast<__int128>(entry.place.hour) * kNsPerHour >= range.to_ns) return true;
    record.id_hex = HexOf(entry.id);
    const bool known = entry.place.ad < directory_->ads.size();
    record.ad_id = known ? directory_->ads.Name(entry.place.ad) : std::string_view();
    record.hour_ms = entry.place.hour * kMsPerHour;
    record.sequence = entry.place.sequence;
    record.sealed = sealed;
    return emit(record);
  };
  bool more = true;
  Status read = SealedIdentities(visit, &more);
  if (read.ok() && more) read = UnsealedIdentities(visit, &more);
  return read;
}

}  // namespace tallymark
