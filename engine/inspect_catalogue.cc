// What an Inspector shows of the catalogue and of waiting conversions.

#include "engine/block_reader.h"
#include "engine/catalogue.h"
#include "engine/inspect_impl.h"
#include "engine/learned_ads.h"
#include "format/keys.h"
#include "format/waiting_conversion.h"

namespace tallymark {
namespace {

// As a start of the engine does: what was stored, then what the log holds beyond it.
Status LoadLearned(const InspectedDirectory& directory, LearnedAds* learned) {
  Status loaded = learned->Load();
  if (!loaded.ok()) return loaded;
  if (std::optional<uint64_t> covered = learned->covered_sequence()) {
    return directory.ForEachTailBlock(
        *covered, [&](uint64_t, std::string_view block) { return learned->Replay(block, directory.ads); });
  }
  return ReplayEverything(*directory.storage, directory.ads, learned);
}

}  // namespace

Status InspectorImpl::ForEachWaiting(const InspectRange& range,
                                     const std::function<bool(const RawEvent&)>& emit) {
  if (!range.ad_id.empty()) return Status::Ok();
  const Storage& storage = *directory_->storage;
  std::unique_ptr<rocksdb::Iterator> it(
      storage.db()->NewIterator(rocksdb::ReadOptions(), storage.handle(Family::kPendingConversions)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    EventChunk chunk;
    int64_t arrival_ns = 0;
    Status decoded = DecodeWaitingConversion(ToView(it->value()), &chunk, &arrival_ns);
    if (!decoded.ok()) return decoded.WithContext("pending_conversions");
    const Event& event = chunk.events.front();
    const bool inside = event.time_ns >= range.from_ns && event.time_ns < range.to_ns;
    if (inside && !emit(ToRawEvent(chunk, event))) return Status::Ok();
  }
  return FromRocks(it->status(), "read pending_conversions");
}

Status InspectorImpl::ForEachAd(const std::function<bool(const AdRecord&)>& emit) {
  const InspectedDirectory& d = *directory_;
  LearnedAds learned(d.storage.get());
  Catalogue catalogue(d.storage.get(), &d.ads, &learned);
  Status loaded = LoadLearned(d, &learned);
  if (loaded.ok()) loaded = catalogue.Load();
  if (!loaded.ok()) return loaded;
  for (uint32_t n = 0; n < d.ads.size(); ++n) {
    std::string ad_id(d.ads.Name(n));
    Result<AdSettings> entry = catalogue.Get(ad_id);
    if (!entry.ok()) return entry.status();
    if (!emit({n, std::move(ad_id), std::move(*entry)})) return Status::Ok();
  }
  for (const std::string& ad_id : catalogue.SetAds()) {
    if (d.ads.Find(ad_id)) continue;
    Result<AdSettings> entry = catalogue.Get(ad_id);
    if (!entry.ok()) return entry.status();
    if (!emit({std::nullopt, ad_id, std::move(*entry)})) return Status::Ok();
  }
  return Status::Ok();
}

}  // namespace tallymark
