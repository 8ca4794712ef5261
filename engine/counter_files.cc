// A checkpoint of CounterView as sorted files.

#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <array>

#include "engine/big_vector.h"
#include "engine/counter_position.h"
#include "engine/counter_view.h"
#include "engine/delta_rows.h"
#include "format/keys.h"
#include "format/top_chunk.h"

namespace tallymark {
namespace {

constexpr uint32_t kFilterEverything = 0;
// A bucket with this many lists has them added up into one, so that top lists over long windows
// read few.
constexpr size_t kListsMax = 4;

Status WriteRows(Storage* storage, const CounterDelta& delta, std::vector<IngestFile>* files) {
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), storage->OptionsFor(Family::kCounters));
  files->push_back({Family::kCounters, storage->ScratchPath("counters")});
  rocksdb::Status status = writer.Open(files->back().path);
  RowBuilder builder;
  std::string bytes;
  char key[CounterKey::kSize];
  for (const SortItem& item : SortedRows(delta, false)) {
    if (!status.ok()) break;
    CounterDelta::RowId id;
    delta.RowAt(item.value, &id);
    CounterKey{id.ad, kFilterEverything, id.hour}.EncodeTo(key);
    bytes.clear();
    EncodeHourRow(builder.Build(delta, item.value), &bytes);
    status = writer.Merge(rocksdb::Slice(key, sizeof key), bytes);
  }
  if (status.ok()) status = writer.Finish();
  return FromRocks(status, "write counter rows");
}

// Rows that take the place of what is stored, operands and all.
Status WriteReplacingRows(Storage* storage, const CounterView::HourReplacement& replacement,
                          std::vector<IngestFile>* files) {
  if (replacement.counts->empty() && replacement.stray_ads.empty()) return Status::Ok();
  rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), storage->OptionsFor(Family::kCounters));
  files->push_back({Family::kCounters, storage->ScratchPath("counters")});
  rocksdb::Status status = writer.Open(files->back().path);
  auto stray = replacement.stray_ads.begin();
  auto key_of = [&](uint32_t ad) { return CounterKey{ad, kFilterEverything, replacement.hour}.Encode(); };
  auto delete_strays = [&](uint64_t before) {
    for (; stray != replacement.stray_ads.end() && *stray < before; ++stray) {
      if (status.ok()) status = writer.Delete(key_of(*stray));
    }
  };
  RowBuilder builder;
  std::string bytes;
  for (const SortItem& item : SortedRows(*replacement.counts, false)) {
    const auto ad = static_cast<uint32_t>(item.key >> 32);
    delete_strays(ad);
    if (stray != replacement.stray_ads.end() && *stray == ad) ++stray;
    HourRow row = builder.Build(*replacement.counts, item.value);
    if (!replacement.minutes) row.cells.clear();
    bytes.clear();
    EncodeHourRow(row, &bytes);
    if (status.ok()) status = writer.Put(key_of(ad), bytes);
  }
  delete_strays(UINT64_MAX);
  if (status.ok()) status = writer.Finish();
  return FromRocks(status, "write recounted rows");
}

// Amounts that do not fit are a bound and stay there, whatever comes to them: how far they went over
// is not known any more. Readers report a bound as an overflow.
int64_t SaturatingAdd(int64_t a, int64_t b) {
  if (IsAmountBound(a)) return a;
  if (IsAmountBound(b)) return b;
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a < 0 ? INT64_MIN : INT64_MAX;
}

// Writes top lists of one family, buckets ascending.
class ListWriter {
 public:
  // What a list does to those of its bucket.
  enum class Mode : uint8_t { kAddTo, kReplace };

  ListWriter(Storage* storage, Family family, uint64_t generation, Mode mode)
      : storage_(storage), family_(family), generation_(generation), mode_(mode) {
    rocksdb::ReadOptions read;
    read.fill_cache = false;
    existing_.reset(storage->db()->NewIterator(read, storage->handle(family)));
  }

  Status Finish(std::vector<IngestFile>* files) {
    if (!writer_) return Status::Ok();
    files->push_back({family_, path_});
    return FromRocks(writer_->Finish(), "write top lists");
  }

  // Adds one list, pairs sorted by ad, and empties it. An empty one replaces too.
  Status Add(int32_t bucket, uint8_t metric, BigVector<TopPair>* pairs) {
    if (pairs->empty() && mode_ == Mode::kAddTo) return Status::Ok();
    Status added = AddList(bucket, metric, pairs);
    pairs->clear();
    return added;
  }

