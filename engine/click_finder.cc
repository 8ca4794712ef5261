#include "engine/click_finder.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include "format/event_identity.h"
#include "format/time_units.h"

namespace tallymark {

void ClickFinder::Begin(std::shared_ptr<const EventChunk> chunk, uint64_t batch, uint64_t durable_batch) {
  while (!underway_.empty() && underway_.front().batch <= durable_batch) underway_.pop_front();
  underway_.push_back({batch, std::move(chunk), identities_->live(), identities_->live_size(),
                       std::numeric_limits<uint32_t>::max()});
}

void ClickFinder::End() { underway_.back().end = identities_->live_size(); }

// Duplicates stand in the chunk too; the first that equals the entry is the one that was accepted.
void ClickFinder::ReadUnderway(const Hash128& id, const IdentityIndex::Found& found, uint64_t arrival,
                               std::vector<FoundClick>* clicks) const {
  for (const Underway& underway : underway_) {
    if (underway.generation != found.generation || arrival < underway.begin || arrival >= underway.end)
      continue;
    for (const Event& event : underway.chunk->events) {
      if (event.identity != id || event.time_ns != found.time_ns) continue;
      clicks->push_back({underway.chunk, &event, found.place.ad});
      return;
    }
  }
  std::abort();  // an entry that is not durable came with a chunk that is underway: our bug
}

Status ClickFinder::Read(const Hash128& id, const IdentityIndex::Found& found,
                         std::vector<FoundClick>* clicks) {
  IdentityPlace place = found.place;
  if (found.generation != nullptr) {
    place.sequence = found.generation->Sequence(found.number);
    if ((place.sequence & IdentityGeneration::kUnderway) != 0) {
      ReadUnderway(id, found, place.sequence & ~IdentityGeneration::kUnderway, clicks);
      return Status::Ok();
    }
  }
  auto chunk = std::make_shared<EventChunk>();
  std::vector<uint32_t> ads;
  Status read = events_->EventsOf(id, place, chunk.get(), &ads);
  if (!read.ok()) return read;
  for (size_t i = 0; i < chunk->events.size(); ++i) clicks->push_back({chunk, &chunk->events[i], ads[i]});
  return Status::Ok();
}

Result<FoundClick> ClickFinder::Find(std::string_view click_id, int64_t time_ns, int64_t window_ns) {
  const Hash128 id = IdentityOfEventId(EventKind::kClick, click_id);
  std::vector<IdentityIndex::Found> found;
  Status asked = identities_->FindAll(id, time_ns - window_ns, time_ns + window_ns, &found);
  if (!asked.ok()) return asked;
  std::vector<FoundClick> clicks;
  for (const IdentityIndex::Found& place : found) {
    Status read = Read(id, place, &clicks);
    if (!read.ok()) return read;
  }
  FoundClick earliest;
  for (const FoundClick& click : clicks) {
    if (std::llabs(click.event->time_ns - time_ns) > window_ns) continue;
    if (earliest.event == nullptr || click.event->time_ns < earliest.event->time_ns) earliest = click;
  }
  return earliest;
}

}  // namespace tallymark
