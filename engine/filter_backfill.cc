#include "engine/filter_backfill.h"

#include <algorithm>
#include <memory>

#include "engine/block_reader.h"
#include "engine/counted_event.h"
#include "engine/histogram.h"

namespace tallymark {
namespace {

// A step ends at one of these, so that it takes bounded memory and a crash repeats little.
constexpr uint32_t kStepRowsMax = 1'000'000;
constexpr double kStepSecondsMax = 10;

}  // namespace

Result<BackfillPosition> FilterBackfill::PositionOf(uint32_t number) const {
  BackfillPosition position;
  const std::string key = BackfillPosition::KeyOf(number);
  Result<std::string> stored = parts_.storage->Get(Family::kPositions, key);
  if (!stored.ok() && stored.status().code() == Code::kNotFound) return position;
  if (!stored.ok()) return stored.status();
  if (!position.Decode(*stored)) return Status::Corruption("positions/" + key + " is unreadable");
  return position;
}

Result<std::string> FilterBackfill::Run() {
  uint32_t id = 0;
  uint32_t number = 0;
  if (!FilterRegistry::ReadJobParameters(context_.parameters(), &id, &number)) {
    return Status::Corruption("the parameters of a filter's job are unreadable");
  }
  parts_.wait_for_repacking();
  Status status = Gather(number);
  if (!status.ok()) return status;
  if (members_.empty()) {
    if (!parts_.filters->IsCurrent(id, number)) {
      return Status::NotFound("filter " + std::to_string(id) + " was replaced or deleted meanwhile");
    }
  } else {
    DeltaPools pools;
    DeltaSet counted(&pools);
    while (position_.phase != BackfillPosition::Phase::kDone) {
      step_began_ = SteadySeconds();
      step_events_ = 0;
      if (position_.phase == BackfillPosition::Phase::kPacked) status = ReadPacked(&counted);
      if (status.ok() && position_.phase == BackfillPosition::Phase::kLog) status = ReadLog(&counted);
      if (status.ok() && context_.ShouldStop()) status = Status::Unavailable("the job is to stop");
      if (status.ok()) status = EndStep(&counted);
      if (!status.ok()) return status;
    }
    status = FinishAll();
    if (!status.ok()) return status;
  }
  Result<BackfillPosition> position = PositionOf(number);
  if (!position.ok()) return position.status();
  return ResultOf(id, *position);
}

std::string FilterBackfill::ResultOf(uint32_t id, const BackfillPosition& position) const {
  return R"({"filter_id":)" + std::to_string(id) + R"(,"events":)" + std::to_string(position.events) +
         R"(,"matches":)" + std::to_string(position.matches) + "}";
}

// The version with this number, and all others that have come exactly as far.
Status FilterBackfill::Gather(uint32_t number) {
  const std::vector<FilterRegistry::Pending> pending = parts_.filters->ListPending();
  const bool waits = std::ranges::any_of(
      pending, [&](const FilterRegistry::Pending& p) { return p.version.number == number; });
  if (!waits) return Status::Ok();
  Result<BackfillPosition> position = PositionOf(number);
  if (!position.ok()) return position.status();
  position_ = *position;
  std::vector<FilterSet::Member> members;
  for (const FilterRegistry::Pending& p : pending) {
    Result<BackfillPosition> other = PositionOf(p.version.number);
    if (!other.ok()) return other.status();
    if (!other->IsAt(position_)) continue;
    members_.push_back({p.id, p.version, other->matches});
    members.push_back({p.version.number, p.version.active_from, p.version.definition});
  }
  std::ranges::sort(members_, {}, [](const Member& m) { return m.version.number; });
  set_ = std::make_shared<const FilterSet>(std::move(members));
  return Status::Ok();
}

bool FilterBackfill::StepIsFull(const DeltaSet& counted) const {
  return counted.rows() >= kStepRowsMax || SteadySeconds() - step_began_ >= kStepSecondsMax ||
         context_.ShouldStop();
}

Status FilterBackfill::ReadPacked(DeltaSet* counted) {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.readahead_size = 4 << 20;
  std::unique_ptr<rocksdb::Iterator> it(
      parts_.storage->db()->NewIterator(read, parts_.storage->handle(Family::kPacked)));
  for (it->Seek(position_.packed.Encode()); it->Valid(); it->Next()) {
    HourKey key;
    if (!HourKey::Decode(ToView(it->key()), &key)) return Status::Corruption("packed has an unreadable key");
    position_.packed = key;
    if (StepIsFull(*counted)) return Status::Ok();
    Status status = CountBlock(0, ToView(it->value()), counted);
    if (!status.ok()) return status.WithContext("a packed block of hour " + std::to_string(key.hour));
  }
  if (!it->status().ok()) return FromRocks(it->status(), "read packed blocks");
  position_.phase = BackfillPosition::Phase::kLog;
  return Status::Ok();
}

Status FilterBackfill::ReadLog(DeltaSet* counted) {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.readahead_size = 4 << 20;
  std::unique_ptr<rocksdb::Iterator> it(
      parts_.storage->db()->NewIterator(read, parts_.storage->handle(Family::kRaw)));
  for (it->Seek(RawKey{position_.sequence}.Encode()); it->Valid(); it->Next()) {
    RawKey key;
    if (!RawKey::Decode(ToView(it->key()), &key)) return Status::Corruption("raw has an unreadable key");
    if (key.sequence > set_->newest()) break;
    position_.sequence = key.sequence;
    if (StepIsFull(*counted)) return Status::Ok();
    Status status = CountBlock(key.sequence, ToView(it->value()), counted);
    if (!status.ok()) return status.WithContext("raw block " + std::to_string(key.sequence));
  }
  if (!it->status().ok()) return FromRocks(it->status(), "read the log");
  position_.phase = BackfillPosition::Phase::kDone;
  return Status::Ok();
}

// Sequence 0: repacked, and so before every version that waits.
Status FilterBackfill::CountBlock(uint64_t sequence, std::string_view block, DeltaSet* counted) {
  chunk_.events.clear();
  chunk_.extras.clear();
  chunk_.text.clear();
  ads_.clear();
  Status read = ReadBlock(block, *parts_.ads, nullptr, &chunk_, &ads_);
  if (!read.ok()) return read;
  for (size_t i = 0; i < chunk_.events.size(); ++i) {
    places_.clear();
    matcher_.Match(*set_, chunk_, chunk_.events[i], &places_);
    const CountedEvent event(ads_[i], chunk_.events[i]);
    for (uint32_t place : places_) {
      if (sequence > set_->active_from(place)) continue;
      event.AddTo(counted->Of(set_->number(place)));
      ++members_[place].matches;
    }
  }
  position_.events += chunk_.events.size();
  const auto total = static_cast<double>(parts_.events()) + 1;
  const double share = std::min(1.0, static_cast<double>(position_.events) / total);
  context_.SetProgress(share);
  for (const Member& member : members_) parts_.filters->SetProgress(member.version.number, share);
  return Status::Ok();
}

Status FilterBackfill::EndStep(DeltaSet* counted) {
  std::vector<std::pair<std::string, std::string>> positions;
  for (const Member& member : members_) {
    BackfillPosition position = position_;
    position.matches = member.matches;
    positions.emplace_back(BackfillPosition::KeyOf(member.version.number), position.Encode());
  }
  Status status = parts_.ingest(*counted, std::move(positions));
  if (status.ok()) counted->Clear();
  return status;
}

Status FilterBackfill::FinishAll() {
  for (const Member& member : members_) {
    Status finished = parts_.filters->Finish(member.id, member.version.number, parts_.retention->raw.load());
    if (!finished.ok()) return finished;
  }
  return Status::Ok();
}

}  // namespace tallymark