 private:
  Status AddList(int32_t bucket, uint8_t metric, BigVector<TopPair>* pairs) {
    std::erase_if(*pairs, [](const TopPair& p) { return p.amount == 0; });
    std::vector<std::string> replaced;
    Status merged = MergeExisting(bucket, metric, pairs, &replaced);
    // What adds up to nothing still replaces what was there.
    if (!merged.ok() || (pairs->empty() && replaced.empty())) return merged;
    if (!writer_) {
      path_ = storage_->ScratchPath(FamilyName(family_));
      writer_ =
          std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), storage_->OptionsFor(family_));
      Status opened = FromRocks(writer_->Open(path_), "create top lists");
      if (!opened.ok()) return opened;
    }
    // Older generations sort before the new one.
    for (const std::string& key : replaced) {
      Status deleted = FromRocks(writer_->Delete(key), "replace a top list");
      if (!deleted.ok()) return deleted;
    }
    std::string bytes;
    for (size_t begin = 0; begin < pairs->size(); begin += kTopChunkPairsMax) {
      const size_t count = std::min(kTopChunkPairsMax, pairs->size() - begin);
      bytes.clear();
      EncodeTopChunk(std::span(*pairs).subspan(begin, count), &bytes);
      TopKey key{bucket, kFilterEverything, metric, generation_,
                 static_cast<uint16_t>(begin / kTopChunkPairsMax)};
      Status put = FromRocks(writer_->Put(key.Encode(), bytes), "write a top list");
      if (!put.ok()) return put;
    }
    return Status::Ok();
  }

  // When the bucket has many lists already, adds them to *pairs and names their keys. Where they are
  // to be replaced it only names them.
  Status MergeExisting(int32_t bucket, uint8_t metric, BigVector<TopPair>* pairs,
                       std::vector<std::string>* replaced) {
    const std::string prefix = TopKey{bucket, kFilterEverything, metric, 0, 0}.EncodePrefix();
    size_t lists = 0;
    uint64_t last_generation = UINT64_MAX;
    for (existing_->Seek(prefix); existing_->Valid() && existing_->key().starts_with(prefix);
         existing_->Next()) {
      TopKey key;
      if (!TopKey::Decode(ToView(existing_->key()), &key))
        return Status::Corruption("a top list key is unreadable");
      lists += key.generation != last_generation ? 1 : 0;
      last_generation = key.generation;
      replaced->push_back(existing_->key().ToString());
    }
    if (!existing_->status().ok()) return FromRocks(existing_->status(), "list top lists");
    if (mode_ == Mode::kReplace) return Status::Ok();
    if (lists < kListsMax) {
      replaced->clear();
      return Status::Ok();
    }
    std::vector<TopPair> chunk;
    for (const std::string& key : *replaced) {
      Result<std::string> bytes = storage_->Get(family_, key);
      if (!bytes.ok()) return bytes.status();
      Status decoded = DecodeTopChunk(*bytes, &chunk);
      if (!decoded.ok()) return decoded;
      pairs->insert(pairs->end(), chunk.begin(), chunk.end());
    }
    AddUp(pairs);
    return Status::Ok();
  }

  static void AddUp(BigVector<TopPair>* pairs) {
    std::sort(pairs->begin(), pairs->end(), [](const TopPair& a, const TopPair& b) { return a.ad < b.ad; });
    size_t out = 0;
    for (size_t i = 0; i < pairs->size();) {
      TopPair sum = (*pairs)[i++];
      while (i < pairs->size() && (*pairs)[i].ad == sum.ad)
        sum.amount = SaturatingAdd(sum.amount, (*pairs)[i++].amount);
      if (sum.amount != 0) (*pairs)[out++] = sum;
    }
    pairs->resize(out);
  }

  Storage* const storage_;
  const Family family_;
  const uint64_t generation_;
  const Mode mode_;
  std::unique_ptr<rocksdb::Iterator> existing_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::string path_;
};

