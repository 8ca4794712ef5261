#ifndef TALLYMARK_ENGINE_ENGINE_IMPL_H_
#define TALLYMARK_ENGINE_ENGINE_IMPL_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "engine/core.h"
#include "engine/engine.h"

namespace tallymark {

// The Engine: a Core, and a watchman who replaces it after a failed commit and stops writes while
// the disk is nearly full.
class EngineImpl final : public Engine {
 public:
  // `file_system`: tests put a faulty one here; null is the machine's.
  static Result<std::unique_ptr<Engine>> Open(const EngineOptions& options,
                                              std::shared_ptr<rocksdb::FileSystem> file_system);
  ~EngineImpl() override;

  Status Close() override;
  void Append(std::shared_ptr<const EventChunk> chunk, AppendDone done) override;
  void RecognizeAds(EventChunk* chunk) const override;
  uint64_t PendingBytes() const override { return figures_.pending_bytes.load(); }
  AcceptedTimes AcceptedTimesNow() const override;
  Status WriteHealth() const override;
  Result<MetricSums> Totals(std::string_view ad_id, uint32_t filter, MinuteRange range) const override;
  Result<std::vector<MetricSums>> Series(std::string_view ad_id, uint32_t filter, MinuteRange range,
                                         int32_t step_minutes, int32_t window_minutes) const override;
  Result<MetricSeries> Metrics(std::span<const std::string> ad_ids, MinuteRange range,
                               int32_t step_minutes) const override;
  Result<TopList> PopularAds(uint32_t filter, Metric metric, MinuteRange range, size_t count) const override;
  Result<EventPage> Events(std::string_view ad_id, int64_t from_ns, int64_t to_ns, size_t limit,
                           std::string_view cursor) const override;
  Result<SessionPage> Sessions(std::string_view ad_id, const SessionQuery& query) const override;
  Result<ReconcileReport> Reconcile(int64_t from_ns, int64_t to_ns, const RecountControl& control) override;
  Result<RecomputeReport> Recompute(int64_t from_ns, int64_t to_ns, const RecountControl& control) override;
  Result<std::vector<std::string>> AdsOf(AdOwner owner, const std::string& id) const override;
  Result<TopBanners> TopBannersOf(const std::string& campaign_id, MinuteRange range) const override;
  Result<bool> SetAd(const std::string& ad_id, const AdSettings& settings) override;
  Status RemoveAd(const std::string& ad_id) override;
  Result<AdSettings> GetAd(const std::string& ad_id) const override;
  std::optional<int64_t> WatermarkMs() const override;
  Result<FilterInfo> DefineFilter(uint32_t id, FilterDefinition definition, bool* created) override;
  Status DeleteFilter(uint32_t id) override;
  std::vector<FilterInfo> Filters() const override;
  Result<FilterInfo> FindFilter(uint32_t id) const override;
  Result<FilterReadiness> ReadinessOf(uint32_t id) const override;
  void AddJobKind(JobKind kind) override;
  Result<JobInfo> StartJob(const std::string& kind, std::string parameters) override;
  std::vector<JobInfo> Jobs() const override;
  Result<JobInfo> FindJob(uint64_t id) const override;
  Result<JobInfo> CancelJob(uint64_t id) override;
  Result<std::optional<ImportRecord>> FindImport(std::string_view name) const override;
  Result<std::optional<std::string>> FindImportContent(std::string_view content_hash) const override;
  Status PutImport(std::string_view name, const ImportRecord& record, bool durable) override;
  Result<std::vector<std::pair<std::string, ImportRecord>>> Imports(std::string_view after,
                                                                    size_t limit) const override;
  Status Checkpoint() override;
  Status CompactAll(bool all) override;
  EngineStats Stats() const override;

 private:
  explicit EngineImpl(const EngineOptions& options);
  CoreContext Context(std::shared_ptr<rocksdb::FileSystem> file_system);
  Result<std::shared_ptr<Core>> core() const;
  void RunWatchman();
  void CheckFreeSpace();
  void ReplaceCore();
  void OnFailure(const Status& status);
  static Status CheckRawIsKept(const Core& core, int64_t from_ns);
  void FillCoreStats(const Core& core, EngineStats* stats) const;

  EngineOptions options_;
  const Clock* clock_;
  PipelineFigures figures_;
  RecountFigures recounts_;
  CoreContext context_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<Core> core_;      // null while it is being replaced
  std::vector<JobKind> job_kinds_;  // of others, for every core
  Status write_health_;
  bool failed_ = false;  // core_ is to be replaced
  bool closed_ = false;
  std::thread watchman_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_ENGINE_IMPL_H_
