#ifndef TALLYMARK_ENGINE_READ_GATE_H_
#define TALLYMARK_ENGINE_READ_GATE_H_

#include <atomic>
#include <shared_mutex>

namespace tallymark {

// Keeps readers of several column families on one side of a change to them. It stands where a
// RocksDB snapshot would: in 7.8 the release of any snapshot makes RocksDB rewrite every bottommost
// file written since ("BottommostFiles" compactions), which doubled the bytes written for the log.
//
// Readers pass through for the time it takes to open their iterators, which then pin what they see,
// or for short reads as a whole. A change waits for those inside and holds newcomers back, so that
// readers cannot starve it. Thread safe.
class ReadGate {
 public:
  using Pass = std::shared_lock<std::shared_mutex>;

  // Blocks while a change is under way.
  [[nodiscard]] Pass Enter() const {
    closed_.wait(true, std::memory_order_acquire);
    return Pass(mutex_);
  }

  // Runs `change` while nobody is inside, and returns what it returns. One caller at a time.
  template <class Change>
  auto Exclude(Change&& change) {
    closed_.store(true, std::memory_order_release);
    std::unique_lock lock(mutex_);
    const Reopen reopen{&closed_};
    return change();
  }

 private:
  struct Reopen {
    std::atomic<bool>* closed;
    ~Reopen() {
      closed->store(false, std::memory_order_release);
      closed->notify_all();
    }
  };

  mutable std::shared_mutex mutex_;
  std::atomic<bool> closed_{false};
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_READ_GATE_H_
