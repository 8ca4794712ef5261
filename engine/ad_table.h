#ifndef TALLYMARK_ENGINE_AD_TABLE_H_
#define TALLYMARK_ENGINE_AD_TABLE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/big_vector.h"
#include "engine/storage.h"
#include "format/event_chunk.h"
#include "format/prefetch.h"

namespace tallymark {

// Gives every ad id a dense number, 0, 1, 2, ... in order of first sight, for ever. Names lie in
// memory: 32 bytes an ad, more for ids over 28 bytes, and 8..16 of hash slots.
//
// Threads: Intern, Recognized and the prefetches belong to the sequencer. Recognize, Find and Name may be
// called from any thread; the first two wait while Intern makes the slots anew, twice as many, and it
// waits for those who are in them then.
class AdTable {
 public:
  AdTable();

  // Reads the names of the column family `ads`; `expected` of them must be there.
  Status Load(const Storage& storage, uint32_t expected);

  // `hash` is XXH3_64bits of the id, as Event::ad_hash.
  void PrefetchSlot(uint64_t hash) const { PrefetchLine(&slots_[SlotOf(hash)]); }
  void PrefetchName(uint64_t hash) const {
    if (uint64_t slot = SlotAt(SlotOf(hash)); slot != 0)
      PrefetchLine(&NameAt(static_cast<uint32_t>(slot) - 1));
  }
  // The ad's number; a new one when the id was never seen.
  uint32_t Intern(std::string_view id, uint64_t hash);

  // The same for the ad of an event of the chunk, which is not looked up where Recognize did.
  uint32_t Intern(const EventChunk& chunk, const Event& event) {
    const uint32_t known = Recognized(chunk, event);
    return known != AdNumbers::kUnknown ? known : Intern(chunk.Get(event, Field::kAdId), event.ad_hash);
  }

  // Looks up the ads of all events: leaves the numbers of those it knows in chunk->ads.
  void Recognize(EventChunk* chunk) const;
  // What Recognize noted for an event of the chunk; kUnknown when this table did not.
  uint32_t Recognized(const EventChunk& chunk, const Event& event) const {
    if (chunk.ads.table != serial_) return AdNumbers::kUnknown;
    return chunk.ads.of_event[static_cast<size_t>(&event - chunk.events.data())];
  }

  std::optional<uint32_t> Find(std::string_view id) const;
  // Precondition: number < size(). The view lives as long as the table.
  std::string_view Name(uint32_t number) const { return NameAt(number).View(); }
  uint32_t size() const { return size_.load(std::memory_order_acquire); }

  // The value of one `ads` record: names of consecutive numbers, each with its length before it.
  static void AppendName(std::string_view name, std::string* record);

 private:
  static constexpr uint32_t kNamesPerPiece = 1U << 16;
  static constexpr uint32_t kPiecesMax = 1U << 16;

  struct alignas(32) NameEntry {
    static constexpr size_t kInlineMax = 28;
    uint8_t size;
    char text[kInlineMax + 3];  // the bytes, or a pointer to them when they do not fit

    std::string_view View() const;
  };
  static_assert(sizeof(NameEntry) == 32);

  // A slot is 0 when free, else the hash's upper half above the number + 1. Whoever reads one may read
  // the name that it leads to.
  uint64_t SlotAt(size_t slot) const { return slots_[slot].load(std::memory_order_acquire); }
  size_t SlotOf(uint64_t hash) const { return static_cast<size_t>(hash >> 32) >> shift_; }
  const NameEntry& NameAt(uint32_t number) const {
    return pieces_[number / kNamesPerPiece].load(std::memory_order_acquire)[number % kNamesPerPiece];
  }
  std::optional<uint32_t> Lookup(std::string_view id, uint64_t hash) const;
  uint32_t Add(std::string_view id, uint64_t hash);
  void GrowSlots();

  const uint64_t serial_;  // tells this table from every other in the process; never 0
  // Held alone while slots_ is replaced, shared by all who read it but the sequencer.
  mutable std::shared_mutex mutex_;
  BigVector<std::atomic<uint64_t>> slots_;
  int shift_;
  std::atomic<uint32_t> size_{0};
  std::unique_ptr<std::atomic<NameEntry*>[]> pieces_;
  std::vector<Slab> name_slabs_;  // what pieces_ points into
  std::vector<std::unique_ptr<char[]>> long_names_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_AD_TABLE_H_
