#include <algorithm>
#include <filesystem>
#include <map>

#include "engine/directory_format.h"
#include "engine/engine.h"
#include "engine/inspect.h"
#include "engine/meta_keys.h"
#include "engine/storage.h"
#include "tests/engine/test_events.h"
#include "tests/engine/test_storage.h"

namespace tallymark {
namespace {

// A directory as program version 0.1.0 left it when it was killed: 1,136 events checkpointed and
// repacked and 193 more in the log only, of the hours from 2020-12-31T22 to 2021-01-02T02. Made
// once, never changed.
class GoldenDirectoryV1Test : public ::testing::Test {
 protected:
  GoldenDirectoryV1Test() {
    std::filesystem::copy(std::string(TALLYMARK_SOURCE_DIR) + "/tests/golden/directory_v1", Data(),
                          std::filesystem::copy_options::recursive);
  }
  std::string Data() const { return directory_.path() + "/data"; }
  std::unique_ptr<Engine> Open() const {
    EngineOptions options;
    options.data_dir = Data();
    options.memory_bytes = 64 << 20;
    options.free_space_floor_bytes = 0;
    return MustOpen(options);
  }
  void ExpectWhole(const std::string& version, uint64_t events, bool identities_compared = true) const {
    Result<std::unique_ptr<Inspector>> inspector = Inspector::Open(Data());
    ASSERT_TRUE(inspector.ok()) << inspector.status().message();
    Result<std::vector<std::pair<std::string, std::string>>> meta = (*inspector)->Meta();
    ASSERT_TRUE(meta.ok()) << meta.status().message();
    EXPECT_EQ(meta->front().second, version);
    Result<VerifyReport> report = (*inspector)->Verify(nullptr);
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_TRUE(report->ok());
    EXPECT_EQ(report->events, events);
    EXPECT_EQ(report->identities_compared, identities_compared);
    EXPECT_EQ(report->identities, identities_compared ? events : 0);
  }

  // How many identity buckets of each version there are.
  std::map<int, int> BucketVersions() const {
    StorageOptions options;
    options.data_dir = Data();
    options.read_only = true;
    std::map<int, int> versions;
    Result<std::unique_ptr<Storage>> storage = Storage::Open(options, std::make_shared<RetentionPositions>());
    EXPECT_TRUE(storage.ok()) << storage.status().message();
    if (!storage.ok()) return versions;
    std::unique_ptr<rocksdb::Iterator> it(
        (*storage)->db()->NewIterator({}, (*storage)->handle(Family::kIdentities)));
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++versions[it->value()[0]];
    return versions;
  }
  // Ids of sealed identities, in the order of their segments.
  std::vector<std::string> SealedIds() const {
    std::vector<std::string> ids;
    Result<std::unique_ptr<Inspector>> inspector = Inspector::Open(Data());
    EXPECT_TRUE(inspector.ok()) << inspector.status().message();
    if (!inspector.ok()) return ids;
    Status read = (*inspector)->ForEachIdentity({}, [&](const IdentityRecord& record) {
      if (record.sealed) ids.push_back(record.id_hex);
      return true;
    });
    EXPECT_TRUE(read.ok()) << read.message();
    return ids;
  }

  TempDirectory directory_;
  static constexpr MinuteRange kAll{26'822'880, 26'827'200};
};

TEST_F(GoldenDirectoryV1Test, IsReadWithoutBeingChanged) {
  ExpectWhole("1", 1329, false);
  EXPECT_FALSE(std::filesystem::exists(Data() + "/FORMAT"));
}

TEST_F(GoldenDirectoryV1Test, IsUpgradedAndCountsOnAsIfNothingHadHappened) {
  std::unique_ptr<Engine> engine = Open();
  ASSERT_TRUE(engine);
  EXPECT_EQ(*ReadFormatFile(Data()), kFormatVersion);
  Result<MetricSums> sums = engine->Totals("ad0000001", 0, kAll);
  ASSERT_TRUE(sums.ok()) << sums.status().message();
  EXPECT_TRUE((*sums)[Metric::kClicks] == 346);

  const std::string sealed =
      R"(click,ad_id=ad0000004 event_id="7223c0b6-136d-4c35-9de7-084738d58eaf" 1609455502577000000)";
  const std::string fresh = R"(click,ad_id=ad0000001 event_id="not seen before" 1609455502577000000)";
  AppendOutcome outcome = AppendLines(engine.get(), sealed + "\n" + fresh + "\n");
  ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
  EXPECT_EQ(outcome.duplicates, 1U);
  EXPECT_EQ(outcome.accepted, 1U);
  EXPECT_TRUE((*engine->Totals("ad0000001", 0, kAll))[Metric::kClicks] == 347);
  ASSERT_TRUE(engine->Checkpoint().ok());
  engine.reset();
  ExpectWhole(std::to_string(kFormatVersion), 1330);
}

// What a crash in an upgrade leaves: some identities made anew, the former version in `meta`.
TEST_F(GoldenDirectoryV1Test, AnUpgradeThatACrashCutShortBeginsAnew) {
  ASSERT_TRUE(Open());
  WriteMetaFormatVersion(Data(), 2);
  ExpectWhole("2", 1329, false);
  ASSERT_TRUE(Open());
  ExpectWhole(std::to_string(kFormatVersion), 1329);
}

// Identities of version 3 are those of version 4 in other bytes. This directory's are hashed by a rule from
// before, but its buckets are of the version that was written until then.
TEST_F(GoldenDirectoryV1Test, FormerIdentityBucketsAreReadAndMergedIntoNewOnes) {
  WriteMetaFormatVersion(Data(), 3);
  const std::vector<std::string> former = SealedIds();
  EXPECT_GE(former.size(), 1136U);
  const std::map<int, int> versions = BucketVersions();
  EXPECT_EQ(versions.size(), 1U);
  std::unique_ptr<Engine> engine = Open();
  ASSERT_TRUE(engine);
  std::string lines;
  for (int i = 0; i < 2000; ++i) {
    lines += "click,ad_id=ad0000001 event_id=\"fresh " + std::to_string(i) + "\" 1609498702577000000\n";
  }
  ASSERT_EQ(AppendLines(engine.get(), lines).accepted, 2000U);
  ASSERT_TRUE(engine->Checkpoint().ok());
  engine.reset();
  EXPECT_LT(BucketVersions()[1], versions.at(1));
  EXPECT_GT(BucketVersions()[2], 0);
  std::vector<std::string> ids = SealedIds();
  EXPECT_EQ(ids.size(), 1329U + 2000U);
  for (const std::string& id : former) EXPECT_NE(std::find(ids.begin(), ids.end(), id), ids.end()) << id;
}

}  // namespace
}  // namespace tallymark
