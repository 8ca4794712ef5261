#ifndef TALLYMARK_ENGINE_SESSION_TRACKER_H_
#define TALLYMARK_ENGINE_SESSION_TRACKER_H_

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"
#include "format/hash128.h"

namespace tallymark {

struct Hash128Bits {
  size_t operator()(const Hash128& h) const { return static_cast<size_t>(h.lo); }
};

// Keys that may have an open session at one time.
inline constexpr size_t kSessionKeysMax = size_t{1} << 20;

// Where a session stands in the order of answers: by its first click, ties by the key's hash.
struct SessionPlace {
  int64_t start_ns = std::numeric_limits<int64_t>::min();
  Hash128 key;
  friend auto operator<=>(const SessionPlace&, const SessionPlace&) = default;
};

// Clicks of one key within a slice of time that is no longer than the gap.
struct ClickRun {
  int64_t slice = 0;  // number of the slice; the order in which runs are added
  Hash128 key;
  int64_t first_ns = 0;
  int64_t last_ns = 0;
  uint64_t clicks = 0;
  std::string_view text;  // of the key
};

// Joins runs to sessions and gathers those of one page: the first `limit` behind `after`. Once the
// page has as many, only its own sessions are followed, to their ends. One thread.
class SessionTracker {
 public:
  SessionTracker(int64_t gap_ns, size_t limit, const SessionPlace& after)
      : gap_ns_(gap_ns), limit_(limit), after_(after) {}

  // Runs of one slice, in any order among them, after all runs of earlier slices.
  void AddSlice(std::vector<ClickRun>::const_iterator begin, std::vector<ClickRun>::const_iterator end);
  // No click before this time is to come: forgets the sessions that have ended.
  void AdvanceTo(int64_t time_ns);
  // No session that begins later belongs to the page.
  void EndStarts();

  bool ended_starts() const { return ended_starts_; }
  // Runs of this key still matter.
  bool Follows(const Hash128& key) const { return !ended_starts_ || open_.contains(key); }
  size_t open() const { return open_.size(); }
  // The page is full: the place of its last session.
  bool full() const { return page_.size() >= limit_; }
  SessionPlace last() const { return page_.back().place; }

  std::vector<Session> Take();

 private:
  static constexpr size_t kNotOurs = std::numeric_limits<size_t>::max();
  struct Open {
    int64_t last_ns = 0;
    size_t index = kNotOurs;  // in page_, when the session belongs to it
  };
  struct Entry {
    SessionPlace place;
    Session session;
  };

  void Add(const ClickRun& run);
  void Begin(const ClickRun& run, Open* open);

  const int64_t gap_ns_;
  const size_t limit_;
  const SessionPlace after_;
  bool ended_starts_ = false;
  std::unordered_map<Hash128, Open, Hash128Bits> open_;
  std::vector<Entry> page_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_SESSION_TRACKER_H_
