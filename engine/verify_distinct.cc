#include "engine/verify_distinct.h"

#include <algorithm>

#include "format/distinct_set.h"
#include "format/keys.h"
#include "format/raw_block.h"

namespace tallymark {
namespace {

constexpr uint64_t kSliceEvents = 1'000'000;
constexpr uint64_t kRowsPerProgress = 100'000;

// Moves the ad's elements, which begin at *at, into the set.
template <class People>
void TakeAd(const People& people, uint32_t ad, size_t* at, DistinctSet* set) {
  for (; *at < people.size() && people[*at].ad == ad; ++*at) set->Add(std::span(&people[*at].element, 1));
}

template <class People>
void SortOut(People* people) {
  std::sort(people->begin(), people->end());
  people->erase(std::unique(people->begin(), people->end()), people->end());
}

// Replaces the row's bytes by those of its people as hashes, in which rows of all forms are alike.
void EncodeHashed(DistinctRow* row, std::string* bytes) {
  row->users.HashNumbered();
  row->ips.HashNumbered();
  bytes->clear();
  EncodeDistinctRow(row, bytes);
}

std::string CountText(DistinctSet* set) {
  const DistinctCount count = set->Count();
  return (count.exact ? "" : "about ") + std::to_string(count.count);
}

}  // namespace

bool DistinctVerifier::IsRecounted(int32_t hour) const {
  return directory_.distinct.active && hour >= directory_.distinct.complete_from &&
         !directory_.RawIsGone(hour) && !directory_.HoursAreGone(hour);
}

void DistinctVerifier::Run() {
  ScanRows();
  if (!raw_.complete || !complete_) return;  // told already
  for (const auto& [hour, digest] : raw_.hours) {
    if (IsRecounted(hour)) Recount(hour, digest.events);
  }
  for (const auto& [hour, digest] : rows_) {
    if (!raw_.hours.contains(hour))
      findings_->Damage("hour " + std::to_string(hour) + ": distinct rows without an event");
  }
}

void DistinctVerifier::ScanRows() {
  rocksdb::ReadOptions read;
  read.total_order_seek = true;
  read.fill_cache = false;
  read.readahead_size = 2 << 20;
  const Storage& storage = *directory_.storage;
  uint64_t expected = 0;
  storage.db()->GetIntProperty(storage.handle(Family::kDistinct), rocksdb::DB::Properties::kEstimateNumKeys,
                               &expected);
  std::unique_ptr<rocksdb::Iterator> it(storage.db()->NewIterator(read, storage.handle(Family::kDistinct)));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    CheckRow(ToView(it->key()), ToView(it->value()));
    const uint64_t rows = ++findings_->report().distinct_rows;
    if (rows % kRowsPerProgress == 0)
      findings_->Progress(static_cast<double>(rows) / static_cast<double>(expected + 1));
  }
  if (it->status().ok()) return;
  complete_ = false;
  findings_->Damage(FromRocks(it->status(), "read distinct rows").message());
}

void DistinctVerifier::CheckRow(std::string_view key_bytes, std::string_view bytes) {
  DistinctKey key;
  if (!DistinctKey::Decode(key_bytes, &key)) return findings_->Damage("a distinct key is unreadable");
  const std::string name =
      "distinct row of ad " + std::to_string(key.ad) + ", hour " + std::to_string(key.hour);
  DistinctRow row;
  Status added = AddDistinctRow(bytes, &row);
  if (!added.ok()) return findings_->Damage(added.WithContext(name).message());
  if (key.ad >= directory_.ads.size()) return findings_->Damage(name + " is of no known ad");
  if (!IsRecounted(key.hour)) return;
  std::string hashed;
  EncodeHashed(&row, &hashed);
  rows_[key.hour].Add(key.ad, hashed);
}

