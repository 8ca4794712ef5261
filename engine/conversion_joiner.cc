#include "engine/conversion_joiner.h"

#include <cstdlib>

#include "engine/block_reader.h"
#include "engine/joined_conversion.h"
#include "format/event_identity.h"
#include "format/time_units.h"
#include "format/waiting_conversion.h"

namespace tallymark {

ConversionJoiner::ConversionJoiner(Storage* storage, AdTable* ads, IdentityIndex* identities,
                                   const EventReader* events, ConversionOptions options)
    : ads_(ads),
      identities_(identities),
      options_(std::move(options)),
      finder_(identities, events),
      waiting_(storage) {}

Status ConversionJoiner::Load() {
  Status loaded = waiting_.Load();
  NoteWaiting();
  return loaded;
}

void ConversionJoiner::NoteWaiting() {
  some_wait_ = !waiting_.empty();
  figures_.waiting.store(waiting_.entries().size(), std::memory_order_relaxed);
  figures_.oldest_arrival_ns.store(
      some_wait_ ? waiting_.entries().begin()->second.arrival_ns : std::numeric_limits<int64_t>::max(),
      std::memory_order_relaxed);
}

void ConversionJoiner::BeginChunk(std::shared_ptr<const EventChunk> chunk, uint64_t batch,
                                  uint64_t durable_batch) {
  finder_.Begin(std::move(chunk), batch, durable_batch);
  batch_ = batch;
  for (; !not_durable_.empty() && not_durable_.front().first <= durable_batch; not_durable_.pop_front()) {
    waiting_.Durable(not_durable_.front().second);
  }
}

Result<ConversionJoiner::Verdict> ConversionJoiner::Settle(const EventChunk& chunk, const Event& event,
                                                           Batch* batch) {
  return event.Has(Field::kAdId) ? SettleWithAd(chunk, event, batch) : SettleWithoutAd(chunk, event, batch);
}

const WaitingConversions::Entry* ConversionJoiner::FindWaiting(const Event& event) const {
  if (!some_wait_ || event.kind != EventKind::kConversion) return nullptr;
  return waiting_.Find(event.identity, event.time_ns, options_.dedup_window_ns);
}

// As the sequencer does, but for those that wait.
Result<ConversionJoiner::Verdict> ConversionJoiner::SettleWithAd(const EventChunk& chunk, const Event& event,
                                                                 Batch* batch) {
  if (const WaitingConversions::Entry* same = FindWaiting(event)) {
    return same->content_check == event.content_check ? Verdict::kDuplicate : Verdict::kConflict;
  }
  const uint32_t ad = ads_->Intern(chunk, event);
  uint32_t number = 0;
  Result<Verdict> verdict = identities_->Settle(event, ad, &number);
  if (!verdict.ok() || *verdict != Verdict::kNew) return verdict;
  batch->rows.push_back({{&chunk, &event, ad}, HourOf(event.time_ns), number});
  if (event.kind != EventKind::kClick || !waiting_.MayWaitFor(event.identity)) return verdict;
  Status joined = JoinWaiting(chunk, event, ad, batch);
  if (!joined.ok()) return joined;
  return verdict;
}

Result<ConversionJoiner::Verdict> ConversionJoiner::SettleWithoutAd(const EventChunk& chunk,
                                                                    const Event& event, Batch* batch) {
  Result<Verdict> verdict = identities_->Judge(event);
  if (!verdict.ok() || *verdict != Verdict::kNew) return verdict;
  if (const WaitingConversions::Entry* same = FindWaiting(event)) {
    return same->content_check == event.content_check ? Verdict::kDuplicate : Verdict::kConflict;
  }
  Result<FoundClick> click =
      finder_.Find(chunk.Get(event, Field::kClickId), event.time_ns, options_.window_ns);
  if (!click.ok()) return click.status();
  if (click->event != nullptr) {
    Join(chunk, event, *click, batch);
  } else {
    Wait(chunk, event, batch);
  }
  return Verdict::kNew;
}

void ConversionJoiner::Wait(const EventChunk& chunk, const Event& event, Batch* batch) {
  WaitingConversions::Entry entry;
  entry.identity = event.identity;
  entry.click = IdentityOfEventId(EventKind::kClick, chunk.Get(event, Field::kClickId));
  entry.time_ns = event.time_ns;
  entry.arrival_ns = options_.clock->NowNs();
  entry.content_check = event.content_check;
  entry.bytes = EncodeWaitingConversion(chunk, event, entry.arrival_ns);
  std::string bytes = entry.bytes;
  const uint64_t number = waiting_.Add(std::move(entry));
  batch->new_waiting.emplace_back(number, std::move(bytes));
  not_durable_.emplace_back(batch_, number);
  NoteWaiting();
}

Status ConversionJoiner::JoinWaiting(const EventChunk& chunk, const Event& click, uint32_t ad, Batch* batch) {
  for (uint64_t number : waiting_.WaitingFor(click.identity)) {
    const int64_t time_ns = waiting_.entries().at(number).time_ns;
    if (std::llabs(time_ns - click.time_ns) > options_.window_ns) continue;
    EventChunk conversion;
    Status read = waiting_.Read(number, &conversion);
    if (!read.ok()) return read;
    // The click's chunk lives as long as the batch: nothing is kept beyond that.
    const std::shared_ptr<const EventChunk> borrowed(std::shared_ptr<void>(), &chunk);
    Join(conversion, conversion.events.front(), {borrowed, &click, ad}, batch);
    End(number, batch);
  }
  return Status::Ok();
}

void ConversionJoiner::Join(const EventChunk& chunk, const Event& conversion, const FoundClick& click,
                            Batch* batch) {
  batch->joined.push_back(JoinToClick(chunk, conversion, *click.chunk, *click.event));
  const EventChunk& joined = batch->joined.back();
  const Event& event = joined.events.front();
  uint32_t number = 0;
  identities_->Accept(event, click.ad, &number);
  batch->rows.push_back({{&joined, &event, click.ad}, HourOf(event.time_ns), number});
  figures_.joined.fetch_add(1, std::memory_order_relaxed);
}

void ConversionJoiner::End(uint64_t number, Batch* batch) {
  waiting_.Remove(number);
  batch->ended_waiting.push_back(number);
  NoteWaiting();
}

Status ConversionJoiner::Expire(int64_t now_ns, size_t most, Batch* batch) {
  std::vector<uint64_t> numbers;
  std::vector<RawEvent> events;
  for (const auto& [number, entry] : waiting_.entries()) {
    if (numbers.size() == most || now_ns - entry.arrival_ns < options_.wait_ns) break;
    EventChunk chunk;
    Status read = waiting_.Read(number, &chunk);
    if (!read.ok()) return read;
    numbers.push_back(number);
    events.push_back(ToRawEvent(chunk, chunk.events.front()));
  }
  if (numbers.empty() || (options_.expired && !options_.expired(events))) return Status::Ok();
  for (uint64_t number : numbers) End(number, batch);
  figures_.expired.fetch_add(numbers.size(), std::memory_order_relaxed);
  return Status::Ok();
}

}  // namespace tallymark
