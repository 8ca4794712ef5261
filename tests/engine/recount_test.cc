// Reconciling and recomputing: counter rows and top lists damaged on purpose, behind the engine's
// back, are found and repaired, also while events come in and across crashes.

#include <atomic>
#include <thread>

#include "engine/inspect.h"
#include "engine/storage.h"
#include "format/keys.h"
#include "format/top_chunk.h"
#include "tests/engine/recorded_stream.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int64_t kFrom = kStreamStart - 10 * kNsPerDay;
constexpr int64_t kTo = kStreamStart + 10 * kNsPerDay;
const int32_t kHour = HourOf(kStreamStart);

class RecountTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string Data() const { return Path("data"); }
  void Open() { engine_ = MustOpen(QuietOptions(Data(), &clock_)); }
  void Append(int count) {
    AppendOutcome outcome = AppendLines(engine_.get(), stream_.Lines(count));
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
    ASSERT_EQ(outcome.accepted, static_cast<uint64_t>(count));
  }
  void Fill() {
    Open();
    for (int i = 0; i < 3; ++i) {
      Append(400);
      ASSERT_TRUE(engine_->Checkpoint().ok());
    }
    Append(400);
    engine_.reset();
  }

  void OpenStorage() {
    StorageOptions options;
    options.data_dir = Data();
    Result<std::unique_ptr<Storage>> storage = Storage::Open(options, std::make_shared<RetentionPositions>());
    ASSERT_TRUE(storage.ok()) << storage.status().message();
    storage_ = std::move(*storage);
  }
  void Put(Family family, const std::string& key, const std::string& value) {
    ASSERT_TRUE(storage_->db()->Put({}, storage_->handle(family), key, value).ok());
  }
  void Delete(Family family, const std::string& key) {
    ASSERT_TRUE(storage_->db()->Delete({}, storage_->handle(family), key).ok());
  }
  // The n-th (key, value) of a family.
  std::pair<std::string, std::string> Nth(Family family, int n) {
    rocksdb::ReadOptions read;
    read.total_order_seek = true;
    std::unique_ptr<rocksdb::Iterator> it(storage_->db()->NewIterator(read, storage_->handle(family)));
    it->SeekToFirst();
    for (int i = 0; i < n && it->Valid(); ++i) it->Next();
    EXPECT_TRUE(it->Valid());
    return {it->key().ToString(), it->value().ToString()};
  }
  static std::string Row(Metric metric, int64_t amount, uint8_t minute) {
    HourRow row;
    row.totals[metric] = amount;
    row.cells.push_back({minute, row.totals});
    std::string bytes;
    EncodeHourRow(row, &bytes);
    return bytes;
  }
  static std::string Chunk(uint32_t ad, int64_t amount) {
    const TopPair pair{ad, amount};
    std::string bytes;
    EncodeTopChunk({&pair, 1}, &bytes);
    return bytes;
  }

  ReconcileReport Reconcile(int64_t from = kFrom, int64_t to = kTo) {
    Result<ReconcileReport> report = engine_->Reconcile(from, to, {});
    EXPECT_TRUE(report.ok()) << report.status().message();
    return report.ok() ? *report : ReconcileReport();
  }
  RecomputeReport Recompute(int64_t from = kFrom, int64_t to = kTo) {
    Result<RecomputeReport> report = engine_->Recompute(from, to, {});
    EXPECT_TRUE(report.ok()) << report.status().message();
    return report.ok() ? *report : RecomputeReport();
  }
  // Whatever the answers are: damaged rows may be remembered by then.
  void AskForEveryHour() {
    for (const auto& [place, sums] : stream_.Hours()) {
      const int32_t minute = place.second * kMinutesPerHour;
      static_cast<void>(engine_->Totals(place.first, 0, {minute, minute + kMinutesPerHour}));
    }
  }
  void ExpectRightAnswers() {
    for (const auto& [place, sums] : stream_.Hours()) {
      const int32_t minute = place.second * kMinutesPerHour;
      Result<MetricSums> totals = engine_->Totals(place.first, 0, {minute, minute + kMinutesPerHour});
      ASSERT_TRUE(totals.ok() && *totals == sums) << place.first << " " << place.second;
    }
    for (const auto& [place, sums] : stream_.minutes()) {
      Result<MetricSums> totals = engine_->Totals(place.first, 0, {place.second, place.second + 1});
      ASSERT_TRUE(totals.ok() && *totals == sums) << place.first << " " << place.second;
    }
    for (const int32_t length : {1, 60, 600}) {
      const int32_t begin = kHour * kMinutesPerHour - 60;
      std::map<std::string, int64_t> expected;
      for (const auto& [place, sums] : stream_.minutes()) {
        if (place.second < begin || place.second >= begin + length || sums[Metric::kClicks] == 0) continue;
        expected[place.first] += static_cast<int64_t>(sums[Metric::kClicks]);
      }
      Result<TopList> top = engine_->PopularAds(0, Metric::kClicks, {begin, begin + length}, 1000);
      ASSERT_TRUE(top.ok());
      std::map<std::string, int64_t> got;
      for (size_t i = 0; i < top->ad_ids.size(); ++i) got[top->ad_ids[i]] = top->amounts[i];
      ASSERT_EQ(got, expected) << length;
    }
  }
  void ExpectVerifies() {
    Result<std::unique_ptr<Inspector>> inspector = Inspector::Open(Data());
    ASSERT_TRUE(inspector.ok());
    Result<VerifyReport> report = (*inspector)->Verify({});
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->ok()) << report->damage_count << " damaged, " << report->mismatch_count << " differ";
  }
  // What `damage` does to a whole directory is seen and mended.
  ReconcileReport ExpectFoundAndRepaired(const std::function<void()>& damage) {
    Fill();
    OpenStorage();
    damage();
    storage_.reset();
    Open();
    ReconcileReport found = Reconcile();
    EXPECT_GT(found.mismatch_count, 0U);
    EXPECT_EQ(engine_->Stats().reconcile_mismatches, found.mismatch_count);
    AskForEveryHour();
    EXPECT_GT(Recompute().hours, 0U);
    const ReconcileReport after = Reconcile();
    EXPECT_EQ(after.mismatch_count, 0U);
    EXPECT_EQ(after.rows_checked, stream_.Hours().size());
    ExpectRightAnswers();
    engine_.reset();
    ExpectVerifies();
    Open();
    EXPECT_EQ(Reconcile().mismatch_count, 0U);
    ExpectRightAnswers();
    return found;
  }

  TempDirectory directory_;
  ManualClock clock_{kStreamStart + 12 * kNsPerHour};
  RecordedStream stream_{20210103};
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Storage> storage_;
};