// The lists of one hour while its rows go by in order of ads.
class HourLists {
 public:
  void Add(uint32_t ad, int minute, Metric metric, int64_t amount) {
    AddPair(&minutes_[static_cast<size_t>(minute * kMetricCount) + static_cast<size_t>(metric)], ad, amount);
    AddPair(&hours_[static_cast<size_t>(metric)], ad, amount);
  }
  // Without a `minute_writer` the minutes are left out.
  Status Flush(int32_t hour, ListWriter* minute_writer, ListWriter* hour_writer) {
    Status status;
    for (size_t i = 0; i < minutes_.size() && status.ok(); ++i) {
      if (minute_writer == nullptr) break;
      const auto minute = static_cast<int32_t>(i) / kMetricCount;
      status = minute_writer->Add(hour * kMinutesPerHour + minute, static_cast<uint8_t>(i % kMetricCount),
                                  &minutes_[i]);
    }
    for (size_t i = 0; i < hours_.size() && status.ok(); ++i) {
      status = hour_writer->Add(hour, static_cast<uint8_t>(i), &hours_[i]);
    }
    return status;
  }

 private:
  static void AddPair(BigVector<TopPair>* pairs, uint32_t ad, int64_t amount) {
    if (!pairs->empty() && pairs->back().ad == ad) {
      pairs->back().amount = SaturatingAdd(pairs->back().amount, amount);
    } else {
      pairs->push_back({ad, amount});
    }
  }

  std::array<BigVector<TopPair>, size_t{kMinutesPerHour} * kMetricCount> minutes_;
  std::array<BigVector<TopPair>, kMetricCount> hours_;
};

// Hour by hour, so that memory is bounded by the fullest hour.
Status WriteLists(Storage* storage, const CounterDelta& delta, uint64_t generation,
                  std::vector<IngestFile>* files) {
  ListWriter minutes(storage, Family::kTopMinutes, generation, ListWriter::Mode::kAddTo);
  ListWriter hours(storage, Family::kTopHours, generation, ListWriter::Mode::kAddTo);
  HourLists lists;
  const BigVector<SortItem> rows = SortedRows(delta, true);
  for (size_t i = 0; i < rows.size(); ++i) {
    CounterDelta::RowId id;
    delta.RowAt(rows[i].value, &id);
    delta.ForEachCellAt(rows[i].value, [&](int minute, Metric metric, int64_t amount) {
      lists.Add(id.ad, minute, metric, amount);
    });
    const bool hour_ends = i + 1 == rows.size() || rows[i + 1].key >> 32 != rows[i].key >> 32;
    if (!hour_ends) continue;
    Status flushed = lists.Flush(id.hour, &minutes, &hours);
    if (!flushed.ok()) return flushed;
  }
  Status finished = minutes.Finish(files);
  return finished.ok() ? hours.Finish(files) : finished;
}

Status WriteReplacingLists(Storage* storage, const CounterView::HourReplacement& replacement,
                           uint64_t generation, std::vector<IngestFile>* files) {
  ListWriter minutes(storage, Family::kTopMinutes, generation, ListWriter::Mode::kReplace);
  ListWriter hours(storage, Family::kTopHours, generation, ListWriter::Mode::kReplace);
  HourLists lists;
  const CounterDelta& counts = *replacement.counts;
  for (const SortItem& item : SortedRows(counts, false)) {
    const auto ad = static_cast<uint32_t>(item.key >> 32);
    counts.ForEachCellAt(item.value, [&](int minute, Metric metric, int64_t amount) {
      lists.Add(ad, minute, metric, amount);
    });
  }
  Status status = lists.Flush(replacement.hour, replacement.minutes ? &minutes : nullptr, &hours);
  if (status.ok()) status = minutes.Finish(files);
  return status.ok() ? hours.Finish(files) : status;
}

}  // namespace

Result<CounterView::Files> CounterView::WriteReplacement(const HourReplacement& replacement) {
  Files out;
  Status written = WriteReplacingRows(storage_, replacement, &out.files);
  if (written.ok()) written = WriteReplacingLists(storage_, replacement, generation_ + 1, &out.files);
  if (!written.ok()) return written;
  out.position = CounterPosition{covered_sequence_, generation_ + 1}.Encode();
  return out;
}

Result<CounterView::Files> CounterView::WriteFiles() {
  Files out;
  if (!frozen_->empty()) {
    Status written = WriteRows(storage_, *frozen_, &out.files);
    if (written.ok()) written = WriteLists(storage_, *frozen_, generation_ + 1, &out.files);
    if (!written.ok()) return written;
  }
  out.position = CounterPosition{frozen_sequence_, generation_ + 1}.Encode();
  return out;
}

}  // namespace tallymark
