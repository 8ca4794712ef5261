#include <fstream>

#include "engine/identity_manifest.h"
#include "engine/inspect.h"
#include "engine/log_state.h"
#include "engine/meta_keys.h"
#include "engine/storage.h"
#include "format/block_index.h"
#include "format/coding.h"
#include "format/distinct_set.h"
#include "format/keys.h"
#include "tests/engine/recorded_stream.h"

namespace tallymark {
namespace {

VerifyReport MustVerify(const std::string& data_dir) {
  Result<std::unique_ptr<Inspector>> inspector = Inspector::Open(data_dir);
  EXPECT_TRUE(inspector.ok()) << inspector.status().message();
  if (!inspector.ok()) return {};
  double last = 0;
  Result<VerifyReport> report = (*inspector)->Verify([&](double share) {
    EXPECT_GE(share, last);
    EXPECT_LE(share, 1.0);
    last = share;
  });
  EXPECT_TRUE(report.ok()) << report.status().message();
  EXPECT_EQ(last, 1.0);
  return report.ok() ? *report : VerifyReport();
}

std::string TextOf(const VerifyReport& report) {
  std::string text = std::to_string(report.damage_count) + " damaged, " +
                     std::to_string(report.mismatch_count) + " mismatches\n";
  for (const std::string& d : report.damage) text += d + "\n";
  for (const auto& m : report.mismatches) {
    text += m.ad_id + " " + std::to_string(m.bucket_ms) + " " + m.metric + ": " + m.counted + " / " + m.raw +
            "\n";
  }
  return text;
}

bool Names(const VerifyReport& report, const std::string& what) {
  return TextOf(report).find(what) != std::string::npos;
}

class VerifyTest : public ::testing::Test {
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
    Append(800);
    ASSERT_TRUE(engine_->Checkpoint().ok());
    Append(800);
  }
  // A directory with raw blocks, counters, lists and identities, whole so far, and its database
  // opened behind the engine's back.
  void FillAndOpenStorage() {
    Fill();
    engine_.reset();
    ASSERT_TRUE(MustVerify(Data()).ok());
    OpenStorage();
  }
  void OpenStorage() {
    StorageOptions options;
    options.data_dir = Data();
    Result<std::unique_ptr<Storage>> storage = Storage::Open(options, std::make_shared<RetentionPositions>());
    ASSERT_TRUE(storage.ok()) << storage.status().message();
    storage_ = std::move(*storage);
  }
  void ExpectGood(const std::string& data_dir) {
    const VerifyReport report = MustVerify(data_dir);
    EXPECT_TRUE(report.ok()) << TextOf(report);
    EXPECT_EQ(report.events, stream_.events().size());
    EXPECT_EQ(report.identities, stream_.events().size());
    EXPECT_GT(report.blocks, 0U);
  }
  // Closes the storage and verifies.
  VerifyReport Verify() {
    storage_.reset();
    VerifyReport report = MustVerify(Data());
    EXPECT_FALSE(report.ok());
    return report;
  }

  std::unique_ptr<rocksdb::Iterator> First(Family family) {
    rocksdb::ReadOptions read;
    read.total_order_seek = true;
    std::unique_ptr<rocksdb::Iterator> it(storage_->db()->NewIterator(read, storage_->handle(family)));
    it->SeekToFirst();
    EXPECT_TRUE(it->Valid());
    return it;
  }
  void Put(Family family, const std::string& key, const std::string& value) {
    ASSERT_TRUE(storage_->db()->Put({}, storage_->handle(family), key, value).ok());
  }
  void Delete(Family family, const std::string& key) {
    ASSERT_TRUE(storage_->db()->Delete({}, storage_->handle(family), key).ok());
  }

