#include "engine/identity_rebuild.h"

#include <spdlog/spdlog.h>

#include <memory>
#include <vector>

#include "engine/block_reader.h"
#include "engine/identity_generation.h"
#include "engine/identity_manifest.h"
#include "engine/identity_sealer.h"
#include "engine/meta_keys.h"
#include "engine/position_file.h"
#include "format/keys.h"

namespace tallymark {
namespace {

constexpr uint32_t kSealedAt = 8'000'000;

class IdentityRebuild {
 public:
  IdentityRebuild(Storage* storage, const AdTable& ads) : storage_(storage), ads_(ads) {}

  Status Run(uint64_t last_sequence) {
    spdlog::info("making the identities of {} anew, which are of an earlier format", storage_->data_dir());
    Status status = DropAll();
    if (status.ok()) status = ReadFamily(Family::kPacked);
    if (status.ok()) status = ReadFamily(Family::kRaw);
    if (status.ok()) status = Seal(last_sequence);
    if (status.ok()) spdlog::info("the identities of {} events are made anew", events_);
    return status;
  }

 private:
  Status DropAll() {
    Result<std::string> stored = storage_->Get(Family::kPositions, kPositionIdentities);
    if (!stored.ok()) return stored.status().code() == Code::kNotFound ? Status::Ok() : stored.status();
    IdentityManifest former;
    if (!former.Decode(*stored)) return Status::Corruption("positions/identities is unreadable");
    manifest_.next_segment = former.next_segment;
    return Ingest({}, former.segments);
  }

  // Repacked records have no place in the log: their sequence is 0, which no block has.
  Status ReadFamily(Family family) {
    rocksdb::ReadOptions read;
    read.readahead_size = 4 << 20;
    read.fill_cache = false;
    std::unique_ptr<rocksdb::Iterator> it(storage_->db()->NewIterator(read, storage_->handle(family)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      RawKey key;
      if (family == Family::kRaw && !RawKey::Decode(ToView(it->key()), &key))
        return Status::Corruption("a key of raw is unreadable");
      Status entered = Enter(ToView(it->value()), key.sequence);
      if (!entered.ok()) return entered.WithContext("a block of " + std::string(FamilyName(family)));
    }
    return FromRocks(it->status(), "read raw records");
  }

  Status Enter(std::string_view block, uint64_t sequence) {
    EventChunk chunk;
    std::vector<uint32_t> numbers;
    Status read = ReadBlock(block, ads_, nullptr, &chunk, &numbers);
    if (!read.ok()) return read;
    for (size_t i = 0; i < chunk.events.size(); ++i) {
      const Event& e = chunk.events[i];
      generation_->Insert({e.identity, e.time_ns, numbers[i], e.content_check, sequence});
    }
    events_ += chunk.events.size();
    return generation_->size() < kSealedAt ? Status::Ok() : Seal(0);
  }

  Status Seal(uint64_t covered_sequence) {
    Result<SealedFiles> sealed =
        SealGeneration(storage_, manifest_, *generation_, covered_sequence, INT32_MIN);
    if (!sealed.ok()) return sealed.status();
    manifest_ = sealed->manifest;
    generation_ = std::make_unique<IdentityGeneration>(&pool_);
    return Ingest(sealed->paths, sealed->removed);
  }

  Status Ingest(const std::vector<std::string>& paths, const std::vector<IdentitySegment>& removed) {
    Result<IngestFile> position = WritePositionFile(storage_, {{kPositionIdentities, manifest_.Encode()}});
    if (!position.ok()) return position.status();
    std::vector<IngestFile> files = {*position};
    for (const std::string& path : paths) files.push_back({Family::kIdentities, path});
    Status ingested = storage_->Ingest(files);
    return ingested.ok() ? DeleteSegments(storage_, removed) : ingested;
  }

  Storage* const storage_;
  const AdTable& ads_;
  IdentityManifest manifest_;
  PiecePool pool_{IdentityGeneration::kPieceBytes};
  std::unique_ptr<IdentityGeneration> generation_ = std::make_unique<IdentityGeneration>(&pool_);
  uint64_t events_ = 0;
};

}  // namespace

Status RebuildIdentities(Storage* storage, const AdTable& ads, uint64_t last_sequence) {
  return IdentityRebuild(storage, ads).Run(last_sequence);
}

}  // namespace tallymark
