#include "engine/pipeline.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/meta_keys.h"
#include "engine/thread_name.h"
#include "format/block_index.h"
#include "format/keys.h"
#include "format/prefetch.h"

namespace tallymark {
namespace {

// A batch is closed at this size even when the committer is busy.
constexpr size_t kBatchEventsMax = 64 * 1024;
// While more is waiting to be sequenced, a batch is closed at this size: full blocks are smaller
// and cheaper than scraps.
constexpr size_t kBatchEventsGood = 16 * 1024;
// Batches on their way at a time: one being written, one being encoded; what comes meanwhile gathers in the
// next one. Where that grows to kBatchEventsGood there may be one more for each encoder, since stages would
// else wait for each other.
constexpr size_t kUncommittedMax = 2;
// Batches of up to this size are encoded by the sequencer itself.
constexpr size_t kTinyBatchEvents = 512;
// Encoded batches share an fsync up to this many.
constexpr size_t kGroupMax = 8;
// A write batch that grew beyond this is given back: full batches take some 2 MB each.
constexpr size_t kKeptWriteBytes = size_t{32} << 20;
// After a tiny batch of so many requests the next is begun this much later: senders of little each would
// have a commit for every handful, and all threads woken for it (bench/README.md). Whoever is alone never
// waits.
constexpr size_t kCrowdRequests = 4;
constexpr std::chrono::microseconds kCrowdPace{1000};
// When so many requests wait nothing is put off.
constexpr size_t kRestInputMax = 256;
// Conversions that are let go by one request.
constexpr size_t kExpireMax = 1000;

// Many requests of little each. Duplicates count: a file that is sent again is none.
bool IsCrowd(const Batch& batch) {
  if (batch.appends.size() < kCrowdRequests) return false;
  size_t events = 0;
  for (const AppendRequest& request : batch.appends) events += request.chunk->events.size();
  return events <= kTinyBatchEvents;
}

}  // namespace

Pipeline::Encoders::Encoders(const Parts& parts) {
  if (parts.distinct != nullptr && parts.distinct->enabled()) runs.emplace(parts.distinct->memory());
}

void Pipeline::Encoders::Encode(Batch* batch) {
  blocks.Encode(batch, runs ? &people : nullptr);
  if (runs) batch->people = runs->FromRows(people);
}

Pipeline::Pipeline(Parts parts, const LogState& state, unsigned encode_threads,
                   std::function<void(Status)> on_failure)
    : parts_(std::move(parts)),
      on_failure_(std::move(on_failure)),
      uncommitted_good_max_(kUncommittedMax + encode_threads),
      filters_(parts_.filters),
      state_(state),
      lateness_(state.newest_ns),
      sequencer_encoders_(parts_) {
  threads_.emplace_back([this] { RunSequencer(); });
  threads_.emplace_back([this] { RunCommitter(); });
  for (unsigned i = 0; i < encode_threads; ++i) threads_.emplace_back([this] { RunEncoder(); });
}

Pipeline::~Pipeline() { Stop(); }

// Only what is taken counts as pending: Drain waits for that alone.
void Pipeline::Append(AppendRequest request) {
  request.received_seconds = SteadySeconds();
  std::unique_lock lock(mutex_);
  const Status refused = !failure_.ok() ? failure_
                         : refusing_    ? Status::Unavailable("the engine is stopping")
                                        : Status::Ok();
  if (!refused.ok()) {
    lock.unlock();
    return Refuse(request, refused);
  }
  parts_.figures->pending_chunks.fetch_add(1);
  parts_.figures->pending_bytes.fetch_add(request.chunk->text.size());
  input_.push_back(std::move(request));
  const bool wake = !resting_ || input_.size() == kRestInputMax;
  lock.unlock();
  if (wake) input_ready_.notify_one();
}

void Pipeline::Send(Mark mark) {
  Status refused;
  {
    std::lock_guard lock(mutex_);
    refused = !failure_.ok()    ? failure_
              : sequencer_done_ ? Status::Unavailable("the engine has stopped")
                                : Status::Ok();
    if (refused.ok()) {
      marks_.push_back(std::move(mark));
      input_ready_.notify_one();
      return;
    }
  }
  mark.abandoned(refused);
}

void Pipeline::Drain() {
  std::unique_lock lock(mutex_);
  refusing_ = true;
  drained_.wait(lock, [this] { return parts_.figures->pending_chunks.load() == 0; });
}

void Pipeline::Stop() {
  {
    std::lock_guard lock(mutex_);
    if (threads_.empty()) return;
    refusing_ = stopping_ = true;
  }
  input_ready_.notify_all();
  commit_ready_.notify_all();
  encode_ready_.notify_all();
  for (std::thread& t : threads_) t.join();
  threads_.clear();
}

LogState Pipeline::state() const {
  std::lock_guard lock(mutex_);
  return state_;
}

Status Pipeline::failure() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

std::unique_ptr<Batch> Pipeline::NewBatch() {
  auto batch = std::make_unique<Batch>();
  batch->first_new_ad = parts_.ads->size();
  batch->generation = parts_.identities->live();
  std::lock_guard lock(mutex_);
  batch->filters = filters_;
  if (!spare_rows_.empty()) {
    batch->rows = std::move(spare_rows_.back());
    spare_rows_.pop_back();
  }
  return batch;
}

void Pipeline::RunSequencer() {
  NameThisThread("sequencer");
  std::unique_ptr<Batch> batch = NewBatch();
  std::unique_lock lock(mutex_);
  for (;;) {
    const bool has_input = !input_.empty();
    const bool full = batch->size() >= kBatchEventsMax;
    const bool begun = !batch->appends.empty();
    if (marks_.empty() && Rest(&lock)) continue;
    if (!marks_.empty()) {
      Mark mark = std::move(marks_.front());
      marks_.pop_front();
      lock.unlock();
      if (begun) Close(std::move(batch));
      PushMark(std::move(mark));
      batch = NewBatch();
      lock.lock();
    } else if (begun && MayClose(*batch)) {
      lock.unlock();
      Close(std::move(batch));
      batch = NewBatch();
      lock.lock();
    } else if (has_input && !full) {
      if (failure_.ok() && !HasRoom(input_.front().chunk->events.size())) {
        input_ready_.wait_for(lock, std::chrono::milliseconds(1));
        continue;
      }
      AppendRequest request = std::move(input_.front());
      input_.pop_front();
      lock.unlock();
      Sequence(std::move(request), batch.get());
      lock.lock();
    } else if (stopping_ && !begun) {
      break;
    } else {
      input_ready_.wait(lock);
    }
  }
  sequencer_done_ = true;
  commit_ready_.notify_all();
  encode_ready_.notify_all();
}

// Under mutex_.
bool Pipeline::MayClose(const Batch& batch) const {
  if (batch.size() >= kBatchEventsGood) return uncommitted_ < uncommitted_good_max_;
  return input_.empty() && uncommitted_ < kUncommittedMax;
}

// Lets time pass when the next batch is to be put off; false when it is not.
bool Pipeline::Rest(std::unique_lock<std::mutex>* lock) {
  if (!crowded_ || stopping_ || input_.size() >= kRestInputMax) return false;
  if (std::chrono::steady_clock::now() >= next_batch_at_) return false;
  resting_ = true;
  input_ready_.wait_until(*lock, next_batch_at_);
  resting_ = false;
  return true;
}

// While a checkpoint is under way what it will let go of piles up; past these bounds the senders
// wait for it.
bool Pipeline::HasRoom(size_t events) const {
  constexpr size_t kLiveIdentitiesMax = IdentityGeneration::kEntriesMax / 8 * 7;
  constexpr uint32_t kLiveRowsMax = 24'000'000;
  constexpr uint64_t kLivePeopleBytesMax = uint64_t{1} << 30;
  if (parts_.distinct != nullptr && parts_.distinct->live_bytes() > kLivePeopleBytesMax) return false;
  auto lock = parts_.identities->Lock();
  return parts_.identities->live_size() + events <= kLiveIdentitiesMax &&
         parts_.counters->live_rows() <= kLiveRowsMax;
}

void Pipeline::Sequence(AppendRequest request, Batch* batch) {
  Status settled = failure();
  if (settled.ok()) settled = SettleRequest(&request, batch);
  // The batch keeps a failed request too: its rows point into the chunk, and Commit answers it.
  if (!settled.ok()) Fail(settled);
  batch->appends.push_back(std::move(request));
}

Status Pipeline::SettleRequest(AppendRequest* request, Batch* batch) {
  auto lock = parts_.identities->Lock();
  parts_.joiner->BeginChunk(request->chunk, closed_batches_ + 1,
                            durable_batches_.load(std::memory_order_acquire));
  Status settled = request->expire_at_ns != 0
                       ? parts_.joiner->Expire(request->expire_at_ns, kExpireMax, batch)
                       : SettleEvents(request, batch);
  parts_.joiner->EndChunk();
  return settled;
}

inline Result<IdentityIndex::Verdict> Pipeline::SettleOne(const EventChunk& chunk, const Event& event,
                                                          Batch* batch) {
  const uint32_t ad = parts_.ads->Intern(chunk, event);
  uint32_t number = 0;
  Result<IdentityIndex::Verdict> verdict = parts_.identities->Settle(event, ad, &number);
  if (verdict.ok() && *verdict == IdentityIndex::Verdict::kNew)
    batch->rows.push_back({{&chunk, &event, ad}, HourOf(event.time_ns), number});
  return verdict;
}

// Of some of the chunk's events those whose ad nobody recognized.
template <class Visit>
void Pipeline::ForEachUnknownAd(const EventChunk& chunk, std::span<const Event> events, Visit&& visit) const {
  for (const Event& event : events) {
    if (parts_.ads->Recognized(chunk, event) == AdNumbers::kUnknown) visit(event);
  }
}

// Before the events from `begin` on are settled: their own parts, the way to those of the group after
// them, and the group after that, which another core has just written.
void Pipeline::PrefetchFrom(const EventChunk& chunk, size_t begin) const {
  auto group = [&](size_t ahead) {
    return PrefetchGroup(std::span<const Event>(chunk.events), begin, ahead);
  };
  if (begin == 0) PrefetchSlots(chunk, group(0));
  ForEachUnknownAd(chunk, group(0), [&](const Event& event) {
    parts_.ads->PrefetchName(event.ad_hash);
    PrefetchLine(chunk.Get(event, Field::kAdId).data());
  });
  parts_.identities->Prefetch(group(0));
  PrefetchSlots(chunk, group(1));
  for (const Event& event : group(2)) PrefetchLine(&event);
}

void Pipeline::PrefetchSlots(const EventChunk& chunk, std::span<const Event> events) const {
  ForEachUnknownAd(chunk, events, [&](const Event& event) { parts_.ads->PrefetchSlot(event.ad_hash); });
  parts_.identities->PrefetchDirectories(events);
}

Status Pipeline::SettleEvents(AppendRequest* request, Batch* batch) {
  const EventChunk& chunk = *request->chunk;
  const std::vector<Event>& events = chunk.events;
  size_t i = 0;
  uint64_t conflicts = 0;
  for (const ChunkSegment& segment : chunk.segments) {
    SegmentTally tally;
    for (; i < segment.event_end; ++i) {
      if (i % kPrefetchGroup == 0) PrefetchFrom(chunk, i);
      const Event& event = events[i];
      Result<IdentityIndex::Verdict> verdict = parts_.joiner->Concerns(event)
                                                   ? parts_.joiner->Settle(chunk, event, batch)
                                                   : SettleOne(chunk, event, batch);
      if (!verdict.ok()) return verdict.status();
      if (*verdict == IdentityIndex::Verdict::kNew) {
        lateness_.Note(event.time_ns);
        ++tally.accepted;
      } else {
        ++tally.duplicates;
        conflicts += *verdict == IdentityIndex::Verdict::kConflict ? 1 : 0;
      }
    }
    request->tallies.push_back(tally);
  }
  parts_.figures->conflicts.fetch_add(conflicts, std::memory_order_relaxed);
  lateness_.MoveTo(&parts_.figures->lateness_seconds);
  return Status::Ok();
}

void Pipeline::Close(std::unique_ptr<Batch> batch) {
  ++closed_batches_;
  crowded_ = IsCrowd(*batch);
  if (crowded_) next_batch_at_ = std::chrono::steady_clock::now() + kCrowdPace;
  batch->sequenced_seconds = SteadySeconds();
  batch->ads_after = parts_.ads->size();
  for (uint32_t ad = batch->first_new_ad; ad < batch->ads_after; ++ad) {
    AdTable::AppendName(parts_.ads->Name(ad), &batch->new_ad_names);
  }
  auto slot = std::make_unique<Slot>();
  if (batch->rows.size() <= kTinyBatchEvents) {
    sequencer_encoders_.Encode(batch.get());
    slot->encoded = slot->taken = true;
  }
  slot->batch = std::move(batch);
  std::lock_guard lock(mutex_);
  const bool encoded = slot->encoded;
  slots_.push_back(std::move(slot));
  ++uncommitted_;
  if (encoded) {
    commit_ready_.notify_one();
  } else {
    encode_ready_.notify_one();
  }
}

void Pipeline::PushMark(Mark mark) {
  if (mark.switch_generation) {
    auto lock = parts_.identities->Lock();
    if (!parts_.identities->HasFrozen()) parts_.identities->SwitchGeneration();
  }
  auto slot = std::make_unique<Slot>();
  slot->batch = std::make_unique<Batch>();
  slot->batch->at_mark = std::move(mark.at_mark);
  slot->abandoned = std::move(mark.abandoned);
  slot->encoded = slot->taken = true;
  std::lock_guard lock(mutex_);
  if (mark.filters) filters_ = std::move(mark.filters);
  slots_.push_back(std::move(slot));
  ++uncommitted_;
  commit_ready_.notify_one();
}

void Pipeline::RunEncoder() {
  NameThisThread("encoder");
  Encoders encoders(parts_);
  std::unique_lock lock(mutex_);
  for (;;) {
    auto next = std::find_if(slots_.begin(), slots_.end(), [](const auto& s) { return !s->taken; });
    if (next == slots_.end()) {
      if (sequencer_done_) return;
      encode_ready_.wait(lock);
      continue;
    }
    Slot* slot = next->get();
    slot->taken = true;
    lock.unlock();
    encoders.Encode(slot->batch.get());
    lock.lock();
    slot->encoded = true;
    commit_ready_.notify_one();
  }
}

// The encoded batches at the head of the line; a mark goes alone.
std::vector<std::unique_ptr<Pipeline::Slot>> Pipeline::TakeReady() {
  std::vector<std::unique_ptr<Slot>> ready;
  while (!slots_.empty() && slots_.front()->encoded && ready.size() < kGroupMax) {
    const bool mark = slots_.front()->batch->at_mark != nullptr;
    if (mark && !ready.empty()) break;
    ready.push_back(std::move(slots_.front()));
    slots_.pop_front();
    if (mark) break;
  }
  return ready;
}

void Pipeline::RunCommitter() {
  NameThisThread("committer");
  std::unique_lock lock(mutex_);
  for (;;) {
    std::vector<std::unique_ptr<Slot>> ready = TakeReady();
    if (ready.empty()) {
      if (sequencer_done_ && slots_.empty()) return;
      commit_ready_.wait(lock);
      continue;
    }
    const size_t count = ready.size();
    lock.unlock();
    Commit(&ready);
    for (auto& slot : ready) KeepRows(slot->batch.get());
    ready.clear();
    lock.lock();
    uncommitted_ -= count;
    if (!resting_) input_ready_.notify_one();
    drained_.notify_all();
  }
}

// First touch of fresh memory would cost more than filling it.
void Pipeline::KeepRows(Batch* batch) {
  if (batch->rows.capacity() < kBatchEventsGood) return;
  batch->rows.clear();
  std::lock_guard lock(mutex_);
  if (spare_rows_.size() < uncommitted_good_max_) spare_rows_.push_back(std::move(batch->rows));
}

void Pipeline::Commit(std::vector<std::unique_ptr<Slot>>* slots) {
  Status status = failure();
  Slot& head = *slots->front();
  if (head.batch->at_mark) {
    if (status.ok()) {
      head.batch->at_mark();
    } else {
      head.abandoned(status);
    }
    return;
  }
  LogState next = state();
  uint64_t sequence = next.last_sequence + 1;
  if (status.ok()) {
    status = Write(*slots, &next);
    if (!status.ok()) Fail(status);
  }
  if (status.ok()) {
    for (auto& slot : *slots) {
      ApplyDurable(slot->batch.get(), sequence);
      sequence += slot->batch->blocks.size();
      durable_batches_.fetch_add(1, std::memory_order_release);
    }
    std::lock_guard lock(mutex_);
    state_ = next;
  }
  for (auto& slot : *slots) Answer(slot->batch.get(), status);
}

Status Pipeline::Write(const std::vector<std::unique_ptr<Slot>>& slots, LogState* state) {
  if (write_.GetDataSize() > kKeptWriteBytes) write_ = rocksdb::WriteBatch();
  write_.Clear();
  Storage* storage = parts_.storage;
  rocksdb::Status status;
  auto put = [&](Family family, const std::string& key, const std::string& value) {
    if (status.ok()) status = write_.Put(storage->handle(family), key, value);
  };
  for (const auto& slot : slots) {
    const Batch& batch = *slot->batch;
    if (!batch.new_ad_names.empty())
      put(Family::kAds, AdKey{batch.first_new_ad}.Encode(), batch.new_ad_names);
    state->ads = batch.ads_after;
    for (const BatchBlock& block : batch.blocks) {
      const uint64_t sequence = ++state->last_sequence;
      put(Family::kRaw, RawKey{sequence}.Encode(), block.bytes);
      put(Family::kRawHours, HourKey{block.index_hour, sequence}.Encode(),
          EncodeBlockIndex({block.info, block.spans_hours}));
      state->events += block.info.count;
      state->newest_ns = std::max(state->newest_ns, block.info.time_max_ns);
    }
    for (const auto& [number, record] : batch.new_waiting)
      put(Family::kPendingConversions, RawKey{number}.Encode(), record);
    for (uint64_t number : batch.ended_waiting) {
      if (status.ok())
        status = write_.Delete(storage->handle(Family::kPendingConversions), RawKey{number}.Encode());
    }
  }
  if (write_.Count() == 0) return Status::Ok();  // duplicates only: nothing new to make durable
  put(Family::kMeta, std::string(kMetaLogState), state->Encode());
  rocksdb::WriteOptions sync;
  sync.sync = true;
  const double begin = SteadySeconds();
  if (status.ok()) status = storage->db()->Write(sync, &write_);
  parts_.figures->fsync_seconds.Record(SteadySeconds() - begin);
  return FromRocks(status, "commit a batch");
}

void Pipeline::ApplyDurable(Batch* batch, uint64_t first_sequence) {
  uint64_t sequence = first_sequence;
  for (const BatchBlock& block : batch->blocks) {
    for (size_t i = block.first_row; i < block.first_row + block.info.count; ++i) {
      batch->generation->SetSequence(batch->rows[i].identity_number, sequence);
    }
    ++sequence;
  }
  parts_.counters->Apply(*batch);
  // After the counters: whoever reads people first never sees more of them than events.
  if (parts_.distinct != nullptr) parts_.distinct->Apply(std::move(batch->people));
  parts_.learned->Apply(*batch);
  PipelineFigures& figures = *parts_.figures;
  figures.batches.fetch_add(1);
  figures.raw_blocks.fetch_add(batch->blocks.size());
  figures.batch_events.Record(static_cast<double>(batch->rows.size()));
  figures.commit_seconds.Record(SteadySeconds() - batch->sequenced_seconds);
}

void Pipeline::Answer(Batch* batch, const Status& status) {
  for (AppendRequest& request : batch->appends) AnswerRequest(&request, status);
}

void Pipeline::AnswerRequest(AppendRequest* request, const Status& status) {
  PipelineFigures& figures = *parts_.figures;
  figures.pending_chunks.fetch_sub(1);
  figures.pending_bytes.fetch_sub(request->chunk->text.size());
  if (!status.ok()) {
    Refuse(*request, status);
    return;
  }
  for (const SegmentTally& t : request->tallies) {
    figures.accepted.fetch_add(t.accepted, std::memory_order_relaxed);
    figures.duplicates.fetch_add(t.duplicates, std::memory_order_relaxed);
  }
  figures.append_seconds.Record(SteadySeconds() - request->received_seconds);
  request->done(status, request->tallies);
}

void Pipeline::Refuse(const AppendRequest& request, const Status& status) {
  request.done(Status::Unavailable("not stored, send again: " + status.message()), {});
}

void Pipeline::Fail(const Status& status) {
  {
    std::lock_guard lock(mutex_);
    if (!failure_.ok()) return;
    failure_ = status;
  }
  on_failure_(status);
}

}  // namespace tallymark
