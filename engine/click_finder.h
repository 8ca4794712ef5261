#ifndef TALLYMARK_ENGINE_CLICK_FINDER_H_
#define TALLYMARK_ENGINE_CLICK_FINDER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/event_reader.h"
#include "engine/identity_index.h"

namespace tallymark {

// A click with all that it carries, its ad's id included.
struct FoundClick {
  std::shared_ptr<const EventChunk> chunk;  // null: there is none
  const Event* event = nullptr;
  uint32_t ad = 0;
};

// Finds the counted click that a conversion names, through the identity index: in raw records, or,
// while its batch is on its way, in the chunk it came in. Costs nothing an event, some pointers a
// chunk. Belongs to the sequencer, which holds the index's lock.
class ClickFinder {
 public:
  ClickFinder(IdentityIndex* identities, const EventReader* events)
      : identities_(identities), events_(events) {}

  // The chunk is settled from here on, as part of the batch with this number; batches up to
  // `durable_batch` are durable, and in the identity index with their sequences.
  void Begin(std::shared_ptr<const EventChunk> chunk, uint64_t batch, uint64_t durable_batch);
  // It has been settled.
  void End();

  // The earliest click with this event_id within window_ns of time_ns.
  Result<FoundClick> Find(std::string_view click_id, int64_t time_ns, int64_t window_ns);

 private:
  // A chunk whose batch is not durable, and which entries of a generation, by arrival, are its events'.
  struct Underway {
    uint64_t batch = 0;
    std::shared_ptr<const EventChunk> chunk;
    std::shared_ptr<const IdentityGeneration> generation;
    uint32_t begin = 0, end = 0;
  };

  Status Read(const Hash128& id, const IdentityIndex::Found& found, std::vector<FoundClick>* clicks);
  void ReadUnderway(const Hash128& id, const IdentityIndex::Found& found, uint64_t arrival,
                    std::vector<FoundClick>* clicks) const;

  IdentityIndex* const identities_;
  const EventReader* const events_;
  std::deque<Underway> underway_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_CLICK_FINDER_H_
