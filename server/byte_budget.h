#ifndef TALLYMARK_SERVER_BYTE_BUDGET_H_
#define TALLYMARK_SERVER_BYTE_BUDGET_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace tallymark {

// A bound on bytes held at one time, shared by many connections. Thread safe.
//
//   if (!budget.TryTake(n)) { budget.WhenRoomy(wake); if (!budget.TryTake(n)) ...wait for wake... }
class ByteBudget {
 public:
  explicit ByteBudget(uint64_t limit) : limit_(limit) {}

  // False when it would go over the limit; but a budget of which nothing is taken gives anything,
  // so that one request larger than the limit cannot wait for ever.
  bool TryTake(uint64_t bytes);
  void Release(uint64_t bytes);

  // Calls `wake` once, from a thread that releases, when the use has fallen under three quarters of
  // the limit. Ask TryTake again after this: the room may have come in between.
  void WhenRoomy(std::function<void()> wake);

  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_; }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> used_{0};
  std::atomic<bool> has_waiters_{false};
  std::mutex mutex_;
  std::vector<std::function<void()>> waiters_;  // guarded by mutex_
};

// Bytes taken from a budget, given back at the end of its life. Not thread safe.
class BudgetHold {
 public:
  BudgetHold() = default;
  explicit BudgetHold(ByteBudget* budget) : budget_(budget) {}
  BudgetHold(BudgetHold&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  BudgetHold& operator=(BudgetHold&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~BudgetHold() { ShrinkTo(0); }

  // Takes more until `bytes` are held; false, with what it held before, when there is no room.
  bool GrowTo(uint64_t bytes) {
    if (bytes <= bytes_) return true;
    if (budget_ == nullptr || !budget_->TryTake(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }
  void ShrinkTo(uint64_t bytes) {
    if (bytes >= bytes_) return;
    budget_->Release(bytes_ - bytes);
    bytes_ = bytes;
  }
  uint64_t bytes() const { return bytes_; }
  // An empty hold on the same budget.
  BudgetHold Beside() const { return BudgetHold(budget_); }

 private:
  ByteBudget* budget_ = nullptr;
  uint64_t bytes_ = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_BYTE_BUDGET_H_