TEST_F(RecountTest, WhatIsNotCheckpointedYetIsRecomputedToo) {
  Open();
  Append(400);
  const RecomputeReport report = Recompute();
  EXPECT_EQ(report.rows_written, stream_.Hours().size());
  ExpectRightAnswers();
}

TEST_F(RecountTest, WholeCountersAgree) {
  Fill();
  Open();
  Append(100);
  const ReconcileReport report = Reconcile();
  EXPECT_EQ(report.mismatch_count, 0U);
  EXPECT_EQ(report.rows_checked, stream_.Hours().size()) << "what was in memory is written first";
  EXPECT_FALSE(report.complete_from_ms.has_value());
  EXPECT_EQ(Reconcile(kFrom, kFrom + 1).rows_checked, 0U);
  uint64_t rows = 0;
  for (const auto& [place, sums] : stream_.Hours()) rows += place.second == kHour ? 1 : 0;
  EXPECT_EQ(Reconcile(kStreamStart + 5, kStreamStart + 6).rows_checked, rows);
}

TEST_F(RecountTest, RecomputingWholeCountersChangesNothing) {
  Fill();
  Open();
  Append(100);
  const RecomputeReport report = Recompute();
  EXPECT_GT(report.hours, 0U);
  EXPECT_EQ(report.rows_removed, 0U);
  ExpectRightAnswers();
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  EXPECT_EQ(Recompute().rows_written, stream_.Hours().size());
  ExpectRightAnswers();
  EXPECT_EQ(Reconcile().mismatch_count, 0U);
  engine_.reset();
  ExpectVerifies();
}