Status DistinctVerifier::ReadPeople(const Slice& slice, People* people) const {
  PeopleColumns columns;
  Status read = ForEachCoveredBlock(
      directory_, slice.hour, directory_.distinct.covered_sequence, [&](uint64_t, std::string_view block) {
        if (!DecodePeopleColumns(block, &columns).ok()) return Status::Ok();  // told by the scan of raw
        for (size_t i = 0; i < columns.ads.size(); ++i) {
          const uint32_t ad = columns.ads[i];
          if (ad % slice.count != slice.number || HourOf(columns.times_ns[i]) != slice.hour) continue;
          if (!columns.users[i].empty()) people->users.push_back({ad, UserElement(columns.users[i])});
          if (!columns.ips[i].empty()) people->ips.push_back({ad, AddressElement(columns.ips[i])});
        }
        return Status::Ok();
      });
  SortOut(&people->users);
  SortOut(&people->ips);
  return read;
}

// Calls visit(ad, bytes) for every row that raw says there must be, hashed, ads ascending.
template <class Visit>
Status DistinctVerifier::ForEachTrueRow(const Slice& slice, Visit&& visit) const {
  People people;
  Status status = ReadPeople(slice, &people);
  DistinctRow row;
  std::string bytes;
  for (size_t u = 0, i = 0; status.ok() && (u < people.users.size() || i < people.ips.size());) {
    const uint32_t ad = std::min(u < people.users.size() ? people.users[u].ad : UINT32_MAX,
                                 i < people.ips.size() ? people.ips[i].ad : UINT32_MAX);
    TakeAd(people.users, ad, &u, &row.users);
    TakeAd(people.ips, ad, &i, &row.ips);
    EncodeHashed(&row, &bytes);
    row.Clear();
    status = visit(ad, bytes);
  }
  return status;
}

void DistinctVerifier::Recount(int32_t hour, uint64_t events) {
  const auto slices = static_cast<uint32_t>(events / kSliceEvents + 1);
  BytesDigest truth;
  Status status;
  for (Slice slice{hour, slices, 0}; slice.number < slices && status.ok(); ++slice.number) {
    status = ForEachTrueRow(slice, [&](uint32_t ad, const std::string& bytes) {
      truth.Add(ad, bytes);
      return Status::Ok();
    });
  }
  if (status.ok() && truth == rows_[hour]) return;
  uint64_t wrong = 0;
  for (Slice slice{hour, slices, 0}; slice.number < slices && status.ok(); ++slice.number)
    status = Tell(slice, &wrong);
  const std::string name = "distinct rows of hour " + std::to_string(hour);
  if (!status.ok()) return findings_->Damage(status.WithContext(name).message());
  if (wrong == 0) findings_->Damage(name + ": there are rows of ads that have no event");
}

Status DistinctVerifier::Tell(const Slice& slice, uint64_t* wrong) {
  return ForEachTrueRow(
      slice, [&](uint32_t ad, const std::string& truth) { return CompareRow(slice.hour, ad, truth, wrong); });
}

Status DistinctVerifier::CompareRow(int32_t hour, uint32_t ad, const std::string& truth, uint64_t* wrong) {
  Result<std::string> stored = directory_.storage->Get(Family::kDistinct, DistinctKey{ad, hour}.Encode());
  if (!stored.ok() && stored.status().code() != Code::kNotFound) return stored.status();
  DistinctRow counted;
  DistinctRow expected;
  if (stored.ok() && !AddDistinctRow(*stored, &counted).ok()) return Status::Ok();  // told by the scan
  std::string hashed;
  EncodeHashed(&counted, &hashed);
  if (stored.ok() && hashed == truth) return Status::Ok();
  ++*wrong;
  Status added = AddDistinctRow(truth, &expected);
  auto tell = [&](const char* what, DistinctSet* of_row, DistinctSet* of_raw) {
    findings_->Mismatch(VerifyFindings::Place::kDistinct, ad, hour * kMsPerHour, what, CountText(of_row),
                        CountText(of_raw));
  };
  tell("set of users", &counted.users, &expected.users);
  tell("set of addresses", &counted.ips, &expected.ips);
  return added;
}

}  // namespace tallymark
