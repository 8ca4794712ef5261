// A checkpoint of CounterView as sorted files.

#include <algorithm>
#include <array>
#include <span>

#include "engine/big_vector.h"
#include "engine/counter_position.h"
#include "engine/counter_view.h"
#include "engine/delta_rows.h"
#include "format/keys.h"
#include "format/prefetch.h"
#include "format/top_chunk.h"

namespace tallymark {
namespace {

// A bucket with this many lists has them added up into one, so that top lists over long windows
// read few.
constexpr size_t kListsMax = 4;

// Rows lie wherever their table has them.
void PrefetchRows(std::span<const RowRef> rows, size_t begin) {
  for (const RowRef& row : PrefetchGroup(rows, begin, 2)) row.delta->PrefetchRow(row.slot);
  for (const RowRef& row : PrefetchGroup(rows, begin, 1)) row.delta->PrefetchCellsAt(row.slot);
}

Status WriteRows(Storage* storage, const DeltaSet& deltas, std::vector<IngestFile>* files) {
  const auto writer = storage->NewFileWriter(Family::kCounters);
  files->push_back({Family::kCounters, storage->ScratchPath("counters")});
  rocksdb::Status status = writer->Open(files->back().path);
  RowBuilder builder;
  std::string bytes;
  char key[CounterKey::kSize];
  const BigVector<RowRef> rows = RowsByKey(deltas);
  for (size_t i = 0; i < rows.size() && status.ok(); ++i) {
    if (i % kPrefetchGroup == 0) PrefetchRows(rows, i);
    const RowRef& row = rows[i];
    CounterDelta::RowId id;
    row.delta->RowAt(row.slot, &id);
    CounterKey{id.ad, row.filter, id.hour}.EncodeTo(key);
    bytes.clear();
    EncodeHourRow(builder.Build(*row.delta, row.slot), &bytes);
    status = writer->Merge(rocksdb::Slice(key, sizeof key), bytes);
  }
  if (status.ok()) status = writer->Finish();
  return FromRocks(status, "write counter rows");
}

// Rows that take the place of what is stored, operands and all.
Status WriteReplacingRows(Storage* storage, const CounterView::HourReplacement& replacement,
                          std::vector<IngestFile>* files) {
  if (replacement.counts->empty() && replacement.strays.empty()) return Status::Ok();
  const auto writer = storage->NewFileWriter(Family::kCounters);
  files->push_back({Family::kCounters, storage->ScratchPath("counters")});
  rocksdb::Status status = writer->Open(files->back().path);
  auto key_of = [&](const std::pair<uint32_t, uint32_t>& place) {
    return CounterKey{place.first, place.second, replacement.hour}.Encode();
  };
  auto stray = replacement.strays.begin();
  RowBuilder builder;
  std::string bytes;
  for (const RowRef& ref : RowsByKey(*replacement.counts)) {
    CounterDelta::RowId id;
    ref.delta->RowAt(ref.slot, &id);
    const std::pair place(id.ad, ref.filter);
    for (; stray != replacement.strays.end() && *stray < place; ++stray) {
      if (status.ok()) status = writer->Delete(key_of(*stray));
    }
    if (stray != replacement.strays.end() && *stray == place) ++stray;
    HourRow row = builder.Build(*ref.delta, ref.slot);
    if (!replacement.minutes) row.cells.clear();
    bytes.clear();
    EncodeHourRow(row, &bytes);
    if (status.ok()) status = writer->Put(key_of(place), bytes);
  }
  for (; stray != replacement.strays.end(); ++stray) {
    if (status.ok()) status = writer->Delete(key_of(*stray));
  }
  if (status.ok()) status = writer->Finish();
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

// What a top list is of.
struct ListId {
  int32_t bucket = 0;  // minute or hour
  uint32_t filter = 0;
  uint8_t metric = 0;
};

// Writes top lists of one family, by (bucket, filter, metric).
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
  Status Add(const ListId& list, BigVector<TopPair>* pairs) {
    if (pairs->empty() && mode_ == Mode::kAddTo) return Status::Ok();
    Status added = WriteList(list, pairs);
    pairs->clear();
    return added;
  }

 private:
  Status WriteList(const ListId& list, BigVector<TopPair>* pairs) {
    std::vector<std::string> replaced;
    Status merged = MergeExisting(list, pairs, &replaced);
    std::erase_if(*pairs, [](const TopPair& p) { return p.amount == 0; });
    // What adds up to nothing still replaces what was there.
    if (!merged.ok() || (pairs->empty() && replaced.empty())) return merged;
    if (!writer_) {
      path_ = storage_->ScratchPath(FamilyName(family_));
      writer_ = storage_->NewFileWriter(family_);
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
      TopKey key{list.bucket, list.filter, list.metric, generation_,
                 static_cast<uint16_t>(begin / kTopChunkPairsMax)};
      Status put = FromRocks(writer_->Put(key.Encode(), bytes), "write a top list");
      if (!put.ok()) return put;
    }
    return Status::Ok();
  }

  // When the bucket has many lists already, adds them to *pairs and names their keys. Where they are
  // to be replaced it only names them.
  Status MergeExisting(const ListId& list, BigVector<TopPair>* pairs, std::vector<std::string>* replaced) {
    const std::string prefix = TopKey{list.bucket, list.filter, list.metric, 0, 0}.EncodePrefix();
    size_t lists = 0;
    uint64_t last_generation = UINT64_MAX;
    Status walked = ForEachChunk(prefix, [&](uint64_t generation) {
      lists += generation != last_generation ? 1 : 0;
      last_generation = generation;
      replaced->push_back(existing_->key().ToString());
      return Status::Ok();
    });
    if (!walked.ok() || mode_ == Mode::kReplace) return walked;
    if (lists < kListsMax) {
      replaced->clear();
      return Status::Ok();
    }
    return AddExisting(prefix, pairs);
  }

  // Through the same iterator: compaction may have dropped lists of a dead filter since it was opened.
  Status AddExisting(const std::string& prefix, BigVector<TopPair>* pairs) {
    uint64_t last_generation = 0;
    std::vector<TopPair> chunk;
    list_.clear();
    Status walked = ForEachChunk(prefix, [&](uint64_t generation) {
      if (generation != last_generation) AddList(pairs);
      last_generation = generation;
      Status decoded = DecodeTopChunk(ToView(existing_->value()), &chunk);
      list_.insert(list_.end(), chunk.begin(), chunk.end());
      return decoded;
    });
    AddList(pairs);
    return walked;
  }

  // Calls visit(generation) with existing_ on each chunk of a bucket's lists, list by list, ads ascending.
  template <class Visit>
  Status ForEachChunk(const std::string& prefix, Visit&& visit) {
    for (existing_->Seek(prefix); existing_->Valid() && existing_->key().starts_with(prefix);
         existing_->Next()) {
      TopKey key;
      if (!TopKey::Decode(ToView(existing_->key()), &key))
        return Status::Corruption("a top list key is unreadable");
      Status visited = visit(key.generation);
      if (!visited.ok()) return visited;
    }
    return FromRocks(existing_->status(), "read top lists");
  }

  // Adds list_ to *pairs and empties it. Both are sorted by ad and name each once.
  void AddList(BigVector<TopPair>* pairs) {
    sums_.clear();
    auto next = pairs->begin();
    for (const TopPair& pair : list_) {
      for (; next != pairs->end() && next->ad < pair.ad; ++next) sums_.push_back(*next);
      const bool both = next != pairs->end() && next->ad == pair.ad;
      sums_.push_back(both ? TopPair{pair.ad, SaturatingAdd(next++->amount, pair.amount)} : pair);
    }
    sums_.insert(sums_.end(), next, pairs->end());
    pairs->swap(sums_);
    list_.clear();
  }

  Storage* const storage_;
  const Family family_;
  const uint64_t generation_;
  const Mode mode_;
  std::unique_ptr<rocksdb::Iterator> existing_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::string path_;
  BigVector<TopPair> list_, sums_;
};

// The lists of one filter and hour while its rows go by in order of ads.
class HourLists {
 public:
  void Add(uint32_t ad, int minute, Metric metric, int64_t amount) {
    AddPair(&minutes_[static_cast<size_t>(minute) * kMetricCount + static_cast<size_t>(metric)], ad, amount);
    AddPair(&hours_[static_cast<size_t>(metric)], ad, amount);
  }
  Status FlushMinute(int32_t hour, int minute, uint32_t filter, ListWriter* writer) {
    return Flush({hour * kMinutesPerHour + minute, filter, 0},
                 &minutes_[static_cast<size_t>(minute) * kMetricCount], writer);
  }
  Status FlushHour(int32_t hour, uint32_t filter, ListWriter* writer) {
    return Flush({hour, filter, 0}, hours_.data(), writer);
  }

