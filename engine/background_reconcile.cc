#include "engine/background_reconcile.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "engine/recounter.h"
#include "engine/thread_name.h"

namespace tallymark {
namespace {

// The first round does not wait for a whole interval: servers are restarted.
constexpr int64_t kFirstWaitMsMax = 10 * kMsPerMinute;

// The first hour that an event time can lie in.
constexpr int32_t kFirstHour = HourOf(std::numeric_limits<int64_t>::min());

}  // namespace

BackgroundReconcile::BackgroundReconcile(Core* core, int64_t interval_ms) : core_(core) {
  if (interval_ms > 0) thread_ = std::thread([this, interval_ms] { Run(interval_ms); });
}

BackgroundReconcile::~BackgroundReconcile() { Stop(); }

void BackgroundReconcile::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

// False when there is nothing more to do.
bool BackgroundReconcile::Sleep(int64_t ms) {
  std::unique_lock lock(mutex_);
  return !wake_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_; });
}

void BackgroundReconcile::Run(int64_t interval_ms) {
  NameThisThread("reconcile");
  if (!Sleep(std::min(interval_ms, kFirstWaitMsMax))) return;
  do Round();
  while (Sleep(interval_ms));
}

void BackgroundReconcile::Round() {
  RecountControl control;
  control.time_share = kTimeShare;
  control.should_stop = [this] {
    std::lock_guard lock(mutex_);
    return stopping_;
  };
  ReconcileReport report;
  Status status = Recounter(core_, control).Reconcile({kFirstHour, core_->HourNow()}, &report);
  const bool nothing_kept = status.code() == Code::kGone;
  if (!status.ok() && !nothing_kept) {
    if (status.code() != Code::kUnavailable) spdlog::error("cannot reconcile: {}", status.message());
    return;
  }
  core_->recounts().round_mismatches.store(report.mismatch_count);
  core_->recounts().rounds.fetch_add(1);
}

}  // namespace tallymark
