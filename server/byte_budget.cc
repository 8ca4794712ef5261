#include "server/byte_budget.h"

namespace tallymark {

bool ByteBudget::TryTake(uint64_t bytes) {
  uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (used != 0 && used + bytes > limit_) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes));
  return true;
}

// Sequential consistency pairs the waiter flag with the count: either the waiter's second TryTake
// sees the release, or the release sees the waiter.
void ByteBudget::Release(uint64_t bytes) {
  uint64_t left = used_.fetch_sub(bytes) - bytes;
  if (left > limit_ / 4 * 3 || !has_waiters_.load()) return;
  std::vector<std::function<void()>> waiters;
  {
    std::lock_guard lock(mutex_);
    waiters.swap(waiters_);
    has_waiters_.store(false);
  }
  for (const std::function<void()>& wake : waiters) wake();
}

void ByteBudget::WhenRoomy(std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  waiters_.push_back(std::move(wake));
  has_waiters_.store(true);
}

}  // namespace tallymark
