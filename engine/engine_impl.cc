#include "engine/engine_impl.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <filesystem>

#include "engine/thread_name.h"

namespace tallymark {
namespace {

constexpr auto kWatchInterval = std::chrono::milliseconds(500);
// Nobody counted clicks before 1823; earlier times, at the edge of what 64 bits of nanoseconds
// hold, are rejected so that time arithmetic cannot overflow.
constexpr int64_t kOldestNs = INT64_MIN / 2;

Status CheckOptions(const EngineOptions& o) {
  if (o.data_dir.empty()) return Status::Invalid("data_dir is empty");
  const int64_t durations[] = {o.dedup_window_ms,    o.allowed_lateness_ms,    o.max_future_ms,
                               o.retain_raw_ms,      o.retain_minutes_ms,      o.retain_hours_ms,
                               o.seal_interval_ms,   o.checkpoint_interval_ms, o.conversion_window_ms,
                               o.conversion_wait_ms, o.reconcile_interval_ms};
  constexpr int64_t kLongest = 100LL * 366 * kMsPerDay;
  for (int64_t d : durations) {
    if (d < 0 || d > kLongest) return Status::Invalid("durations lie between 0 and 100 years");
  }
  if (o.retain_raw_ms != 0 && o.retain_raw_ms < o.dedup_window_ms) {
    return Status::Invalid("retain_raw is shorter than dedup_window: duplicates could not be told any more");
  }
  if (o.retain_hours_ms != 0 && (o.retain_minutes_ms == 0 || o.retain_minutes_ms > o.retain_hours_ms)) {
    return Status::Invalid("retain_hours needs a retain_minutes that is not longer");
  }
  return Status::Ok();
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Open(const EngineOptions& options) {
  return EngineImpl::Open(options, nullptr);
}

EngineImpl::EngineImpl(const EngineOptions& options)
    : options_(options), clock_(options.clock != nullptr ? options.clock : &Clock::System()) {}

Result<std::unique_ptr<Engine>> EngineImpl::Open(const EngineOptions& options,
                                                 std::shared_ptr<rocksdb::FileSystem> file_system) {
  Status checked = CheckOptions(options);
  if (!checked.ok()) return checked;
  std::unique_ptr<EngineImpl> engine(new EngineImpl(options));
  engine->context_ = engine->Context(std::move(file_system));
  Result<std::unique_ptr<Core>> core = Core::Open(engine->context_);
  if (!core.ok()) return core.status();
  engine->core_ = std::move(*core);
  engine->watchman_ = std::thread([e = engine.get()] { e->RunWatchman(); });
  return std::unique_ptr<Engine>(std::move(engine));
}

CoreContext EngineImpl::Context(std::shared_ptr<rocksdb::FileSystem> file_system) {
  CoreContext context;
  context.options = options_;
  context.clock = clock_;
  context.figures = &figures_;
  context.recounts = &recounts_;
  context.file_system = std::move(file_system);
  context.on_failure = [this](const Status& status) { OnFailure(status); };
  return context;
}

EngineImpl::~EngineImpl() {
  Status closed = Close();
  if (!closed.ok()) spdlog::error("closing {}: {}", options_.data_dir, closed.message());
}

Status EngineImpl::Close() {
  std::shared_ptr<Core> core;
  {
    std::lock_guard lock(mutex_);
    if (closed_) return Status::Ok();
    closed_ = true;
    wake_.notify_all();
  }
  if (watchman_.joinable()) watchman_.join();
  {
    std::lock_guard lock(mutex_);
    core = std::move(core_);
  }
  return core ? core->Close() : write_health_;
}

Result<std::shared_ptr<Core>> EngineImpl::core() const {
  std::lock_guard lock(mutex_);
  if (core_) return core_;
  return closed_ ? Status::Unavailable("the engine is closed")
                 : Status::Unavailable("the engine is recovering from: " + write_health_.message());
}

void EngineImpl::OnFailure(const Status& status) {
  std::lock_guard lock(mutex_);
  if (!failed_) spdlog::error("writes stop: {}", status.message());
  failed_ = true;
  write_health_ = Status::Unavailable(status.message());
  wake_.notify_all();
}

void EngineImpl::RunWatchman() {
  NameThisThread("watchman");
  std::unique_lock lock(mutex_);
  while (!closed_) {
    lock.unlock();
    CheckFreeSpace();
    lock.lock();
    if (failed_ && !closed_) {
      lock.unlock();
      ReplaceCore();
      lock.lock();
    }
    wake_.wait_for(lock, kWatchInterval, [this] { return closed_; });
  }
}

void EngineImpl::CheckFreeSpace() {
  std::error_code error;
  std::filesystem::space_info space = std::filesystem::space(options_.data_dir, error);
  std::lock_guard lock(mutex_);
  if (error || failed_) return;
  const bool low = space.available < options_.free_space_floor_bytes;
  if (low && write_health_.ok()) {
    spdlog::error("writes stop: {} bytes free at {}, the floor is {}", space.available, options_.data_dir,
                  options_.free_space_floor_bytes);
    write_health_ =
        Status::Unavailable("the disk is nearly full: " + std::to_string(space.available) + " bytes free");
  } else if (!low && !write_health_.ok()) {
    spdlog::info("writes resume: there is room again");
    write_health_ = Status::Ok();
  }
}

// The failed core answers reads until its successor is tried; both cannot hold the directory.
void EngineImpl::ReplaceCore() {
  std::shared_ptr<Core> former;
  {
    std::lock_guard lock(mutex_);
    former = std::move(core_);
  }
  if (former) former->Abandon();
  while (former && former.use_count() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  former.reset();
  Result<std::unique_ptr<Core>> next = Core::Open(context_);
  std::lock_guard lock(mutex_);
  if (!next.ok()) {
    write_health_ = Status::Unavailable(next.status().message());
    spdlog::error("cannot reopen {}: {}", options_.data_dir, next.status().message());
    return;
  }
  spdlog::info("writes resume: {} is open again", options_.data_dir);
  core_ = std::move(*next);
  for (const JobKind& kind : job_kinds_) core_->jobs().AddKind(kind);
  failed_ = false;
  write_health_ = Status::Ok();
}

void EngineImpl::Append(std::shared_ptr<const EventChunk> chunk, AppendDone done) {
  Status health = WriteHealth();
  Result<std::shared_ptr<Core>> core = this->core();
  if (health.ok() && !core.ok()) health = core.status();
  if (!health.ok()) {
    done(health, {});
    return;
  }
  AppendRequest request;
  request.chunk = std::move(chunk);
  request.done = std::move(done);
  (*core)->pipeline().Append(std::move(request));
}

void EngineImpl::RecognizeAds(EventChunk* chunk) const {
  if (Result<std::shared_ptr<Core>> core = this->core(); core.ok()) (*core)->ads().Recognize(chunk);
}

AcceptedTimes EngineImpl::AcceptedTimesNow() const {
  const int64_t now = clock_->NowNs();
  AcceptedTimes times;
  times.newest_ns = now + options_.max_future_ms * kNsPerMs;
  times.oldest_ns = options_.retain_raw_ms == 0 ? kOldestNs : now - options_.retain_raw_ms * kNsPerMs;
  return times;
}

Status EngineImpl::WriteHealth() const {
  std::lock_guard lock(mutex_);
  return write_health_;
}

std::optional<int64_t> EngineImpl::WatermarkMs() const {
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return std::nullopt;
  const int64_t newest = (*core)->pipeline().state().newest_ns;
  if (newest == std::numeric_limits<int64_t>::min()) return std::nullopt;
  const int64_t newest_ms = FloorDiv(std::min(newest, clock_->NowNs()), kNsPerMs);
  return newest_ms - options_.allowed_lateness_ms;
}

Status EngineImpl::Checkpoint() {
  Result<std::shared_ptr<Core>> core = this->core();
  return core.ok() ? (*core)->Checkpoint(true) : core.status();
}

Status EngineImpl::CompactAll(bool all) {
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  Status status = (*core)->Checkpoint(true);
  if (status.ok()) status = (*core)->Expire(clock_->NowNs());
  if (status.ok()) status = (*core)->Repack(all);
  if (status.ok()) status = (*core)->CompactEverything();
  return status;
}

}  // namespace tallymark
