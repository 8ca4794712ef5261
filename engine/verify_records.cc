#include "engine/verify_records.h"

#include "engine/learned_ads.h"
#include "format/ad_record.h"
#include "format/keys.h"
#include "format/waiting_conversion.h"

namespace tallymark {
namespace {

using Decode = std::function<Status(std::string_view key, std::string_view value)>;

void CheckFamily(const InspectedDirectory& directory, Family family, const Decode& decode,
                 VerifyFindings* findings) {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  rocksdb::DB* db = directory.storage->db();
  std::unique_ptr<rocksdb::Iterator> it(db->NewIterator(read, directory.storage->handle(family)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    Status decoded = decode(ToView(it->key()), ToView(it->value()));
    if (!decoded.ok()) findings->Damage(decoded.WithContext(std::string(FamilyName(family))).message());
  }
  if (!it->status().ok())
    findings->Damage(FromRocks(it->status(), "read " + std::string(FamilyName(family))).message());
}

Status DecodeWaiting(std::string_view key, std::string_view value) {
  RawKey number;
  EventChunk chunk;
  int64_t arrival_ns = 0;
  if (!RawKey::Decode(key, &number)) return Status::Corruption("a key is unreadable");
  return DecodeWaitingConversion(value, &chunk, &arrival_ns)
      .WithContext("number " + std::to_string(number.sequence));
}

std::string OwnerText(const std::optional<std::string>& owner) {
  return owner ? "\"" + *owner + "\"" : "none";
}

void CompareOwners(const InspectedDirectory& directory, const LearnedAds& stored, const LearnedAds& raw,
                   VerifyFindings* findings) {
  for (uint32_t ad = 0; ad < directory.ads.size(); ++ad) {
    for (size_t i = 0; i < kAdOwnerCount; ++i) {
      const auto owner = static_cast<AdOwner>(i);
      const std::optional<std::string> kept = stored.OwnerOf(ad, owner);
      const std::optional<std::string> said = raw.OwnerOf(ad, owner);
      if (kept == said) continue;
      findings->Damage("ad_owners: " + std::string(FieldName(FieldOf(owner))) + " of ad " +
                       std::string(directory.ads.Name(ad)) + " is " + OwnerText(kept) + ", raw says " +
                       OwnerText(said));
    }
  }
}

void CheckOwners(const InspectedDirectory& directory, VerifyFindings* findings) {
  LearnedAds stored(directory.storage.get());
  LearnedAds raw(directory.storage.get());
  Status read = stored.Load();
  const std::optional<uint64_t> covered = stored.covered_sequence();
  if (!read.ok() || !covered || directory.retention->raw != INT32_MIN) return;  // damage is known by now
  read = directory.ForEachTailBlock(
      *covered, [&](uint64_t, std::string_view block) { return stored.Replay(block, directory.ads); });
  if (read.ok()) read = ReplayEverything(*directory.storage, directory.ads, &raw);
  if (read.ok()) CompareOwners(directory, stored, raw, findings);
}

}  // namespace

void CheckRecords(const InspectedDirectory& directory, VerifyFindings* findings) {
  CheckFamily(directory, Family::kPendingConversions, DecodeWaiting, findings);
  CheckFamily(
      directory, Family::kAdOwners,
      [](std::string_view key, std::string_view value) {
        AdKey ad;
        LearnedAd record;
        if (!AdKey::Decode(key, &ad)) return Status::Corruption("a key is unreadable");
        return DecodeLearnedAd(value, &record).WithContext("ad " + std::to_string(ad.number));
      },
      findings);
  CheckFamily(
      directory, Family::kAdSettings,
      [](std::string_view key, std::string_view value) {
        AdSettings record;
        return DecodeAdSettings(value, &record).WithContext("ad " + std::string(key));
      },
      findings);
  CheckOwners(directory, findings);
}

}  // namespace tallymark
