#ifndef TALLYMARK_ENGINE_IDENTITY_GENERATION_H_
#define TALLYMARK_ENGINE_IDENTITY_GENERATION_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/big_vector.h"
#include "engine/slab.h"
#include "format/hash128.h"
#include "format/prefetch.h"

namespace tallymark {

// An identity that is not yet in a sealed segment. 40 bytes.
struct LiveIdentity {
  Hash128 id;
  int64_t time_ns = 0;
  uint32_t ad = 0;
  uint32_t content_check = 0;
  uint64_t sequence = 0;  // of its raw block; until that is durable see IdentityGeneration::Sequence
};
static_assert(sizeof(LiveIdentity) == 40);

// The identities of the log that no segment holds yet, exactly. Entries lie in lanes by the top bits of
// their id, in each in order of arrival, so that a seal, which sorts them, works on a lane at a time. An
// entry keeps its number and address. Filled by the sequencer; FindMatch and Insert are its alone.
// SetSequence touches only entries that are in, so the thread that makes batches durable may call it
// beside Insert. Sealing reads entries once all of them are durable.
class IdentityGeneration {
 public:
  static constexpr int kLaneBits = 8;
  static constexpr size_t kLanes = size_t{1} << kLaneBits;
  static constexpr size_t kPieceBytes = size_t{64} << 10;
  static constexpr uint32_t kPerPiece = kPieceBytes / sizeof(LiveIdentity);
  // Numbers have 24 bits, and every lane may leave most of a piece unused.
  static constexpr uint32_t kEntriesMax = (1U << 24) - 1 - kLanes * kPerPiece;

  // The pool hands out pieces of kPieceBytes. The table begins with room for `expected` entries: as
  // it grows all of them are placed anew, while the sequencer waits.
  explicit IdentityGeneration(PiecePool* pool, uint32_t expected = 0);
  ~IdentityGeneration();
  IdentityGeneration(const IdentityGeneration&) = delete;
  IdentityGeneration& operator=(const IdentityGeneration&) = delete;

  static size_t LaneOf(const Hash128& id) { return id.hi >> (64 - kLaneBits); }
  void Prefetch(const Hash128& id) const { PrefetchLine(&slots_[SlotOf(id)]); }

  // Calls visit(entry) for each entry with this id, until it returns true; returns whether it did.
  template <class Visit>
  bool FindMatch(const Hash128& id, Visit&& visit) const;

  // Calls visit(number, entry) for each entry with this id.
  template <class Visit>
  void ForEachMatch(const Hash128& id, Visit&& visit) const {
    for (size_t s = SlotOf(id); slots_[s] != 0; s = (s + 1) & (slots_.size() - 1)) {
      if ((slots_[s] & ~kNumberMask) != TagOf(id)) continue;
      const uint32_t number = (slots_[s] & kNumberMask) - 1;
      if (At(number).id == id) visit(number, At(number));
    }
  }

  // Calls visit(number, entry) for every entry, lane by lane: ids ascend in their top kLaneBits.
  template <class Visit>
  void ForEach(Visit&& visit) const {
    for (const Lane& lane : lanes_) {
      for (uint32_t piece : lane.pieces) {
        const uint32_t first = piece * kPerPiece;
        const uint32_t end =
            std::min(first + kPerPiece, piece == lane.pieces.back() ? lane.next : UINT32_MAX);
        for (uint32_t number = first; number < end; ++number) visit(number, At(number));
      }
    }
  }

  // Adds an entry (equal ids may repeat) and returns its number. One without sequence is underway.
  // Precondition: size() < kEntriesMax.
  uint32_t Insert(const LiveIdentity& entry);
  // What Sequence has in place of a raw block while an entry's batch is not durable: this bit, above how
  // many entries had come before it.
  static constexpr uint64_t kUnderway = uint64_t{1} << 63;
  // Any thread.
  uint64_t Sequence(uint32_t number) const {
    return std::atomic_ref(At(number).sequence).load(std::memory_order_acquire);
  }
  void SetSequence(uint32_t number, uint64_t sequence) {
    std::atomic_ref(At(number).sequence).store(sequence, std::memory_order_release);
  }

  uint32_t size() const { return size_; }
  const LiveIdentity& Get(uint32_t number) const { return At(number); }
  uint64_t bytes() const { return pieces_.size() * kPieceBytes + slots_.size() * sizeof(uint32_t); }

 private:
  // Of the entries that agree in their top kLaneBits.
  struct Lane {
    uint32_t next = 0;  // the number of its next entry, in its last piece
    uint32_t end = 0;   // of that piece
    std::vector<uint32_t> pieces;
  };

  static constexpr uint32_t kNumberMask = (1U << 24) - 1;

  // A slot is 0 when free, else an 8-bit tag above the 24 bits of the entry's number + 1.
  static uint32_t TagOf(const Hash128& id) { return static_cast<uint32_t>(id.lo >> 56) << 24; }
  size_t SlotOf(const Hash128& id) const { return static_cast<size_t>(id.lo) & (slots_.size() - 1); }
  LiveIdentity& At(uint32_t number) const { return pieces_[number / kPerPiece][number % kPerPiece]; }
  void AddPiece(Lane* lane);
  void Grow();
  void Place(const Hash128& id, uint32_t number);

  PiecePool* pool_;
  std::vector<LiveIdentity*> pieces_;  // capacity reserved: never moves while others read
  std::array<Lane, kLanes> lanes_;
  BigVector<uint32_t> slots_;
  uint32_t size_ = 0;
};

template <class Visit>
bool IdentityGeneration::FindMatch(const Hash128& id, Visit&& visit) const {
  const uint32_t tag = TagOf(id);
  for (size_t s = SlotOf(id); slots_[s] != 0; s = (s + 1) & (slots_.size() - 1)) {
    if ((slots_[s] & ~kNumberMask) != tag) continue;
    const LiveIdentity& entry = At((slots_[s] & kNumberMask) - 1);
    if (entry.id == id && visit(entry)) return true;
  }
  return false;
}

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_IDENTITY_GENERATION_H_
