#ifndef TALLYMARK_ENGINE_WAITING_CONVERSIONS_H_
#define TALLYMARK_ENGINE_WAITING_CONVERSIONS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/storage.h"
#include "format/event_chunk.h"
#include "format/hash128.h"

namespace tallymark {

// The conversions that wait for their clicks: an index of the column family `pending_conversions`
// together with what is on its way there. Whoever adds or removes one sees to it that the batch does
// the same to the family. About 250 bytes of memory for each; what it carries is read from disk when
// it is needed.
//
// Belongs to the sequencer.
class WaitingConversions {
 public:
  struct Entry {
    Hash128 identity;
    Hash128 click;  // the identity that it waits for
    int64_t time_ns = 0;
    int64_t arrival_ns = 0;  // by the clock
    uint16_t content_check = 0;
    std::string bytes;  // as encoded; empty once durable
  };
  using Entries = std::map<uint64_t, Entry>;

  explicit WaitingConversions(Storage* storage) : storage_(storage) {}

  // Reads the family.
  Status Load();

  bool empty() const { return entries_.empty(); }
  const Entries& entries() const { return entries_; }  // by number: the order of their arrival

  // The number under which it is kept.
  uint64_t Add(Entry entry);
  void Remove(uint64_t number);
  // Entries up to this number are durable: their bytes are let go.
  void Durable(uint64_t number);

  // Whether some conversion may wait for this click: no is certain, yes is nearly so.
  bool MayWaitFor(const Hash128& click) const { return (filter_[FilterWord(click)] & FilterBit(click)) != 0; }
  // The numbers of those that wait for it, ascending.
  std::vector<uint64_t> WaitingFor(const Hash128& click) const;
  // One with this identity whose time is at most window_ns away; null when there is none.
  const Entry* Find(const Hash128& identity, int64_t time_ns, int64_t window_ns) const;

  // What a waiting conversion carries, as the only event of *chunk.
  Status Read(uint64_t number, EventChunk* chunk) const;

 private:
  struct HashOfId {
    size_t operator()(const Hash128& id) const { return static_cast<size_t>(id.lo); }
  };
  using Numbers = std::unordered_multimap<Hash128, uint64_t, HashOfId>;

  void Insert(uint64_t number, Entry entry);
  static void Erase(Numbers* numbers, const Hash128& id, uint64_t number);
  size_t FilterWord(const Hash128& id) const {
    return static_cast<size_t>(id.hi >> 6) & (filter_.size() - 1);
  }
  static uint64_t FilterBit(const Hash128& id) { return uint64_t{1} << (id.hi & 63); }
  void RebuildFilter();

  Storage* const storage_;
  Entries entries_;
  Numbers by_click_, by_identity_;
  uint64_t next_number_ = 0;
  uint64_t first_with_bytes_ = 0;
  std::vector<uint64_t> filter_ = std::vector<uint64_t>(1);  // a bit an entry, 16 times as many
  size_t filter_entries_ = 0;                                // put in since it was built
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_WAITING_CONVERSIONS_H_