 private:
  static Status Flush(ListId list, BigVector<TopPair>* by_metric, ListWriter* writer) {
    Status status;
    for (; list.metric < kMetricCount && status.ok(); ++list.metric) {
      status = writer->Add(list, &by_metric[list.metric]);
    }
    return status;
  }
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

// The rows of one filter, by (hour, ad), taken hour by hour.
class FilterRows {
 public:
  FilterRows(uint32_t filter, const CounterDelta& delta)
      : filter_(filter), delta_(delta), rows_(SortedRows(delta, true)) {}

  uint32_t filter() const { return filter_; }
  bool done() const { return next_ == rows_.size(); }
  int32_t hour() const {
    CounterDelta::RowId id;
    delta_.RowAt(rows_[next_].value, &id);
    return id.hour;
  }
  // Adds the rows of that hour and goes on to the next.
  void TakeHour(HourLists* lists) {
    const uint64_t hour_bits = rows_[next_].key >> 32;
    for (; next_ < rows_.size() && rows_[next_].key >> 32 == hour_bits; ++next_) {
      if (next_ % kPrefetchGroup == 0) Prefetch();
      CounterDelta::RowId id;
      delta_.RowAt(rows_[next_].value, &id);
      delta_.ForEachCellAt(rows_[next_].value, [&](int minute, Metric metric, int64_t amount) {
        lists->Add(id.ad, minute, metric, amount);
      });
    }
  }