TEST_F(RecountTest, ALostRowIsFoundAndRepaired) {
  CounterKey key;
  const ReconcileReport found = ExpectFoundAndRepaired([&] {
    const auto [bytes, value] = Nth(Family::kCounters, 7);
    ASSERT_TRUE(CounterKey::Decode(bytes, &key));
    Delete(Family::kCounters, bytes);
  });
  for (const ReconcileMismatch& m : found.mismatches) {
    EXPECT_EQ(FloorDiv(m.bucket_ms, kMsPerHour), key.hour);
    EXPECT_TRUE(m.counted == 0 && m.raw != 0 && !m.in_top_lists);
  }
}

TEST_F(RecountTest, AnAmountTooMuchIsFoundAndRepaired) {
  CounterKey key;
  const ReconcileReport found = ExpectFoundAndRepaired([&] {
    const auto [bytes, value] = Nth(Family::kCounters, 3);
    ASSERT_TRUE(CounterKey::Decode(bytes, &key));
    ASSERT_TRUE(storage_->db()
                    ->Merge({}, storage_->handle(Family::kCounters), bytes, Row(Metric::kClicks, 2, 17))
                    .ok());
  });
  ASSERT_EQ(found.mismatch_count, 2U);
  for (const ReconcileMismatch& m : found.mismatches) {
    EXPECT_EQ(m.metric, Metric::kClicks);
    EXPECT_TRUE(m.counted == m.raw + 2);
    EXPECT_EQ(m.bucket_ms, key.hour * kMsPerHour + (m.is_hour ? 0 : 17 * kMsPerMinute));
  }
}

TEST_F(RecountTest, ARowOfNobodysEventsIsFoundAndRemoved) {
  const ReconcileReport found = ExpectFoundAndRepaired([&] {
    Put(Family::kCounters, CounterKey{0, 0, kHour + 100}.Encode(), Row(Metric::kImpressions, 3, 59));
  });
  ASSERT_EQ(found.mismatch_count, 2U);
  EXPECT_TRUE(found.mismatches[0].counted == 3 && found.mismatches[0].raw == 0);
}

