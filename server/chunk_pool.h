#ifndef TALLYMARK_SERVER_CHUNK_POOL_H_
#define TALLYMARK_SERVER_CHUNK_POOL_H_

#include <memory>
#include <mutex>
#include <vector>

#include "format/event_chunk.h"

namespace tallymark {

// Event chunks whose memory is used again: first touch of fresh memory costs more than parsing into
// it. A chunk goes back when its last reference goes, on whatever thread, also after the pool is
// destroyed. Thread safe.
class ChunkPool {
 public:
  // Keeps at most `kept_max` idle chunks.
  explicit ChunkPool(size_t kept_max);

  // A chunk without events, extras and segments. `text` has its former length and bytes, for the
  // caller to write over: clearing it would make the next resize touch it all.
  std::shared_ptr<EventChunk> Get();

 private:
  struct Shelf {
    std::mutex mutex;
    std::vector<std::unique_ptr<EventChunk>> idle;  // guarded by mutex
  };
  const size_t kept_max_;
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_CHUNK_POOL_H_
