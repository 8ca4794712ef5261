#include "engine/identity_sealer.h"

#include <algorithm>
#include <array>
#include <map>

#include "engine/big_vector.h"
#include "engine/radix_sort.h"
#include "format/keys.h"
#include "format/time_units.h"
#include "format/uniform_sort.h"

namespace tallymark {
namespace {

// Merges make no segment larger than this. Under load every seal is as large, so that nothing is
// written twice; a day of 10^9 then has 125 segments, each with a tag of its own.
constexpr uint64_t kMergeEntriesMax = 8'000'000;
// Small days share files up to this many entries.
constexpr uint64_t kFileEntries = 4'000'000;
// A segment of as many has a file to itself. One that it shared with another day would reach over what was
// ingested for both before: it could not go to RocksDB's last level and would be copied there later.
constexpr uint64_t kOwnFileEntries = 100'000;

// Size-tiered: a segment joins the merge when it is not much larger than what is merged into it,
// so that an entry is rewritten a logarithmic number of times.
std::vector<IdentitySegment> ChooseMerges(std::vector<IdentitySegment> segments, uint64_t fresh) {
  std::sort(segments.begin(), segments.end(),
            [](const IdentitySegment& a, const IdentitySegment& b) { return a.entries < b.entries; });
  std::vector<IdentitySegment> chosen;
  uint64_t total = fresh;
  for (const IdentitySegment& s : segments) {
    if (s.entries > total || total + s.entries > kMergeEntriesMax) break;
    chosen.push_back(s);
    total += s.entries;
  }
  return chosen;
}

IdentityEntry ToEntry(const LiveIdentity& live) {
  return {live.id, {HourOf(live.time_ns), live.ad, live.sequence, static_cast<uint16_t>(live.content_check)}};
}

bool Before(const IdentityEntry& a, const IdentityEntry& b) {
  return a.id != b.id ? a.id < b.id : a.place.hour < b.place.hour;
}

// What goes into one segment, lane by lane: entries of the frozen generation where they lie, and entries
// of segments that are merged in. Nothing of the generation is copied before its lane's turn: tables
// of entries would be hundreds of megabytes, and fresh memory is slower than all the sorting.
class DayEntries {
 public:
  static constexpr size_t kLanes = IdentityGeneration::kLanes;

  explicit DayEntries(const IdentityGeneration& frozen) : frozen_(&frozen) {}

  // Those of the generation, in its order.
  void Add(uint32_t number, const Hash128& id) {
    numbers_.push_back(number);
    ++counts_[IdentityGeneration::LaneOf(id)];
  }
  void Merge(const IdentityEntry& entry) {
    merged_[IdentityGeneration::LaneOf(entry.id)].push_back(entry);
    ++merged_size_;
  }
  uint64_t size() const { return numbers_.size() + merged_size_; }

  // Calls take(entry) for the entries of the next lane; to be called kLanes times.
  template <class Take>
  void TakeLane(Take&& take) {
    for (uint32_t left = counts_[lane_]; left > 0; --left) take(ToEntry(frozen_->Get(numbers_[at_++])));
    for (const IdentityEntry& entry : merged_[lane_]) take(entry);
    merged_[lane_++] = {};
  }

 private:
  const IdentityGeneration* frozen_;
  BigVector<uint32_t> numbers_;
  std::array<uint32_t, kLanes> counts_{};  // of numbers_ in each lane
  std::array<std::vector<IdentityEntry>, kLanes> merged_;
  uint64_t merged_size_ = 0;
  size_t lane_ = 0, at_ = 0;  // what was taken
};

// Hands out the entries bucket by bucket, sorted: in portions of whole buckets that fit a near cache,
// which are a part of a lane where there are many entries and several lanes where there are few.
class BucketSorter {
 public:
  // Calls visit(bucket, entries) for every bucket that is not empty, in order, until it fails.
  template <class Visit>
  Status ForEach(DayEntries* entries, int bucket_bits, Visit&& visit) {
    const int lane_bits = std::min(bucket_bits, IdentityGeneration::kLaneBits);
    const int part_bits = std::min(bucket_bits - lane_bits, kPartBits);
    const size_t lanes = DayEntries::kLanes >> lane_bits;
    for (size_t taken = 0; taken < DayEntries::kLanes; taken += lanes) {
      for (size_t lane = 0; lane < lanes; ++lane) TakeLane(entries, part_bits);
      for (size_t part = 0; part < size_t{1} << part_bits; ++part) {
        SortPart(parts_[part], static_cast<unsigned>(lane_bits + part_bits));
        Status status = VisitBuckets(parts_[part], bucket_bits, visit);
        if (!status.ok()) return status;
        parts_[part].clear();
      }
    }
    return Status::Ok();
  }

