#ifndef TALLYMARK_ENGINE_CONVERSION_JOINER_H_
#define TALLYMARK_ENGINE_CONVERSION_JOINER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "engine/ad_table.h"
#include "engine/batch.h"
#include "engine/click_finder.h"
#include "engine/identity_index.h"
#include "engine/waiting_conversions.h"

namespace tallymark {

struct ConversionOptions {
  int64_t window_ns = 0;        // between a conversion and its click
  int64_t wait_ns = 0;          // by the clock, from a conversion's arrival on
  int64_t dedup_window_ns = 0;  // as the identity index has it
  const Clock* clock = nullptr;
  std::function<bool(std::span<const RawEvent>)> expired;  // as EngineOptions::conversions_expired
};

// Settles what concerns conversions without an ad of their own: they take it from the click they
// name, at once when that has been sequenced before, else they wait for it. A joined conversion is
// an event like any other from then on: a row of the batch, with what it inherited marked.
//
// Exactly once: a conversion that waits is written, and one that was joined is taken out, by the
// very WriteBatch that stores the batch (Batch::new_waiting, Batch::ended_waiting). Those that wait
// are asked for duplicates together with the identity index, whichever way they come again.
//
// Where several clicks have the id, the earliest is taken of those that are there at that moment.
//
// Threads: belongs to the sequencer, which holds the identity index's lock; figures to anyone.
class ConversionJoiner {
 public:
  using Verdict = IdentityIndex::Verdict;

  ConversionJoiner(Storage* storage, AdTable* ads, IdentityIndex* identities, const EventReader* events,
                   ConversionOptions options);

  Status Load();

  // Around the events of a chunk; see ClickFinder.
  void BeginChunk(std::shared_ptr<const EventChunk> chunk, uint64_t batch, uint64_t durable_batch);
  void EndChunk() { finder_.End(); }

  // Whether this event must be settled here; others need not be shown.
  bool Concerns(const Event& event) const {
    return !event.Has(Field::kAdId) || (some_wait_ && event.kind != EventKind::kImpression);
  }
  // Settles an event of the chunk, adding to the batch's rows or to those that wait, and, when it is a
  // click that some waited for, also them.
  Result<Verdict> Settle(const EventChunk& chunk, const Event& event, Batch* batch);

  // Ends the waiting of up to `most` conversions that have waited too long.
  Status Expire(int64_t now_ns, size_t most, Batch* batch);

  struct Figures {
    std::atomic<uint64_t> waiting{0};
    std::atomic<int64_t> oldest_arrival_ns{INT64_MAX};
    std::atomic<uint64_t> joined{0}, expired{0};  // since the engine opened
  };
  const Figures& figures() const { return figures_; }

 private:
  Result<Verdict> SettleWithAd(const EventChunk& chunk, const Event& event, Batch* batch);
  Result<Verdict> SettleWithoutAd(const EventChunk& chunk, const Event& event, Batch* batch);
  const WaitingConversions::Entry* FindWaiting(const Event& event) const;
  void Wait(const EventChunk& chunk, const Event& event, Batch* batch);
  Status JoinWaiting(const EventChunk& chunk, const Event& click, uint32_t ad, Batch* batch);
  void Join(const EventChunk& chunk, const Event& conversion, const FoundClick& click, Batch* batch);
  void End(uint64_t number, Batch* batch);
  void NoteWaiting();

  AdTable* const ads_;
  IdentityIndex* const identities_;
  const ConversionOptions options_;
  ClickFinder finder_;
  WaitingConversions waiting_;
  bool some_wait_ = false;
  uint64_t batch_ = 0;                                     // that is being made
  std::deque<std::pair<uint64_t, uint64_t>> not_durable_;  // batch, number of a conversion that waits
  Figures figures_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_CONVERSION_JOINER_H_
