#ifndef TALLYMARK_ENGINE_IDENTITY_INDEX_H_
#define TALLYMARK_ENGINE_IDENTITY_INDEX_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/fingerprint_table.h"
#include "engine/identity_generation.h"
#include "engine/identity_manifest.h"
#include "engine/storage.h"
#include "format/event_chunk.h"
#include "format/identity_segment.h"

namespace tallymark {

// Finds the exact event time of an identity on disk; asked only when the hour alone cannot tell
// whether two arrivals lie within the dedup window. Empty: no such event in that place.
using ExactTimes = std::function<Result<std::vector<int64_t>>(const Hash128& id, const IdentityPlace& place)>;

struct IdentityIndexOptions {
  int64_t window_ns = 0;
  uint64_t filter_bytes_max = 0;
};

// Decides whether an event was seen before: exactly, and with one memory access in the usual case.
//
// Entries live in a generation in memory until it is sealed into segments on disk, one per event
// day. In front of both stands a fingerprint table per day whose tag names where to look. Days
// whose table is not there (after a restart, or beyond the memory bound) are asked on disk.
//
// Threads: Settle, Replay and SwitchGeneration belong to the sequencer, which holds Lock() around
// them; the sealing thread calls the rest and takes the lock itself. A look-up in progress and a
// swap of segments therefore exclude each other: memory is asked first, then disk, and memory is
// let go last.
class IdentityIndex {
 public:
  enum class Verdict : uint8_t { kNew, kDuplicate, kConflict };
  struct Frozen {
    std::shared_ptr<IdentityGeneration> generation;
    std::vector<int32_t> days;  // that have entries in it
  };

  IdentityIndex(Storage* storage, IdentityIndexOptions options, ExactTimes exact_times);

  // Reads the manifest; kCorruption when it cannot be read. Removes segments it does not list.
  Status Load();
  uint64_t covered_sequence() const { return manifest_.covered_sequence; }

  [[nodiscard]] std::unique_lock<std::mutex> Lock() { return std::unique_lock(mutex_); }

  // Ahead of Prefetch by some events.
  void PrefetchDirectories(std::span<const Event> events) const;
  void Prefetch(std::span<const Event> events) const;
  // Settles one event. New: it is entered, and *number is its entry in the live generation.
  // Fails only when the disk does; the event is then neither.
  Result<Verdict> Settle(const Event& event, uint32_t ad, uint32_t* number);
  // The same without entering it: what Settle would say.
  Result<Verdict> Judge(const Event& event);
  // Enters an event that Judge found new, nothing having been entered since.
  void Accept(const Event& event, uint32_t ad, uint32_t* number);

  // An accepted event of an identity: in memory, or in a segment.
  struct Found {
    IdentityPlace place;  // in memory without its sequence, which another thread may be setting
    int64_t time_ns = 0;  // exact in memory; in a segment the begin of its hour
    std::shared_ptr<const IdentityGeneration> generation;  // null: in a segment
    uint32_t number = 0;                                   // in the generation
  };
  // Appends every accepted event of this identity in the days from first_ns to last_ns, in no order;
  // some may lie outside of the times. Asks every day between them. Sequencer.
  Status FindAll(const Hash128& id, int64_t first_ns, int64_t last_ns, std::vector<Found>* found);

  // Enters an event that is known to be accepted (restart).
  void Replay(const Event& event, uint32_t ad, uint64_t sequence);

  bool HasFrozen() const { return frozen_.generation != nullptr; }
  uint32_t live_size() const { return live_->size(); }
  bool LiveIsFull(size_t more) const { return live_->size() + more >= IdentityGeneration::kEntriesMax; }
  const std::shared_ptr<IdentityGeneration>& live() const { return live_; }
  // From here on new entries go to a fresh generation. Precondition: !HasFrozen().
  void SwitchGeneration();
  const Frozen& frozen() const { return frozen_; }

  // ---- Sealing and filter loading; see identity_sealer.h.
  IdentityManifest manifest() const;
  // The segments of `removed` are replaced by those of `next` that are not known yet. The frozen
  // generation's memory is let go.
  void Publish(const IdentityManifest& next, const std::vector<IdentitySegment>& removed);
  // Lets go of a frozen generation that turned out to hold nothing.
  void DropEmptyFrozen();
  // Days whose segments have no filter in memory and that look-ups asked for, newest first.
  std::vector<int32_t> DaysToLoad();
  // Reads the unfiltered segments of a day into a table and puts it in front of them.
  Status LoadFilter(int32_t day);

  struct Figures {
    uint64_t in_memory = 0, segments = 0, filter_bytes = 0, disk_lookups = 0, false_probes = 0;
    bool loaded = true;
  };
  Figures figures() const;

 private:
  static constexpr uint8_t kTagAnywhere = 255;  // tags of the day have run out: ask every place
  static constexpr uint32_t kInMemory = 0;      // tag_segment of entries that are not sealed

  struct Day {
    int32_t day = 0;
    std::unique_ptr<FingerprintTable> table;   // entries since this process opened
    std::unique_ptr<FingerprintTable> loaded;  // segments sealed before
    bool trusted = true;  // the table knows every entry in memory; false: always ask memory
    std::vector<IdentitySegment> segments;
    std::vector<uint32_t> unfiltered;  // numbers of segments no table knows
    std::array<uint32_t, 256> tag_segment{};
    uint8_t next_tag = 0;
    int live_tag = -1;    // of its entries in the live generation; -1: none yet
    int frozen_tag = -1;  // likewise in the frozen one
    uint32_t unfiltered_lookups = 0;
    uint64_t touched = 0;  // live generation number at the last entry
  };
  struct Candidates {
    bool memory = false;
    std::vector<uint32_t> segments;
    void Add(uint32_t segment);
  };

  Day* FindDay(int32_t day) const;
  template <class Visit>
  void ForEachTable(std::span<const Event> events, Visit&& visit) const;
  Day& DayFor(int32_t day);
  uint8_t TakeTag(Day& day);
  void Enter(const LiveIdentity& entry, uint32_t* number);
  void Collect(Day& day, const Hash128& id, Candidates* out);
  void CollectTag(Day& day, uint8_t tag, Candidates* out) const;
  Status ReadPlaces(const Day& day, uint32_t segment, const Hash128& id);
  Result<Verdict> AskDisk(const Day& day, uint32_t segment, const Event& event, bool* found);
  Result<bool> WithinWindow(const Event& event, const IdentityPlace& place) const;
  void AddSegment(const IdentitySegment& segment, bool filtered);
  void ForgetSegment(const IdentitySegment& gone);
  void EvictOverBudget();
  Status RemoveOrphans();
  uint64_t FilterBytes() const;

  Storage* const storage_;
  const IdentityIndexOptions options_;
  const ExactTimes exact_times_;
  PiecePool page_pool_{FingerprintTable::kPieceBytes};
  PiecePool entry_pool_{IdentityGeneration::kPieceBytes};

  mutable std::mutex mutex_;
  IdentityManifest manifest_;
  std::shared_ptr<IdentityGeneration> live_;
  Frozen frozen_;
  std::vector<int32_t> live_days_;
  uint64_t generation_number_ = 1;
  int32_t first_day_ = 0;  // of days_by_offset_
  std::vector<std::unique_ptr<Day>> days_by_offset_;
  Candidates scratch_candidates_;
  std::vector<IdentityPlace> scratch_places_;

  std::atomic<uint64_t> disk_lookups_{0};
  std::atomic<uint64_t> false_probes_{0};
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_IDENTITY_INDEX_H_
