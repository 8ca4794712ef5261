#include "engine/identity_sealer.h"

#include <algorithm>
#include <map>

#include "engine/big_vector.h"
#include "engine/radix_sort.h"
#include "format/keys.h"
#include "format/prefetch.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

// Merges make no segment larger than this. Under load every seal is as large, so that nothing is
// written twice; a day of 10^9 then has 125 segments, each with a tag of its own.
constexpr uint64_t kMergeEntriesMax = 8'000'000;
// Small days share files up to this many entries.
constexpr uint64_t kFileEntries = 4'000'000;

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

// What goes into one segment: entries of the frozen generation where they lie, and entries of
// segments that are merged in. Nothing of the generation is copied before its bucket's turn: tables
// of entries would be hundreds of megabytes, and fresh memory is slower than all the sorting.
class DayEntries {
 public:
  DayEntries(const IdentityGeneration& frozen, const BigVector<uint32_t>& numbers)
      : frozen_(frozen), numbers_(numbers) {}

  void Merge(const IdentityEntry& entry) { merged_.push_back(entry); }
  uint64_t size() const { return numbers_.size() + merged_.size(); }

  // Calls visit(reference, id) for every entry; Get takes the reference.
  template <class Visit>
  void ForEach(Visit&& visit) const {
    for (uint32_t number : numbers_) visit(number, frozen_.Get(number).id);
    for (size_t i = 0; i < merged_.size(); ++i) visit(kMergedBit | static_cast<uint32_t>(i), merged_[i].id);
  }
  IdentityEntry Get(uint32_t reference) const {
    return (reference & kMergedBit) != 0 ? merged_[reference & ~kMergedBit] : ToEntry(frozen_.Get(reference));
  }
  void Prefetch(uint32_t reference) const {
    if ((reference & kMergedBit) == 0) PrefetchLine(&frozen_.Get(reference));
  }

 private:
  static constexpr uint32_t kMergedBit = 1U << 31;
  static_assert(IdentityGeneration::kEntriesMax < kMergedBit && kMergeEntriesMax < kMergedBit);

  const IdentityGeneration& frozen_;
  const BigVector<uint32_t>& numbers_;
  BigVector<IdentityEntry> merged_;
};

// Hands out the entries bucket by bucket, each bucket sorted: a counting sort of references by
// bucket, then a comparison sort of the hundred or so entries in each.
class BucketCursor {
 public:
  BucketCursor(const DayEntries& entries, int bucket_bits)
      : entries_(entries),
        begin_((size_t{1} << bucket_bits) + 1),
        references_(static_cast<size_t>(entries.size())) {
    entries.ForEach([&](uint32_t, const Hash128& id) { ++begin_[BucketOf(id, bucket_bits) + 1]; });
    for (size_t b = 1; b < begin_.size(); ++b) begin_[b] += begin_[b - 1];
    std::vector<uint32_t> next(begin_.begin(), begin_.end() - 1);
    entries.ForEach([&](uint32_t reference, const Hash128& id) {
      references_[next[BucketOf(id, bucket_bits)]++] = reference;
    });
  }

  size_t buckets() const { return begin_.size() - 1; }
  // Valid until the next call.
  std::span<const IdentityEntry> Get(size_t bucket) {
    constexpr uint32_t kAhead = 24;
    gathered_.clear();
    order_.clear();
    for (uint32_t i = begin_[bucket]; i < begin_[bucket + 1]; ++i) {
      if (i + kAhead < references_.size()) entries_.Prefetch(references_[i + kAhead]);
      gathered_.push_back(entries_.Get(references_[i]));
      order_.push_back({gathered_.back().id.hi, static_cast<uint32_t>(order_.size())});
    }
    std::sort(order_.begin(), order_.end(), [&](const SortItem& a, const SortItem& b) {
      return a.key != b.key ? a.key < b.key : Before(gathered_[a.value], gathered_[b.value]);
    });
    sorted_.clear();
    for (const SortItem& item : order_) sorted_.push_back(gathered_[item.value]);
    return sorted_;
  }

 private:
  static bool Before(const IdentityEntry& a, const IdentityEntry& b) {
    return a.id != b.id ? a.id < b.id : a.place.hour < b.place.hour;
  }

  const DayEntries& entries_;
  std::vector<uint32_t> begin_;
  BigVector<uint32_t> references_;
  std::vector<IdentityEntry> gathered_, sorted_;
  std::vector<SortItem> order_;
};

// Writes segments one after another, several small ones to a file.
class SegmentWriter {
 public:
  explicit SegmentWriter(Storage* storage) : storage_(storage) {}

  Status Add(const IdentitySegment& segment, const DayEntries& entries) {
    if (!writer_) {
      Status opened = Begin();
      if (!opened.ok()) return opened;
    }
    BucketCursor cursor(entries, segment.bucket_bits);
    std::string value;
    for (size_t b = 0; b < cursor.buckets(); ++b) {
      const std::span<const IdentityEntry> bucket = cursor.Get(b);
      if (bucket.empty()) continue;
      value.clear();
      EncodeIdentityBucket(segment.bucket_bits, segment.day, bucket, &value);
      IdentityKey key{segment.day, segment.number, static_cast<uint32_t>(b)};
      rocksdb::Status put = writer_->Put(key.Encode(), value);
      if (!put.ok()) return FromRocks(put, "write an identity segment");
    }
    in_file_ += entries.size();
    return in_file_ >= kFileEntries ? Finish() : Status::Ok();
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
};

std::map<int32_t, BigVector<uint32_t>> NumbersByDay(const IdentityGeneration& frozen) {
  std::map<int32_t, BigVector<uint32_t>> by_day;
  BigVector<uint32_t>* last = nullptr;
  int32_t last_day = 0;
  for (uint32_t i = 0; i < frozen.size(); ++i) {
    int32_t day = DayOf(frozen.Get(i).time_ns);
    if (last == nullptr || day != last_day) {
      last = &by_day[day];
      last_day = day;
    }
    last->push_back(i);
  }
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
  for (const auto& [day, numbers] : NumbersByDay(frozen)) {
    if (day < first_day_kept) continue;
    DayEntries entries(frozen, numbers);
    for (const IdentitySegment& s : ChooseMerges(kept[day], entries.size())) {
      Status read = ForEachInSegment(*storage, s, [&](const IdentityEntry& e) { entries.Merge(e); });
      if (!read.ok()) return read;
      sealed.removed.push_back(s);
      std::erase_if(kept[day], [&](const IdentitySegment& x) { return x.number == s.number; });
    }
    IdentitySegment fresh{day, sealed.manifest.next_segment++, entries.size(),
                          ChooseBucketBits(entries.size())};
    Status written = writer.Add(fresh, entries);
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