TEST_F(RecountTest, ARowOfAnAdThatIsNotKnownIsFoundAndRemoved) {
  const ReconcileReport found = ExpectFoundAndRepaired([&] {
    Put(Family::kCounters, CounterKey{4'000'000'000, 0, kHour}.Encode(), Row(Metric::kClicks, 1, 0));
  });
  EXPECT_EQ(found.mismatches.at(0).ad_id, "");
}

TEST_F(RecountTest, AnUnreadableRowIsFoundAndRepaired) {
  const ReconcileReport found =
      ExpectFoundAndRepaired([&] { Put(Family::kCounters, Nth(Family::kCounters, 5).first, "junk"); });
  EXPECT_FALSE(found.mismatches.at(0).readable);
}

TEST_F(RecountTest, ALostTopListIsFoundAndRepaired) {
  const ReconcileReport found =
      ExpectFoundAndRepaired([&] { Delete(Family::kTopMinutes, Nth(Family::kTopMinutes, 11).first); });
  EXPECT_TRUE(found.mismatches.at(0).in_top_lists && !found.mismatches.at(0).is_hour);
}

TEST_F(RecountTest, AWrongTopListIsFoundAndRepaired) {
  const ReconcileReport found =
      ExpectFoundAndRepaired([&] { Put(Family::kTopHours, Nth(Family::kTopHours, 2).first, Chunk(1, 999)); });
  EXPECT_TRUE(found.mismatches.at(0).in_top_lists && found.mismatches.at(0).is_hour);
}

TEST_F(RecountTest, AnUnreadableTopListIsFoundAndRepaired) {
  ExpectFoundAndRepaired([&] { Put(Family::kTopHours, Nth(Family::kTopHours, 2).first, "junk"); });
}

TEST_F(RecountTest, ATopListOfNobodysEventsIsFoundAndRemoved) {
  ExpectFoundAndRepaired([&] {
    Put(Family::kTopHours, TopKey{kHour + 99, 0, 1, 1, 0}.Encode(), Chunk(2, 5));
    Put(Family::kTopMinutes, TopKey{(kHour + 77) * 60 + 5, 0, 3, 2, 0}.Encode(), Chunk(2, 5));
  });
}

TEST_F(RecountTest, DamageEverywhereIsRepairedHourByHourWhileEventsComeIn) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  Fill();
  OpenStorage();
  int rows = 0;
  std::unique_ptr<rocksdb::Iterator> it(storage_->db()->NewIterator({}, storage_->handle(Family::kCounters)));
  std::vector<std::string> keys;
  for (it->SeekToFirst(); it->Valid(); it->Next()) keys.push_back(it->key().ToString());
  it.reset();
  for (const std::string& key : keys) {
    if (random() % 3 != 0) continue;
    ++rows;
    if (random() % 2 == 0) {
      Delete(Family::kCounters, key);
    } else {
      Put(Family::kCounters, key, Row(Metric::kRevenue, static_cast<int64_t>(random() % 1000), 5));
    }
  }
  ASSERT_GT(rows, 5);
  storage_.reset();
  EngineOptions options = QuietOptions(Data(), &clock_);
  options.checkpoint_interval_ms = 20;
  options.seal_interval_ms = 50;
  options.repack_quiet_ms = 10;
  engine_ = MustOpen(options);
  EXPECT_GE(Reconcile().mismatch_count, static_cast<uint64_t>(rows));
  std::atomic<bool> done{false};
  std::thread sender([&] {
    while (!done) Append(20);
  });
  for (int i = 0; i < 5; ++i) {
    Recompute();
    EXPECT_EQ(Reconcile().mismatch_count, 0U) << "seed " << seed;
  }
  done = true;
  sender.join();
  ExpectRightAnswers();
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  EXPECT_EQ(Reconcile().mismatch_count, 0U) << "seed " << seed;
  EXPECT_EQ(Recompute().rows_removed, 0U);
  ExpectRightAnswers();
  engine_.reset();
  ExpectVerifies();
}

TEST_F(RecountTest, ACrashBetweenTwoHoursLeavesTheFirstRepaired) {
  Fill();
  OpenStorage();
  std::vector<std::string> keys;
  for (int i = 0; i < 60; i += 4) keys.push_back(Nth(Family::kCounters, i).first);
  for (const std::string& key : keys) Delete(Family::kCounters, key);
  storage_.reset();
  Open();
  const uint64_t before = Reconcile().mismatch_count;
  ASSERT_GT(before, 0U);
  int images = 0;
  RecountControl control;
  control.hour_is_done = [&](int64_t /*done_to_ms*/, const RecomputeReport& so_far) {
    CopyWhenIdle(*engine_, Data(), Path("image" + std::to_string(images++)));
    EXPECT_EQ(so_far.hours, static_cast<uint64_t>(images));
    return Status::Ok();
  };
  ASSERT_TRUE(engine_->Recompute(kFrom, kTo, control).ok());
  engine_.reset();
  ASSERT_GT(images, 3);
  uint64_t last = before;
  for (int i = 0; i < images; ++i) {
    std::filesystem::remove_all(Data());
    std::filesystem::rename(Path("image" + std::to_string(i)), Data());
    Open();
    const uint64_t left = Reconcile().mismatch_count;
    EXPECT_LE(left, last) << "an hour is replaced whole or not at all";
    last = left;
    Recompute();
    EXPECT_EQ(Reconcile().mismatch_count, 0U);
    ExpectRightAnswers();
    engine_.reset();
  }
  EXPECT_EQ(last, 0U);
}

TEST_F(RecountTest, ARecountThatIsAskedToStopStops) {
  Fill();
  Open();
  RecountControl control;
  control.hour_is_done = [](int64_t, const RecomputeReport&) { return Status::Unavailable("enough"); };
  EXPECT_EQ(engine_->Recompute(kFrom, kTo, control).status().code(), Code::kUnavailable);
  control.hour_is_done = nullptr;
  control.should_stop = [] { return true; };
  EXPECT_EQ(engine_->Recompute(kFrom, kTo, control).status().code(), Code::kUnavailable);
  EXPECT_EQ(engine_->Recompute(kTo, kFrom, {}).status().code(), Code::kInvalid);
  EXPECT_EQ(engine_->Reconcile(kTo, kTo, {}).status().code(), Code::kInvalid);
  EXPECT_EQ(Reconcile().mismatch_count, 0U);
}

TEST_F(RecountTest, DamagedRawReplacesNothing) {
  Fill();
  OpenStorage();
  Delete(Family::kCounters, Nth(Family::kCounters, 0).first);
  auto [key, block] = Nth(Family::kRaw, 0);
  block[block.size() / 2] = static_cast<char>(block[block.size() / 2] ^ 1);
  Put(Family::kRaw, key, block);
  storage_.reset();
  Open();
  EXPECT_EQ(engine_->Reconcile(kFrom, kTo, {}).status().code(), Code::kCorruption);
  EXPECT_EQ(engine_->Recompute(kFrom, kTo, {}).status().code(), Code::kCorruption);
}

TEST_F(RecountTest, ExpiredRawIsSaidAndItsHoursStay) {
  Fill();
  EngineOptions options = QuietOptions(Data(), &clock_);
  options.dedup_window_ms = kMsPerHour;
  options.retain_raw_ms = 13 * kMsPerHour;
  engine_ = MustOpen(options);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  const int32_t kept_from = engine_->Stats().raw_kept_from_hour;
  ASSERT_GT(kept_from, HourOf(kStreamStart) - 4);
  const ReconcileReport checked = Reconcile();
  EXPECT_EQ(checked.complete_from_ms, std::optional<int64_t>(kept_from * kMsPerHour));
  EXPECT_EQ(checked.mismatch_count, 0U);
  const RecomputeReport replaced = Recompute();
  EXPECT_EQ(replaced.complete_from_ms, std::optional<int64_t>(kept_from * kMsPerHour));
  EXPECT_EQ(replaced.rows_removed, 0U);
  ExpectRightAnswers();
  EXPECT_EQ(engine_->Recompute(kFrom, kept_from * kNsPerHour, {}).status().code(), Code::kGone);
  EXPECT_EQ(engine_->Reconcile(kFrom, kept_from * kNsPerHour, {}).status().code(), Code::kGone);
  EXPECT_FALSE(Recompute(kept_from * kNsPerHour, kTo).complete_from_ms.has_value());
}

TEST_F(RecountTest, HoursWithoutTheirMinutesAreRecountedAsHours) {
  Fill();
  OpenStorage();
  Delete(Family::kCounters, Nth(Family::kCounters, 1).first);
  storage_.reset();
  EngineOptions options = QuietOptions(Data(), &clock_);
  options.retain_minutes_ms = 9 * kMsPerHour;
  engine_ = MustOpen(options);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  const ReconcileReport found = Reconcile();
  EXPECT_GT(found.mismatch_count, 0U);
  for (const ReconcileMismatch& m : found.mismatches) EXPECT_TRUE(m.is_hour);
  Recompute();
  EXPECT_EQ(Reconcile().mismatch_count, 0U);
  for (const auto& [place, sums] : stream_.Hours()) {
    const int32_t minute = place.second * kMinutesPerHour;
    Result<MetricSums> totals = engine_->Totals(place.first, 0, {minute, minute + kMinutesPerHour});
    ASSERT_TRUE(totals.ok() && *totals == sums) << place.first << " " << place.second;
  }
  engine_.reset();
  ExpectVerifies();
}

TEST_F(RecountTest, TheBackgroundFindsDamageByItself) {
  Fill();
  OpenStorage();
  Delete(Family::kCounters, Nth(Family::kCounters, 4).first);
  storage_.reset();
  EngineOptions options = QuietOptions(Data(), &clock_);
  options.reconcile_interval_ms = 20;
  engine_ = MustOpen(options);
  while (engine_->Stats().reconcile_rounds == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_GT(engine_->Stats().reconcile_round_mismatches, 0U);
  Recompute();
  const uint64_t rounds = engine_->Stats().reconcile_rounds;
  while (engine_->Stats().reconcile_rounds < rounds + 2)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(engine_->Stats().reconcile_round_mismatches, 0U);
}

}  // namespace
}  // namespace tallymark
