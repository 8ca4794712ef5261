#ifndef TALLYMARK_ENGINE_DEDUP_WINDOW_H_
#define TALLYMARK_ENGINE_DEDUP_WINDOW_H_

#include <cstdint>

#include "engine/storage.h"

namespace tallymark {

// The dedup window is an option of each start, and a verification must know which repeats of an
// identity were right when they were counted. So `meta` keeps the smallest window, in nanoseconds,
// that a directory was ever written with: two events of one identity never lie closer.

// 0 when it is not known: then only repeats of the same nanosecond are surely wrong.
Result<int64_t> SmallestDedupWindow(const Storage& storage);

// Called at each start, before any event is settled. `empty`: no event was ever accepted. Where
// events came before the first note their window is not known, and none is written.
Status NoteDedupWindow(Storage* storage, int64_t window_ns, bool empty);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_DEDUP_WINDOW_H_