 private:
  using Entries = std::vector<IdentityEntry>;
  static constexpr int kPartBits = 3;

  void TakeLane(DayEntries* entries, int part_bits) {
    entries->TakeLane([&](const IdentityEntry& entry) {
      const uint64_t bits = entry.id.hi << IdentityGeneration::kLaneBits;
      parts_[part_bits == 0 ? 0 : bits >> (64 - part_bits)].push_back(entry);
    });
  }

  // Leaves the order in order_.
  void SortPart(const Entries& part, unsigned equal_bits) {
    order_.clear();
    for (const IdentityEntry& entry : part)
      order_.push_back({entry.id.hi, static_cast<uint32_t>(order_.size())});
    sort_.Sort(
        &order_, &scratch_, equal_bits, [](const SortItem& item) { return item.key; },
        [&](const SortItem& a, const SortItem& b) {
          return a.key != b.key ? a.key < b.key : Before(part[a.value], part[b.value]);
        });
  }

  template <class Visit>
  Status VisitBuckets(const Entries& part, int bucket_bits, Visit&& visit) {
    for (size_t begin = 0; begin < order_.size();) {
      const uint32_t bucket = BucketOf(part[order_[begin].value].id, bucket_bits);
      sorted_.clear();
      for (; begin < order_.size(); ++begin) {
        const IdentityEntry& entry = part[order_[begin].value];
        if (BucketOf(entry.id, bucket_bits) != bucket) break;
        sorted_.push_back(entry);
      }
      Status status = visit(bucket, std::span<const IdentityEntry>(sorted_));
      if (!status.ok()) return status;
    }
    return Status::Ok();
  }

  UniformSort sort_;
  std::array<Entries, size_t{1} << kPartBits> parts_;
  Entries sorted_;
  std::vector<SortItem> order_, scratch_;
};

// Writes segments one after another, several small ones to a file.
class SegmentWriter {
 public:
  explicit SegmentWriter(Storage* storage) : storage_(storage) {}

  Status Add(const IdentitySegment& segment, DayEntries* entries) {
    const bool alone = entries->size() >= kOwnFileEntries;
    if (alone) {
      Status finished = Finish();
      if (!finished.ok()) return finished;
    }
    if (!writer_) {
      Status opened = Begin();
      if (!opened.ok()) return opened;
    }
    in_file_ += entries->size();
    Status written = sorter_.ForEach(entries, segment.bucket_bits, [&](uint32_t bucket, auto sorted) {
      bytes_.clear();
      EncodeIdentityBucket(segment.bucket_bits, segment.day, sorted, &bytes_);
      const IdentityKey key{segment.day, segment.number, bucket};
      return FromRocks(writer_->Put(key.Encode(), bytes_), "write an identity segment");
    });
    if (!written.ok()) return written;
    return alone || in_file_ >= kFileEntries ? Finish() : Status::Ok();
  }

  Status Finish() {
    if (!writer_) return Status::Ok();
    rocksdb::Status finished = writer_->Finish();
    writer_.reset();
    in_file_ = 0;
    return FromRocks(finished, "finish an identity segment");
  }
  std::vector<std::string> TakePaths() { return std::move(paths_); }

 private:
  Status Begin() {
    writer_ = storage_->NewFileWriter(Family::kIdentities);
    paths_.push_back(storage_->ScratchPath("identities"));
    return FromRocks(writer_->Open(paths_.back()), "create an identity segment");
  }

