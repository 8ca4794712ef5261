#ifndef TALLYMARK_ENGINE_SESSION_READER_H_
#define TALLYMARK_ENGINE_SESSION_READER_H_

#include <string_view>

#include "engine/ad_table.h"
#include "engine/engine.h"
#include "engine/event_reader.h"
#include "engine/storage.h"

namespace tallymark {

// Session windows over the raw clicks of one ad, found in one pass by time. Clicks are not kept:
// within a slice of time no longer than the gap all clicks of a key belong to one session, so a
// slice is a first time, a last time and a count for each key. Memory: the keys of one gap's time
// (at most kSessionKeysMax) and one page. Thread safe.
class SessionReader {
 public:
  // Runs of clicks that are gathered before the stretch of time is made shorter.
  static constexpr size_t kRunsMax = size_t{1} << 20;

  // Tests give a small `runs_max`.
  SessionReader(Storage* storage, const EventReader* events, const AdTable* ads, size_t runs_max = kRunsMax)
      : storage_(storage), events_(events), ads_(ads), runs_max_(runs_max) {}

  // What Engine::Sessions gives. The query has been checked, its cursor has not.
  Result<SessionPage> Page(uint32_t ad, const SessionQuery& query) const;

  // Where the reading of a page begins: the start of the range, or as far before the cursor as a
  // session that began earlier may still reach. Fails as Page does for a foreign cursor.
  static Result<int64_t> FirstNeededNs(const SessionQuery& query);

 private:
  Storage* const storage_;
  const EventReader* const events_;
  const AdTable* const ads_;
  const size_t runs_max_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_SESSION_READER_H_