 private:
  void Prefetch() const {
    const std::span<const SortItem> rows(rows_);
    for (const SortItem& row : PrefetchGroup(rows, next_, 2)) delta_.PrefetchRow(row.value);
    for (const SortItem& row : PrefetchGroup(rows, next_, 1)) delta_.PrefetchCellsAt(row.value);
  }

  const uint32_t filter_;
  const CounterDelta& delta_;
  const BigVector<SortItem> rows_;
  size_t next_ = 0;
};

// The lists of one hour for all filters that have rows there.
Status WriteHour(int32_t hour, std::span<FilterRows*> filters, std::vector<HourLists>* lists,
                 ListWriter* minutes, ListWriter* hours) {
  if (lists->size() < filters.size()) lists->resize(filters.size());
  for (size_t i = 0; i < filters.size(); ++i) filters[i]->TakeHour(&(*lists)[i]);
  Status status;
  for (int minute = 0; minute < kMinutesPerHour; ++minute) {
    for (size_t i = 0; i < filters.size() && status.ok(); ++i) {
      status = (*lists)[i].FlushMinute(hour, minute, filters[i]->filter(), minutes);
    }
  }
  for (size_t i = 0; i < filters.size() && status.ok(); ++i) {
    status = (*lists)[i].FlushHour(hour, filters[i]->filter(), hours);
  }
  return status;
}

// Hour by hour, so that memory is bounded by the fullest hour.
Status WriteLists(Storage* storage, const DeltaSet& deltas, uint64_t generation,
                  std::vector<IngestFile>* files) {
  ListWriter minutes(storage, Family::kTopMinutes, generation, ListWriter::Mode::kAddTo);
  ListWriter hours(storage, Family::kTopHours, generation, ListWriter::Mode::kAddTo);
  std::vector<std::unique_ptr<FilterRows>> filters;
  deltas.ForEach([&](uint32_t filter, const CounterDelta& delta) {
    if (!delta.empty()) filters.push_back(std::make_unique<FilterRows>(filter, delta));
  });
  std::vector<HourLists> lists;
  for (;;) {
    int32_t hour = INT32_MAX;
    std::vector<FilterRows*> present;
    for (auto& rows : filters) {
      if (rows->done() || rows->hour() > hour) continue;
      if (rows->hour() < hour) present.clear();
      hour = rows->hour();
      present.push_back(rows.get());
    }
    if (present.empty()) break;
    Status written = WriteHour(hour, present, &lists, &minutes, &hours);
    if (!written.ok()) return written;
  }
  Status finished = minutes.Finish(files);
  return finished.ok() ? hours.Finish(files) : finished;
}

// Every list of the hour, the empty ones too: what is stored goes in any case.
Status WriteReplacingLists(Storage* storage, const CounterView::HourReplacement& replacement,
                           uint64_t generation, std::vector<IngestFile>* files) {
  ListWriter minutes(storage, Family::kTopMinutes, generation, ListWriter::Mode::kReplace);
  ListWriter hours(storage, Family::kTopHours, generation, ListWriter::Mode::kReplace);
  const std::vector<uint32_t>& filters = replacement.filters;
  std::vector<HourLists> lists(filters.size());
  for (size_t i = 0; i < filters.size(); ++i) {
    const CounterDelta* delta = replacement.counts->Find(filters[i]);
    if (delta != nullptr && !delta->empty()) FilterRows(filters[i], *delta).TakeHour(&lists[i]);
  }
  Status status;
  for (int minute = 0; minute < kMinutesPerHour && replacement.minutes; ++minute) {
    for (size_t i = 0; i < filters.size() && status.ok(); ++i)
      status = lists[i].FlushMinute(replacement.hour, minute, filters[i], &minutes);
  }
  for (size_t i = 0; i < filters.size() && status.ok(); ++i)
    status = lists[i].FlushHour(replacement.hour, filters[i], &hours);
  if (status.ok()) status = minutes.Finish(files);
  return status.ok() ? hours.Finish(files) : status;
}

Status WriteDeltas(Storage* storage, const DeltaSet& deltas, uint64_t generation,
                   std::vector<IngestFile>* files) {
  if (deltas.empty()) return Status::Ok();
  Status written = WriteRows(storage, deltas, files);
  return written.ok() ? WriteLists(storage, deltas, generation, files) : written;
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
  Status written = WriteDeltas(storage_, *frozen_, generation_ + 1, &out.files);
  if (!written.ok()) return written;
  out.position = CounterPosition{frozen_sequence_, generation_ + 1}.Encode();
  return out;
}

Result<CounterView::Files> CounterView::WriteAside(const DeltaSet& counted) {
  Files out;
  Status written = WriteDeltas(storage_, counted, generation_ + 1, &out.files);
  if (!written.ok()) return written;
  out.position = CounterPosition{covered_sequence_, generation_ + 1}.Encode();
  return out;
}

}  // namespace tallymark