  TempDirectory directory_;
  ManualClock clock_{kStreamStart + 12 * kNsPerHour};
  RecordedStream stream_{20210102};
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Storage> storage_;
};

TEST_F(VerifyTest, AWholeDirectoryAgreesInEveryState) {
  Fill();
  ExpectGood(Data());  // live
  CopyWhenIdle(*engine_, Data(), Path("image"));
  ExpectGood(Path("image"));  // as after a crash
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  ExpectGood(Data());  // repacked
  Append(50);
  ExpectGood(Data());
  engine_.reset();
  ExpectGood(Data());  // stopped
  const VerifyReport report = MustVerify(Data());
  EXPECT_EQ(report.counter_rows, stream_.Hours().size());
  EXPECT_GT(report.top_lists, 0U);
  EXPECT_EQ(report.distinct_rows, stream_.Hours().size()) << "every event has a user";
  Open();
  ExpectGood(Data());
}

TEST_F(VerifyTest, ADistinctRowThatRawContradictsIsNamed) {
  FillAndOpenStorage();
  const std::string key = First(Family::kDistinct)->key().ToString();
  DistinctRow row;
  const DistinctElement nobody = UserElement("nobody");
  row.users.Add(std::span(&nobody, 1));
  std::string bytes;
  EncodeDistinctRow(&row, &bytes);
  Put(Family::kDistinct, key, bytes);
  const VerifyReport report = Verify();
  EXPECT_TRUE(Names(report, "set of users: 1 / ")) << TextOf(report);
  EXPECT_EQ(report.damage_count, 0U);
}

TEST_F(VerifyTest, ALostOrStrayOrDamagedDistinctRowIsTold) {
  FillAndOpenStorage();
  const std::string key = First(Family::kDistinct)->key().ToString();
  const std::string value = First(Family::kDistinct)->value().ToString();
  Delete(Family::kDistinct, key);
  EXPECT_TRUE(Names(Verify(), "set of users: 0 / "));
  OpenStorage();
  Put(Family::kDistinct, key, value);
  Put(Family::kDistinct, DistinctKey{0, HourOf(kStreamStart) + 9}.Encode(), value);
  EXPECT_TRUE(Names(Verify(), "distinct rows without an event"));
  OpenStorage();
  Delete(Family::kDistinct, DistinctKey{0, HourOf(kStreamStart) + 9}.Encode());
  Put(Family::kDistinct, key, "junk");
  EXPECT_TRUE(Names(Verify(), "distinct row of ad"));
}

// Rows as versions before directory version 5 wrote them: every user is a hash.
TEST_F(VerifyTest, ADirectoryWithFormerDistinctRowsAgreesAlsoWhenMoreEventsCome) {
  FillAndOpenStorage();
  size_t changed = 0;
  for (auto it = First(Family::kDistinct); it->Valid(); it->Next()) {
    DistinctRow row;
    ASSERT_TRUE(AddDistinctRow(ToView(it->value()), &row).ok());
    row.users.HashNumbered();
    row.ips.HashNumbered();
    std::string former;
    EncodeDistinctRow(&row, &former);
    changed += static_cast<size_t>(former != ToView(it->value()));
    Put(Family::kDistinct, it->key().ToString(), former);
  }
  EXPECT_GT(changed, 0U);
  storage_.reset();
  ExpectGood(Data());
  Open();
  Append(400);
  ExpectGood(Data());
  ASSERT_TRUE(engine_->Checkpoint().ok());
  engine_.reset();
  ExpectGood(Data());
}

TEST_F(VerifyTest, AnEmptyDirectoryAgrees) {
  Open();
  EXPECT_TRUE(MustVerify(Data()).ok());
  engine_.reset();
  EXPECT_TRUE(MustVerify(Data()).ok());
}

TEST_F(VerifyTest, WhatRetentionTookIsNotMissed) {
  Fill();
  engine_.reset();
  EngineOptions options = QuietOptions(Data(), &clock_);
  options.dedup_window_ms = kMsPerHour;
  for (int step = 0; step < 4; ++step) {
    if (step == 1) options.retain_minutes_ms = 11 * kMsPerHour;
    if (step == 2) options.retain_raw_ms = 12 * kMsPerHour;
    if (step == 3) options.retain_hours_ms = 12 * kMsPerHour;
    engine_ = MustOpen(options);
    ASSERT_TRUE(engine_->CompactAll(step % 2 == 0).ok());
    engine_.reset();
    const VerifyReport report = MustVerify(Data());
    EXPECT_TRUE(report.ok()) << "step " << step << ": " << TextOf(report);
  }
}

TEST_F(VerifyTest, AnIdentityAgainBeyondTheWindowAgrees) {
  Open();
  auto click = [](int64_t time) { return "click,ad_id=a event_id=\"1\" " + std::to_string(time) + "\n"; };
  EXPECT_EQ(AppendLines(engine_.get(), click(kStreamStart)).accepted, 1U);
  EXPECT_EQ(AppendLines(engine_.get(), click(kStreamStart - kNsPerDay - 1)).accepted, 1U);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  EXPECT_EQ(AppendLines(engine_.get(), click(kStreamStart - 2 * kNsPerDay - 2)).accepted, 1U);
  const VerifyReport report = MustVerify(Data());
  EXPECT_TRUE(report.ok()) << TextOf(report);
}

TEST_F(VerifyTest, AnIdentityTwiceWithinTheWindowIsNamed) {
  EngineOptions options = QuietOptions(Data(), &clock_);
  options.dedup_window_ms = kMsPerHour;
  auto click = [](int64_t time) { return "click,ad_id=a event_id=\"1\" " + std::to_string(time) + "\n"; };
  engine_ = MustOpen(options);
  EXPECT_EQ(AppendLines(engine_.get(), click(kStreamStart)).accepted, 1U);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  EXPECT_EQ(AppendLines(engine_.get(), click(kStreamStart + kNsPerHour + 1)).accepted, 1U);
  engine_.reset();
  auto verify_with = [&](int64_t window_ns) {
    OpenStorage();
    std::string window;
    PutFixed(&window, window_ns);
    Put(Family::kMeta, std::string(kMetaDedupWindow), window);
    storage_.reset();
    return MustVerify(Data());
  };
  EXPECT_TRUE(MustVerify(Data()).ok()) << "the engine noted its window";
  EXPECT_TRUE(verify_with(0).ok());
  EXPECT_TRUE(verify_with(kNsPerHour).ok());
  const VerifyReport report = verify_with(kNsPerHour + 1);
  EXPECT_EQ(report.mismatch_count, 1U);
  EXPECT_TRUE(Names(report, "counted twice")) << TextOf(report);
}

TEST_F(VerifyTest, ABlockThatWasCountedTwiceIsNamed) {
  Fill();
  CopyWhenIdle(*engine_, Data(), Path("image"));
  engine_.reset();
  std::filesystem::remove_all(Data());
  std::filesystem::rename(Path("image"), Data());
  OpenStorage();
  std::unique_ptr<rocksdb::Iterator> it(storage_->db()->NewIterator({}, storage_->handle(Family::kRaw)));
  it->SeekToLast();
  const std::string block = it->value().ToString();
  it.reset();
  Result<RawBlockInfo> info = ReadRawBlockInfo(block);
  ASSERT_TRUE(info.ok());
  LogState log;
  Result<std::string> stored = storage_->Get(Family::kMeta, kMetaLogState);
  ASSERT_TRUE(stored.ok() && log.Decode(*stored));
  ++log.last_sequence;
  log.events += info->count;
  const bool spans = HourOf(info->time_min_ns) != HourOf(info->time_max_ns);
  const int32_t hour = spans ? DayOf(info->time_min_ns) * kHoursPerDay : HourOf(info->time_min_ns);
  Put(Family::kRaw, RawKey{log.last_sequence}.Encode(), block);
  Put(Family::kRawHours, HourKey{hour, log.last_sequence}.Encode(), EncodeBlockIndex({*info, spans}));
  Put(Family::kMeta, std::string(kMetaLogState), log.Encode());
  const VerifyReport report = Verify();
  EXPECT_EQ(report.damage_count, 0U) << TextOf(report);
  EXPECT_EQ(report.mismatch_count, info->count) << TextOf(report);
  EXPECT_TRUE(Names(report, "counted twice"));
}

TEST_F(VerifyTest, FlippedBytesInATableFileAreDamage) {
  FillAndOpenStorage();
  std::vector<rocksdb::LiveFileMetaData> files;
  storage_->db()->GetLiveFilesMetaData(&files);
  storage_.reset();
  ASSERT_GT(files.size(), 5U);
  for (const auto& file : files) {
    for (const uint64_t offset : {uint64_t{20}, file.size / 2, file.size - 5}) {
      const std::string copy = Path("copy");
      CopyDirectory(Data(), copy);
      const std::string path = copy + "/db" + file.name;
      std::fstream bytes(path, std::ios::in | std::ios::out | std::ios::binary);
      bytes.seekg(static_cast<std::streamoff>(offset));
      const char old = static_cast<char>(bytes.get());
      bytes.seekp(static_cast<std::streamoff>(offset));
      bytes.put(static_cast<char>(old ^ 0x55));
      bytes.close();
      Result<std::unique_ptr<Inspector>> inspector = Inspector::Open(copy);
      if (inspector.ok()) {
        Result<VerifyReport> report = (*inspector)->Verify({});
        ASSERT_TRUE(report.ok());
        EXPECT_GT(report->damage_count, 0U)
            << file.column_family_name << " at " << offset << " of " << file.size;
        EXPECT_TRUE(Names(*report, file.name)) << TextOf(*report);
      } else {
        EXPECT_EQ(inspector.status().code(), Code::kCorruption) << inspector.status().message();
        EXPECT_NE(inspector.status().message().find(file.name), std::string::npos)
            << inspector.status().message();
      }
      std::filesystem::remove_all(copy);
    }
  }
}

TEST_F(VerifyTest, ADeletedCounterRowIsMissed) {
  FillAndOpenStorage();
  auto it = First(Family::kCounters);
  CounterKey key;
  ASSERT_TRUE(CounterKey::Decode(ToView(it->key()), &key));
  Delete(Family::kCounters, it->key().ToString());
  it.reset();
  const VerifyReport report = Verify();
  EXPECT_EQ(report.damage_count, 0U) << TextOf(report);
  EXPECT_GT(report.mismatch_count, 1U);
  for (const auto& m : report.mismatches) {
    EXPECT_EQ(m.counted, "0");
    EXPECT_NE(m.raw, "0");
    EXPECT_EQ(FloorDiv(m.bucket_ms, kMsPerHour), key.hour);
    EXPECT_EQ(m.ad_id, report.mismatches[0].ad_id);
  }
}

TEST_F(VerifyTest, AnAmountTooMuchIsNamed) {
  FillAndOpenStorage();
  auto it = First(Family::kCounters);
  CounterKey key;
  ASSERT_TRUE(CounterKey::Decode(ToView(it->key()), &key));
  HourRow one;
  one.totals[Metric::kClicks] = 1;
  one.cells.push_back({17, one.totals});
  std::string operand;
  EncodeHourRow(one, &operand);
  ASSERT_TRUE(storage_->db()->Merge({}, storage_->handle(Family::kCounters), it->key(), operand).ok());
  it.reset();
  const VerifyReport report = Verify();
  EXPECT_EQ(report.damage_count, 0U) << TextOf(report);
  ASSERT_EQ(report.mismatch_count, 2U) << TextOf(report);
  EXPECT_EQ(report.mismatches[0].bucket_ms, key.hour * kMsPerHour + 17 * kMsPerMinute);
  EXPECT_EQ(report.mismatches[1].bucket_ms, key.hour * kMsPerHour);
  EXPECT_EQ(std::stoll(report.mismatches[1].counted), std::stoll(report.mismatches[1].raw) + 1);
  EXPECT_TRUE(Names(report, "clicks of the hour in counters"));
}

TEST_F(VerifyTest, ARowWithoutEventsIsNamed) {
  FillAndOpenStorage();
  HourRow one;
  one.totals[Metric::kImpressions] = 3;
  one.cells.push_back({59, one.totals});
  std::string row;
  EncodeHourRow(one, &row);
  const int32_t with_events = HourOf(kStreamStart);
  Put(Family::kCounters, CounterKey{0, 0, with_events + 1000}.Encode(), row);
  Delete(Family::kCounters, CounterKey{0, 0, with_events}.Encode());
  const VerifyReport report = Verify();
  EXPECT_TRUE(Names(report, std::to_string((with_events + 1000) * kMsPerHour) +
                                " impressions of the hour in counters: 3 / 0"))
      << TextOf(report);
  EXPECT_TRUE(Names(report, std::to_string(with_events * kMsPerHour) + " ")) << TextOf(report);
}

TEST_F(VerifyTest, AnUnreadableRowIsDamage) {
  FillAndOpenStorage();
  auto it = First(Family::kCounters);
  Put(Family::kCounters, it->key().ToString(), "junk");
  it.reset();
  const VerifyReport report = Verify();
  EXPECT_EQ(report.damage_count, 1U) << TextOf(report);
  EXPECT_TRUE(Names(report, "counter row of ad 0"));
}

TEST_F(VerifyTest, ALostIdentityBucketIsNamed) {
  FillAndOpenStorage();
  auto it = First(Family::kIdentities);
  Delete(Family::kIdentities, it->key().ToString());
  it.reset();
  const VerifyReport report = Verify();
  EXPECT_GT(report.damage_count, 0U) << "the manifest knows better";
  EXPECT_TRUE(Names(report, "the manifest says")) << TextOf(report);
  EXPECT_TRUE(Names(report, "absent / stored")) << TextOf(report);
}

TEST_F(VerifyTest, AnUnlistedSegmentLeavesItsEventsWithoutIdentity) {
  FillAndOpenStorage();
  Result<std::string> stored = storage_->Get(Family::kPositions, kPositionIdentities);
  ASSERT_TRUE(stored.ok());
  IdentityManifest manifest;
  ASSERT_TRUE(manifest.Decode(*stored));
  const uint64_t lost = manifest.segments.back().entries;
  manifest.segments.pop_back();
  Put(Family::kPositions, std::string(kPositionIdentities), manifest.Encode());
  const VerifyReport report = Verify();
  EXPECT_EQ(report.mismatch_count, lost) << TextOf(report);
  EXPECT_EQ(report.damage_count, 0U) << TextOf(report);
}

TEST_F(VerifyTest, ARemovedBlockIsMissedByAllThatWasMadeOfIt) {
  FillAndOpenStorage();
  auto it = First(Family::kRaw);
  Delete(Family::kRaw, it->key().ToString());
  it.reset();
  const VerifyReport report = Verify();
  EXPECT_TRUE(Names(report, "raw_hours names raw block")) << TextOf(report);
  EXPECT_TRUE(Names(report, "meta/log_state counts 1600")) << TextOf(report);
  EXPECT_TRUE(Names(report, "sealed / absent")) << TextOf(report);
}

TEST_F(VerifyTest, ABlockRemovedWithItsIndexIsMissedToo) {
  FillAndOpenStorage();
  auto raw = First(Family::kRaw);
  RawKey key;
  ASSERT_TRUE(RawKey::Decode(ToView(raw->key()), &key));
  for (auto it = First(Family::kRawHours); it->Valid(); it->Next()) {
    HourKey hour;
    ASSERT_TRUE(HourKey::Decode(ToView(it->key()), &hour));
    if (hour.number == key.sequence) Delete(Family::kRawHours, it->key().ToString());
  }
  Delete(Family::kRaw, raw->key().ToString());
  raw.reset();
  const VerifyReport report = Verify();
  EXPECT_FALSE(Names(report, "raw_hours")) << TextOf(report);
  EXPECT_TRUE(Names(report, "in counters")) << TextOf(report);
  EXPECT_TRUE(Names(report, "in top lists")) << TextOf(report);
}

TEST_F(VerifyTest, AChangedBlockFailsItsOwnChecksum) {
  FillAndOpenStorage();
  auto it = First(Family::kRaw);
  std::string block = it->value().ToString();
  block[block.size() / 2] = static_cast<char>(block[block.size() / 2] ^ 1);
  Put(Family::kRaw, it->key().ToString(), block);
  RawKey key;
  ASSERT_TRUE(RawKey::Decode(ToView(it->key()), &key));
  it.reset();
  const VerifyReport report = Verify();
  EXPECT_TRUE(Names(report, "raw block " + std::to_string(key.sequence) + ": ")) << TextOf(report);
}

TEST_F(VerifyTest, AGapInTheLogBeyondThePositionsIsDamage) {
  Fill();
  CopyWhenIdle(*engine_, Data(), Path("image"));
  engine_.reset();
  std::filesystem::remove_all(Data());
  std::filesystem::rename(Path("image"), Data());
  OpenStorage();
  std::unique_ptr<rocksdb::Iterator> it(storage_->db()->NewIterator({}, storage_->handle(Family::kRaw)));
  it->SeekToLast();
  it->Prev();
  RawKey key;
  ASSERT_TRUE(RawKey::Decode(ToView(it->key()), &key));
  Delete(Family::kRaw, it->key().ToString());
  it.reset();
  const VerifyReport report = Verify();
  const std::string number = std::to_string(key.sequence);
  EXPECT_TRUE(Names(report, "raw blocks " + number + " to " + number + " of the log are missing"))
      << TextOf(report);
  storage_.reset();
  Result<std::unique_ptr<Inspector>> inspector = Inspector::Open(Data());
  ASSERT_TRUE(inspector.ok());
  Status dump = (*inspector)->ForEachCounter({}, false, [](const CounterRecord&) { return true; });
  EXPECT_EQ(dump.code(), Code::kCorruption) << "counts without the missing block would be wrong";
}

TEST_F(VerifyTest, AChangedTopChunkFailsItsChecksum) {
  FillAndOpenStorage();
  for (Family family : {Family::kTopMinutes, Family::kTopHours}) {
    auto it = First(family);
    std::string chunk = it->value().ToString();
    chunk[chunk.size() / 2] = static_cast<char>(chunk[chunk.size() / 2] ^ 4);
    Put(family, it->key().ToString(), chunk);
  }
  const VerifyReport report = Verify();
  EXPECT_TRUE(Names(report, "top_minutes bucket")) << TextOf(report);
  EXPECT_TRUE(Names(report, "top_hours bucket")) << TextOf(report);
  EXPECT_EQ(report.damage_count, 2U) << TextOf(report);
}

TEST_F(VerifyTest, ALostTopListIsNamed) {
  FillAndOpenStorage();
  auto it = First(Family::kTopMinutes);
  TopKey key;
  ASSERT_TRUE(TopKey::Decode(ToView(it->key()), &key));
  Delete(Family::kTopMinutes, it->key().ToString());
  it.reset();
  const VerifyReport report = Verify();
  EXPECT_EQ(report.damage_count, 0U) << TextOf(report);
  ASSERT_GT(report.mismatch_count, 0U);
  EXPECT_EQ(report.mismatches[0].bucket_ms, key.bucket * kMsPerMinute);
  EXPECT_EQ(report.mismatches[0].counted, "0");
  EXPECT_TRUE(Names(report, " in top lists"));
}

TEST_F(VerifyTest, ListsOfFindingsAreBoundedAndCountedInFull) {
  FillAndOpenStorage();
  for (auto it = First(Family::kCounters); it->Valid(); it->Next())
    Delete(Family::kCounters, it->key().ToString());
  const VerifyReport report = Verify();
  EXPECT_EQ(report.mismatches.size(), 100U);
  EXPECT_GT(report.mismatch_count, stream_.minutes().size());
}

}  // namespace
}  // namespace tallymark
