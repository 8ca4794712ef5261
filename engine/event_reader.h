#ifndef TALLYMARK_ENGINE_EVENT_READER_H_
#define TALLYMARK_ENGINE_EVENT_READER_H_

#include <functional>
#include <string>
#include <vector>

#include "engine/ad_table.h"
#include "engine/engine.h"
#include "engine/storage.h"
#include "format/block_index.h"
#include "format/identity_segment.h"

namespace tallymark {

// Reads raw records by time: the blocks of the log through their hour index, and repacked blocks.
// Thread safe. Page and TimesOf read an hour inside the storage's raw gate, so that a repacking
// beside them moves nothing out of sight.
class EventReader {
 public:
  EventReader(Storage* storage, const AdTable* ads) : storage_(storage), ads_(ads) {}

  // A page of one ad's events with time in [from_ns, to_ns), by (time, kind, identity).
  Result<EventPage> Page(uint32_t ad, int64_t from_ns, int64_t to_ns, size_t limit,
                         std::string_view cursor) const;

  // Appends to *chunk and *ads the events with this identity and hour from the block at `place`, or,
  // once that has been repacked, from the hour's packed blocks. Their texts come with others'.
  Status EventsOf(const Hash128& id, const IdentityPlace& place, EventChunk* chunk,
                  std::vector<uint32_t>* ads) const;

  // Exact times of the events with this identity in the block at `place`.
  Result<std::vector<int64_t>> TimesOf(const Hash128& id, const IdentityPlace& place) const;

  // Calls visit for each block that may hold events of this hour (and of `only_ad`, when given):
  // first the log's, then repacked ones. Where repacking may run beside it, call it inside the gate.
  Status ForEachBlock(int32_t hour, const uint32_t* only_ad,
                      const std::function<Status(std::string_view block)>& visit) const;

  // First hour at or after `hour` that may hold events; empty when there is none.
  Result<std::optional<int32_t>> NextHour(int32_t hour) const;

 private:
  Status VisitLog(int32_t hour, const uint32_t* only_ad,
                  const std::function<Status(std::string_view)>& visit) const;
  Status VisitPacked(int32_t hour, const uint32_t* only_ad,
                     const std::function<Status(std::string_view)>& visit) const;

  Storage* const storage_;
  const AdTable* const ads_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_EVENT_READER_H_