  Storage* const storage_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::vector<std::string> paths_;
  uint64_t in_file_ = 0;
  BucketSorter sorter_;
  std::string bytes_;
};

std::map<int32_t, DayEntries> EntriesByDay(const IdentityGeneration& frozen, int32_t first_day_kept) {
  std::map<int32_t, DayEntries> by_day;
  DayEntries* last = nullptr;
  int32_t last_day = 0;
  frozen.ForEach([&](uint32_t number, const LiveIdentity& entry) {
    const int32_t day = DayOf(entry.time_ns);
    if (day < first_day_kept) return;
    if (last == nullptr || day != last_day) {
      last = &by_day.try_emplace(day, frozen).first->second;
      last_day = day;
    }
    last->Add(number, entry.id);
  });
  return by_day;
}

}  // namespace

Status ForEachInSegment(const Storage& storage, const IdentitySegment& segment,
                        const std::function<void(const IdentityEntry&)>& visit) {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.readahead_size = 1 << 20;
  std::string end = IdentityKey{segment.day, segment.number + 1, 0}.Encode();
  rocksdb::Slice upper(end);
  read.iterate_upper_bound = &upper;
  std::unique_ptr<rocksdb::Iterator> it(storage.db()->NewIterator(read, storage.handle(Family::kIdentities)));
  std::vector<IdentityEntry> entries;
  for (it->Seek(IdentityKey{segment.day, segment.number, 0}.Encode()); it->Valid(); it->Next()) {
    IdentityKey key;
    if (!IdentityKey::Decode(ToView(it->key()), &key))
      return Status::Corruption("a key of identities is unreadable");
    entries.clear();
    Status decoded =
        DecodeIdentityBucket(ToView(it->value()), segment.bucket_bits, segment.day, key.bucket, &entries);
    if (!decoded.ok()) {
      return decoded.WithContext("identity segment " + std::to_string(segment.number) + " bucket " +
                                 std::to_string(key.bucket));
    }
    for (const IdentityEntry& e : entries) visit(e);
  }
  return FromRocks(it->status(), "read an identity segment");
}

Result<SealedFiles> SealGeneration(Storage* storage, const IdentityManifest& current,
                                   const IdentityGeneration& frozen, uint64_t covered_sequence,
                                   int32_t first_day_kept) {
  SealedFiles sealed;
  sealed.manifest.covered_sequence = covered_sequence;
  sealed.manifest.next_segment = current.next_segment;
  std::map<int32_t, std::vector<IdentitySegment>> kept;
  for (const IdentitySegment& s : current.segments) {
    if (s.day < first_day_kept) {
      sealed.removed.push_back(s);
    } else {
      kept[s.day].push_back(s);
    }
  }
  SegmentWriter writer(storage);
  for (auto& [day, entries] : EntriesByDay(frozen, first_day_kept)) {
    for (const IdentitySegment& s : ChooseMerges(kept[day], entries.size())) {
      Status read =
          ForEachInSegment(*storage, s, [&into = entries](const IdentityEntry& e) { into.Merge(e); });
      if (!read.ok()) return read;
      sealed.removed.push_back(s);
      std::erase_if(kept[day], [&](const IdentitySegment& x) { return x.number == s.number; });
    }
    IdentitySegment fresh{day, sealed.manifest.next_segment++, entries.size(),
                          ChooseBucketBits(entries.size())};
    Status written = writer.Add(fresh, &entries);
    if (!written.ok()) return written;
    kept[day].push_back(fresh);
  }
  Status finished = writer.Finish();
  if (!finished.ok()) return finished;
  sealed.paths = writer.TakePaths();
  for (const auto& [day, segments] : kept) {
    sealed.manifest.segments.insert(sealed.manifest.segments.end(), segments.begin(), segments.end());
  }
  return sealed;
}

Status DeleteSegments(Storage* storage, const std::vector<IdentitySegment>& removed) {
  for (const IdentitySegment& s : removed) {
    rocksdb::Status deleted = storage->db()->DeleteRange(
        rocksdb::WriteOptions(), storage->handle(Family::kIdentities),
        IdentityKey{s.day, s.number, 0}.Encode(), IdentityKey{s.day, s.number + 1, 0}.Encode());
    if (!deleted.ok()) return FromRocks(deleted, "delete an identity segment");
  }
  if (removed.empty()) return Status::Ok();
  // This family is otherwise ingested only: no memtable may be left that the next files overlap.
  return FromRocks(storage->db()->Flush(rocksdb::FlushOptions(), storage->handle(Family::kIdentities)),
                   "flush deleted identity segments");
}

}  // namespace tallymark
