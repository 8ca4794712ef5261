#ifndef TALLYMARK_SERVER_CONNECTION_SET_H_
#define TALLYMARK_SERVER_CONNECTION_SET_H_

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_set>
#include <utility>

namespace tallymark {

// The open connections of one listener, so that they can be counted, asked to stop and waited for.
// Thread safe.
template <class Connection>
class ConnectionSet {
 public:
  explicit ConnectionSet(size_t size_max) : size_max_(size_max) {}

  // False when the set is full or stopping: the connection must be turned away.
  bool Add(const std::shared_ptr<Connection>& connection) {
    std::lock_guard lock(mutex_);
    if (stopping_ || connections_.size() >= size_max_) return false;
    connections_.insert(connection);
    return true;
  }
  void Remove(const std::shared_ptr<Connection>& connection) {
    std::lock_guard lock(mutex_);
    connections_.erase(connection);
    if (connections_.empty()) emptied_.notify_all();
  }

  // Calls `act` for each connection there is now, without holding the set up.
  template <class Act>
  void ForEach(Act act) {
    std::unordered_set<std::shared_ptr<Connection>> copy;
    {
      std::lock_guard lock(mutex_);
      copy = connections_;
    }
    for (const std::shared_ptr<Connection>& connection : copy) act(*connection);
  }

  // Takes no more from now on.
  void Close() {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  // True when the set is empty before the time is over.
  bool WaitEmpty(std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    return emptied_.wait_for(lock, longest, [&] { return connections_.empty(); });
  }

 private:
  const size_t size_max_;
  std::mutex mutex_;
  std::condition_variable emptied_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;  // guarded by mutex_
  bool stopping_ = false;                                        // guarded by mutex_
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_CONNECTION_SET_H_
