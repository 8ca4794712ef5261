#ifndef TALLYMARK_ENGINE_BACKGROUND_RECONCILE_H_
#define TALLYMARK_ENGINE_BACKGROUND_RECONCILE_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

namespace tallymark {

class Core;

// Reconciles all past hours round after round, taking a small share of one processor's time. What
// differs is logged and counted (RecountFigures).
class BackgroundReconcile {
 public:
  // Share of one processor that a round takes while it runs.
  static constexpr double kTimeShare = 0.05;

  // From the end of a round to the beginning of the next; 0: never.
  BackgroundReconcile(Core* core, int64_t interval_ms);
  ~BackgroundReconcile();  // Stop
  BackgroundReconcile(const BackgroundReconcile&) = delete;
  BackgroundReconcile& operator=(const BackgroundReconcile&) = delete;

  // Asks the round to end and waits for it.
  void Stop();

 private:
  void Run(int64_t interval_ms);
  bool Sleep(int64_t ms);
  void Round();

  Core* const core_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_BACKGROUND_RECONCILE_H_
