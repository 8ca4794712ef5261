#include "server/chunk_pool.h"

#include <utility>

namespace tallymark {
namespace {

// A chunk that grew far past a read's size is not worth keeping.
constexpr size_t kKeptTextBytesMax = 1 << 20;

}  // namespace

ChunkPool::ChunkPool(size_t kept_max) : kept_max_(kept_max), shelf_(std::make_shared<Shelf>()) {
  shelf_->idle.reserve(kept_max);
}

std::shared_ptr<EventChunk> ChunkPool::Get() {
  std::unique_ptr<EventChunk> chunk;
  {
    std::lock_guard lock(shelf_->mutex);
    if (!shelf_->idle.empty()) {
      chunk = std::move(shelf_->idle.back());
      shelf_->idle.pop_back();
    }
  }
  if (chunk == nullptr) chunk = std::make_unique<EventChunk>();
  auto give_back = [shelf = shelf_, kept_max = kept_max_](EventChunk* raw) {
    std::unique_ptr<EventChunk> used(raw);
    if (used->text.capacity() > kKeptTextBytesMax) return;
    used->events.clear();
    used->extras.clear();
    used->segments.clear();
    std::lock_guard lock(shelf->mutex);
    if (shelf->idle.size() < kept_max) shelf->idle.push_back(std::move(used));
  };
  return {chunk.release(), std::move(give_back)};
}

}  // namespace tallymark
