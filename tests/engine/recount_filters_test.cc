// Recounts hold the counters of every filter against raw, while filters are defined and replaced.

#include <atomic>
#include <chrono>
#include <thread>

#include "engine/engine.h"
#include "engine/storage.h"
#include "format/keys.h"
#include "tests/engine/recorded_stream.h"

namespace tallymark {
namespace {

const int32_t kMinute = MinuteOf(kStreamStart);

class RecountFiltersTest : public ::testing::Test {
 protected:
  RecountFiltersTest() : options_(QuietOptions(directory_.path(), &clock_)) { engine_ = MustOpen(options_); }

  FilterInfo Define(uint32_t id, const std::string& os) {
    FilterDefinition definition;
    EXPECT_TRUE(AddPattern("os", {os}, false, &definition).ok());
    bool created = false;
    Result<FilterInfo> filter = engine_->DefineFilter(id, definition, &created);
    EXPECT_TRUE(filter.ok()) << filter.status().message();
    return filter.ok() ? *filter : FilterInfo();
  }
  void WaitFor(const FilterInfo& filter) {
    for (;;) {
      Result<JobInfo> job = engine_->FindJob(filter.job);
      if (!job.ok() || IsAtRest(job->state)) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  // Clicks of ads a and b with os 0..9 in turn, a minute every 20.
  void AppendClicks(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i, ++sent_) {
      lines += std::string("click,ad_id=") + (sent_ % 2 == 0 ? "a" : "b") +
               ",os=" + std::to_string(sent_ % 10) + " event_id=\"" + std::to_string(sent_) + "\" " +
               std::to_string(kStreamStart + sent_ / 20 % 300 * kNsPerMinute) + "\n";
    }
    ASSERT_TRUE(AppendLines(engine_.get(), lines).status.ok());
  }
  int64_t Clicks(uint32_t filter, const std::string& ad) {
    Result<MetricSums> sums = engine_->Totals(ad, filter, {kMinute, kMinute + 600});
    EXPECT_TRUE(sums.ok()) << sums.status().message();
    return sums.ok() ? static_cast<int64_t>((*sums)[Metric::kClicks]) : -1;
  }
  int64_t Top(uint32_t filter) {
    Result<TopList> top = engine_->PopularAds(filter, Metric::kClicks, {kMinute, kMinute + 600}, 10);
    EXPECT_TRUE(top.ok()) << top.status().message();
    return top.ok() && top->amounts.size() == 1 ? top->amounts[0] : -1;
  }
  ReconcileReport Reconcile() {
    Result<ReconcileReport> report = engine_->Reconcile(kStreamStart, kStreamStart + kNsPerDay, {});
    EXPECT_TRUE(report.ok()) << report.status().message();
    return report.ok() ? *report : ReconcileReport();
  }
  void Recompute() {
    Result<RecomputeReport> report = engine_->Recompute(kStreamStart, kStreamStart + kNsPerDay, {});
    EXPECT_TRUE(report.ok()) << report.status().message();
  }
  // Calls damage(storage, key) for every counter row and list of filters but 0, behind the engine's back.
  void Damage(const std::function<void(Storage* storage, Family family, const std::string& key)>& damage) {
    engine_.reset();
    StorageOptions options;
    options.data_dir = directory_.path();
    Result<std::unique_ptr<Storage>> storage = Storage::Open(options, std::make_shared<RetentionPositions>());
    ASSERT_TRUE(storage.ok()) << storage.status().message();
    for (Family family : {Family::kCounters, Family::kTopMinutes, Family::kTopHours}) {
      rocksdb::ReadOptions read;
      read.total_order_seek = true;
      std::vector<std::string> keys;
      std::unique_ptr<rocksdb::Iterator> it((*storage)->db()->NewIterator(read, (*storage)->handle(family)));
      for (it->SeekToFirst(); it->Valid(); it->Next()) {
        CounterKey row;
        TopKey list;
        const bool is_row = family == Family::kCounters;
        if (is_row ? CounterKey::Decode(ToView(it->key()), &row) && row.filter != 0
                   : TopKey::Decode(ToView(it->key()), &list) && list.filter != 0)
          keys.push_back(it->key().ToString());
      }
      it.reset();
      for (const std::string& key : keys) damage(storage->get(), family, key);
    }
    storage->reset();
    engine_ = MustOpen(options_);
  }

  TempDirectory directory_;
  ManualClock clock_{kStreamStart + 2 * kNsPerDay};
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  int64_t sent_ = 0;
};

TEST_F(RecountFiltersTest, DamageToAFiltersCountersIsFoundUnderItsIdAndRepaired) {
  AppendClicks(2000);
  WaitFor(Define(12, "4"));
  AppendClicks(1000);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  ASSERT_EQ(Reconcile().mismatch_count, 0U);
  ASSERT_EQ(Clicks(12, "a"), 300);
  int count = 0;
  Damage([&](Storage* storage, Family family, const std::string& key) {
    if (++count % 2 == 0) return;
    EXPECT_TRUE(storage->db()->Delete({}, storage->handle(family), key).ok());
  });
  ASSERT_GT(count, 4);
  const ReconcileReport found = Reconcile();
  EXPECT_GT(found.mismatch_count, 0U);
  for (const ReconcileMismatch& m : found.mismatches) EXPECT_EQ(m.filter_id, 12U);
  AppendClicks(100);
  Recompute();
  EXPECT_EQ(Reconcile().mismatch_count, 0U);
  EXPECT_EQ(Clicks(12, "a"), 310);
  EXPECT_EQ(Clicks(12, "b"), 0);
  EXPECT_EQ(Top(12), 310);
  EXPECT_EQ(Clicks(0, "a") + Clicks(0, "b"), 3100);
}

TEST_F(RecountFiltersTest, WhatAFiltersJobCountedBehindTheLastCheckpointIsKept) {
  AppendClicks(1000);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  AppendClicks(1000);
  WaitFor(Define(12, "4"));  // its job counts the log to its end, further than the checkpoint
  AppendClicks(1000);
  Recompute();
  EXPECT_EQ(Clicks(12, "a"), 300);
  EXPECT_EQ(Top(12), 300);
  EXPECT_EQ(Reconcile().mismatch_count, 0U);
  EXPECT_EQ(Clicks(0, "a"), 1500);
}

TEST_F(RecountFiltersTest, AFilterThatIsRedefinedMeanwhileIsNeitherAccusedNorSpoiled) {
  engine_.reset();
  options_.checkpoint_interval_ms = 20;
  engine_ = MustOpen(options_);
  AppendClicks(2000);
  WaitFor(Define(12, "4"));
  WaitFor(Define(13, "6"));
  std::atomic<bool> done{false};
  std::thread sender([&] {
    while (!done) AppendClicks(40);
  });
  std::thread redefiner([&] {
    for (int i = 0; !done; ++i) WaitFor(Define(12, std::to_string(i % 3 * 2)));
  });
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Reconcile().mismatch_count, 0U);
    Recompute();
  }
  done = true;
  redefiner.join();
  sender.join();
  WaitFor(Define(12, "4"));
  EXPECT_EQ(Reconcile().mismatch_count, 0U);
  const int64_t each = sent_ / 10;
  EXPECT_EQ(Clicks(12, "a"), each);
  EXPECT_EQ(Clicks(13, "a"), each);
  EXPECT_EQ(Top(12), each);
  EXPECT_EQ(Top(13), each);
}

}  // namespace
}  // namespace tallymark
