#include "engine/identity_index.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include "engine/identity_sealer.h"
#include "engine/meta_keys.h"
#include "format/keys.h"
#include "format/time_units.h"
#include "tests/engine/test_storage.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

using Verdict = IdentityIndex::Verdict;

constexpr int32_t kDay = 18'628;  // 2021-01-01
constexpr int64_t kStart = kDay * kNsPerDay;

// Random enough for a hash, the same for the same n.
Hash128 IdOf(uint64_t n) {
  std::mt19937_64 random(n);
  const uint64_t hi = random();
  return {hi, random()};
}

class IdentityIndexTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }

  void Open() {
    index_ = std::make_unique<IdentityIndex>(
        storage_.get(), options_, [this](const Hash128& id, const IdentityPlace& place) {
          ++exact_lookups_;
          std::vector<int64_t> times;
          for (const Entered& e : entered_) {
            if (e.event.identity == id && HourOf(e.event.time_ns) == place.hour &&
                e.sequence == place.sequence)
              times.push_back(e.event.time_ns);
          }
          return Result<std::vector<int64_t>>(times);
        });
    Status loaded = index_->Load();
    ASSERT_TRUE(loaded.ok()) << loaded.message();
    auto lock = index_->Lock();
    for (const Entered& e : entered_) {
      if (e.sequence > index_->covered_sequence()) index_->Replay(e.event, e.ad, e.sequence);
    }
  }
  void Reopen() {
    index_.reset();
    storage_.Reopen();
    Open();
  }

  Verdict Settle(uint64_t id, int64_t time_ns, uint16_t content = 0) {
    Event event;
    event.identity = IdOf(id);
    event.time_ns = time_ns;
    event.content_check = content;
    auto lock = index_->Lock();
    uint32_t number = 0;
    Result<Verdict> verdict = index_->Settle(event, 7, &number);
    EXPECT_TRUE(verdict.ok()) << verdict.status().message();
    if (*verdict == Verdict::kNew) {
      index_->live()->SetSequence(number, ++sequence_);
      entered_.push_back({event, 7, sequence_});
    }
    return *verdict;
  }

  // What a checkpoint does, in its parts.
  void Switch() {
    auto lock = index_->Lock();
    index_->SwitchGeneration();
    switched_at_ = sequence_;
  }
  SealedFiles WriteFrozen(int32_t first_day_kept = INT32_MIN) {
    Result<SealedFiles> sealed = SealGeneration(storage_.get(), index_->manifest(),
                                                *index_->frozen().generation, switched_at_, first_day_kept);
    EXPECT_TRUE(sealed.ok()) << sealed.status().message();
    return std::move(*sealed);
  }
  void Ingest(const SealedFiles& sealed) {
    IngestFile position{Family::kPositions, storage_->ScratchPath("positions")};
    const auto writer = storage_->NewFileWriter(Family::kPositions);
    ASSERT_TRUE(writer->Open(position.path).ok());
    ASSERT_TRUE(writer->Put(ToSlice(kPositionIdentities), sealed.manifest.Encode()).ok());
    ASSERT_TRUE(writer->Finish().ok());
    std::vector<IngestFile> files = {position};
    for (const std::string& path : sealed.paths) files.push_back({Family::kIdentities, path});
    ASSERT_TRUE(storage_->Ingest(files).ok());
  }
  void Seal(int32_t first_day_kept = INT32_MIN) {
    Switch();
    SealedFiles sealed = WriteFrozen(first_day_kept);
    Ingest(sealed);
    index_->Publish(sealed.manifest, sealed.removed);
    ASSERT_TRUE(DeleteSegments(storage_.get(), sealed.removed).ok());
  }
  // Asks for a day so often that it is worth loading, and loads it.
  void LoadFilters() {
    for (int32_t day : index_->DaysToLoad()) ASSERT_TRUE(index_->LoadFilter(day).ok());
  }

  struct Entered {
    Event event;
    uint32_t ad = 0;
    uint64_t sequence = 0;
  };
  TestStorage storage_;
  IdentityIndexOptions options_{kNsPerDay, 64 << 20};
  std::unique_ptr<IdentityIndex> index_;
  std::vector<Entered> entered_;
  uint64_t sequence_ = 0;
  uint64_t switched_at_ = 0;
  int exact_lookups_ = 0;
};

TEST_F(IdentityIndexTest, AnIdentityIsNewOnceAndThenADuplicate) {
  EXPECT_EQ(Settle(1, kStart), Verdict::kNew);
  EXPECT_EQ(Settle(1, kStart), Verdict::kDuplicate);
  EXPECT_EQ(Settle(2, kStart), Verdict::kNew);
}

TEST_F(IdentityIndexTest, OtherContentIsAConflictInMemoryFrozenAndOnDisk) {
  Settle(1, kStart, 5);
  EXPECT_EQ(Settle(1, kStart, 6), Verdict::kConflict);
  Switch();
  EXPECT_EQ(Settle(1, kStart, 6), Verdict::kConflict);
  EXPECT_EQ(Settle(1, kStart, 5), Verdict::kDuplicate);
  SealedFiles sealed = WriteFrozen();
  Ingest(sealed);
  index_->Publish(sealed.manifest, sealed.removed);
  EXPECT_EQ(Settle(1, kStart, 6), Verdict::kConflict);
  EXPECT_EQ(Settle(1, kStart, 5), Verdict::kDuplicate);
}

TEST_F(IdentityIndexTest, TheWindowsEdgeBelongsToItEverywhere) {
  Settle(1, kStart);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(Settle(1, kStart + kNsPerDay), Verdict::kDuplicate) << round;
    EXPECT_EQ(Settle(1, kStart - kNsPerDay), Verdict::kDuplicate) << round;
    if (round == 0) Seal();
    if (round == 1) Reopen();
  }
  EXPECT_EQ(Settle(1, kStart + kNsPerDay + 1), Verdict::kNew);
  EXPECT_EQ(Settle(1, kStart - kNsPerDay - 1), Verdict::kNew);
}

TEST_F(IdentityIndexTest, OnlyHoursThatTheWindowCutsAskForTheExactTime) {
  Settle(1, kStart + 30 * kNsPerMinute);
  Seal();
  EXPECT_EQ(Settle(1, kStart + 20 * kNsPerHour), Verdict::kDuplicate);
  EXPECT_EQ(exact_lookups_, 0);
  EXPECT_EQ(Settle(1, kStart + kNsPerDay + 10 * kNsPerMinute), Verdict::kDuplicate);
  EXPECT_EQ(exact_lookups_, 1);
  EXPECT_EQ(Settle(1, kStart + kNsPerDay + 31 * kNsPerMinute), Verdict::kNew);
  EXPECT_EQ(exact_lookups_, 2);
}

TEST_F(IdentityIndexTest, AWindowShorterThanAnHourIsKeptExactlyOnDisk) {
  options_.window_ns = kNsPerMinute;
  Reopen();
  Settle(1, kStart + 30 * kNsPerMinute);
  Seal();
  EXPECT_EQ(Settle(1, kStart + 31 * kNsPerMinute), Verdict::kDuplicate);
  EXPECT_EQ(Settle(1, kStart + 32 * kNsPerMinute), Verdict::kNew);
}

TEST_F(IdentityIndexTest, AWindowOfZeroTellsNanosecondsApart) {
  options_.window_ns = 0;
  Reopen();
  Settle(1, kStart);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(Settle(1, kStart), Verdict::kDuplicate);
    EXPECT_EQ(Settle(1, kStart + 1 + round), Verdict::kNew);
    Seal();
  }
}

TEST_F(IdentityIndexTest, TimesBefore1970HaveDaysToo) {
  EXPECT_EQ(Settle(1, -1), Verdict::kNew);
  EXPECT_EQ(Settle(2, -5 * kNsPerDay), Verdict::kNew);
  Seal();
  EXPECT_EQ(Settle(1, -1), Verdict::kDuplicate);
  EXPECT_EQ(Settle(2, -5 * kNsPerDay), Verdict::kDuplicate);
  EXPECT_EQ(Settle(1, 5), Verdict::kDuplicate);
}

TEST_F(IdentityIndexTest, SealingMovesEntriesToDiskAndLetsMemoryGo) {
  for (uint64_t i = 0; i < 5000; ++i) Settle(i, kStart + static_cast<int64_t>(i) * kNsPerMinute);
  EXPECT_EQ(index_->figures().in_memory, 5000U);
  Seal();
  EXPECT_FALSE(index_->HasFrozen());
  EXPECT_EQ(index_->figures().in_memory, 0U);
  EXPECT_EQ(index_->figures().segments, 4U) << "one a day";
  EXPECT_EQ(index_->covered_sequence(), 5000U);
  for (uint64_t i = 0; i < 5000; ++i)
    ASSERT_EQ(Settle(i, kStart + static_cast<int64_t>(i) * kNsPerMinute), Verdict::kDuplicate) << i;
}

TEST_F(IdentityIndexTest, ATrueDuplicateOnDiskCostsOneProbe) {
  for (uint64_t round = 0; round < 3; ++round) {
    // Each a good deal smaller than the one before, so that nothing is merged.
    const uint64_t count = round == 0 ? 4000 : round == 1 ? 1000 : 100;
    for (uint64_t i = 0; i < count; ++i) Settle(round * 10'000 + i, kStart);
    Seal();
  }
  ASSERT_EQ(index_->figures().segments, 3U);
  const uint64_t before = index_->figures().disk_lookups;
  for (uint64_t i = 0; i < 1000; ++i) ASSERT_EQ(Settle(i, kStart), Verdict::kDuplicate);
  EXPECT_LE(index_->figures().disk_lookups - before, 1002U);
}

TEST_F(IdentityIndexTest, SmallSegmentsOfADayAreMergedAndStayFound) {
  for (uint64_t round = 0; round < 40; ++round) {
    for (uint64_t i = 0; i < 50; ++i) Settle(round * 50 + i, kStart + static_cast<int64_t>(i) * kNsPerMinute);
    Seal();
    ASSERT_LE(index_->figures().segments, 7U) << "their number stays logarithmic";
  }
  for (uint64_t i = 0; i < 2000; ++i)
    ASSERT_EQ(Settle(i, kStart + static_cast<int64_t>(i % 50) * kNsPerMinute), Verdict::kDuplicate) << i;
}

TEST_F(IdentityIndexTest, WhileSegmentsAreWrittenEntriesAreFoundInMemory) {
  Settle(1, kStart);
  Switch();
  SealedFiles sealed = WriteFrozen();
  EXPECT_EQ(Settle(1, kStart), Verdict::kDuplicate);
  EXPECT_EQ(Settle(2, kStart), Verdict::kNew);
  Ingest(sealed);
  EXPECT_EQ(Settle(1, kStart), Verdict::kDuplicate);
  EXPECT_EQ(Settle(2, kStart), Verdict::kDuplicate);
  index_->Publish(sealed.manifest, sealed.removed);
  EXPECT_EQ(Settle(1, kStart), Verdict::kDuplicate);
  EXPECT_EQ(Settle(2, kStart), Verdict::kDuplicate);
}

TEST_F(IdentityIndexTest, AFrozenGenerationThatHoldsNothingIsDropped) {
  Switch();
  EXPECT_TRUE(index_->HasFrozen());
  index_->DropEmptyFrozen();
  EXPECT_FALSE(index_->HasFrozen());
  Settle(1, kStart);
  Switch();
  index_->DropEmptyFrozen();
  EXPECT_TRUE(index_->HasFrozen());
}

TEST_F(IdentityIndexTest, AfterARestartDiskAnswersUntilTheDaysFilterIsLoaded) {
  for (uint64_t i = 0; i < 300; ++i) Settle(i, kStart);
  Seal();
  Reopen();
  EXPECT_TRUE(index_->DaysToLoad().empty()) << "nobody asked yet";
  for (uint64_t i = 0; i < 100; ++i) ASSERT_EQ(Settle(i, kStart), Verdict::kDuplicate);
  for (uint64_t i = 1000; i < 1100; ++i) ASSERT_EQ(Settle(i, kStart), Verdict::kNew);
  EXPECT_FALSE(index_->figures().loaded);
  EXPECT_EQ(index_->DaysToLoad(), std::vector<int32_t>{kDay});
  LoadFilters();
  EXPECT_TRUE(index_->figures().loaded);
  EXPECT_TRUE(index_->DaysToLoad().empty());
  const uint64_t before = index_->figures().disk_lookups;
  for (uint64_t i = 2000; i < 3000; ++i) ASSERT_EQ(Settle(i, kStart), Verdict::kNew);
  EXPECT_LE(index_->figures().disk_lookups - before, 2U) << "surely new needs no disk";
  for (uint64_t i = 0; i < 300; ++i) ASSERT_EQ(Settle(i, kStart), Verdict::kDuplicate);
  Seal();
  for (uint64_t i = 0; i < 300; ++i) ASSERT_EQ(Settle(i, kStart), Verdict::kDuplicate);
}

TEST_F(IdentityIndexTest, AMergeBesideTheLoadingOfAFilterLosesNothing) {
  for (uint64_t i = 0; i < 100; ++i) Settle(i, kStart);
  Seal();
  Reopen();
  for (uint64_t i = 1000; i < 1200; ++i) Settle(i, kStart);
  ASSERT_EQ(index_->DaysToLoad().size(), 1U);
  Switch();
  SealedFiles sealed = WriteFrozen();  // merges what the filter is about to be read from
  ASSERT_EQ(sealed.removed.size(), 1U);
  Ingest(sealed);
  ASSERT_TRUE(index_->LoadFilter(kDay).ok());
  index_->Publish(sealed.manifest, sealed.removed);
  ASSERT_TRUE(DeleteSegments(storage_.get(), sealed.removed).ok());
  for (uint64_t i = 0; i < 100; ++i) ASSERT_EQ(Settle(i, kStart), Verdict::kDuplicate) << i;
  for (uint64_t i = 1000; i < 1200; ++i) ASSERT_EQ(Settle(i, kStart), Verdict::kDuplicate) << i;
}

TEST_F(IdentityIndexTest, PastTheMemoryBoundDaysGoToDiskAndStayExact) {
  options_.filter_bytes_max = 40'000;  // two pages
  Reopen();
  auto time = [](uint64_t i) { return kStart + static_cast<int64_t>(i % 10) * 3 * kNsPerDay; };
  for (uint64_t round = 0; round < 3; ++round) {
    for (uint64_t i = 0; i < 500; ++i) ASSERT_EQ(Settle(round * 500 + i, time(i)), Verdict::kNew);
    Seal();
    EXPECT_LE(index_->figures().filter_bytes, options_.filter_bytes_max);
    for (uint64_t i = 0; i < (round + 1) * 500; ++i) ASSERT_EQ(Settle(i, time(i)), Verdict::kDuplicate) << i;
  }
}

TEST_F(IdentityIndexTest, AnEvictedDayStillFindsWhatIsInMemory) {
  options_.filter_bytes_max = 0;
  Reopen();
  Settle(1, kStart);
  Switch();
  Settle(2, kStart);  // live while its day's table is evicted by the seal
  SealedFiles sealed = WriteFrozen();
  Ingest(sealed);
  index_->Publish(sealed.manifest, sealed.removed);
  EXPECT_EQ(index_->figures().filter_bytes, 0U);
  EXPECT_EQ(Settle(2, kStart), Verdict::kDuplicate);
  EXPECT_EQ(Settle(1, kStart), Verdict::kDuplicate);
  EXPECT_EQ(Settle(3, kStart), Verdict::kNew);
  EXPECT_EQ(Settle(3, kStart), Verdict::kDuplicate);
}

TEST_F(IdentityIndexTest, MoreSealsThanADayHasTagsLoseNothing) {
  // Each seal of a day takes a tag; past 255 of them an entry may be anywhere.
  for (uint64_t round = 0; round < 300; ++round) {
    ASSERT_EQ(Settle(round, kStart), Verdict::kNew);
    Seal();
  }
  for (uint64_t i = 0; i < 300; ++i) ASSERT_EQ(Settle(i, kStart), Verdict::kDuplicate) << i;
  EXPECT_EQ(Settle(1000, kStart), Verdict::kNew);
}

TEST_F(IdentityIndexTest, LargeSegmentsGoWhereNothingCopiesThemAgain) {
  uint64_t id = 0;
  for (uint64_t size : {130'000U, 120'000U, 110'000U}) {  // each too small for the one before to join it
    Settle(++id, kStart - kNsPerHour);                    // late, of the day before
    for (uint64_t i = 0; i < size; ++i) Settle(++id, kStart);
    Seal();
  }
  rocksdb::ColumnFamilyMetaData files;
  storage_->db()->GetColumnFamilyMetaData(storage_->handle(Family::kIdentities), &files);
  size_t large = 0;
  for (const rocksdb::LevelMetaData& level : files.levels) {
    for (const rocksdb::SstFileMetaData& file : level.files) {
      if (file.size < size_t{1} << 20) continue;
      ++large;
      EXPECT_EQ(level.level, static_cast<int>(files.levels.size()) - 1) << file.size;
    }
  }
  EXPECT_EQ(large, 3U);
}

TEST_F(IdentityIndexTest, RetentionForgetsADayAndLookUpsNextToItGoOn) {
  Settle(1, kStart + 23 * kNsPerHour);
  Settle(2, kStart + kNsPerDay);
  Seal();
  Settle(3, kStart + 23 * kNsPerHour);  // of the day that goes, not sealed when it does
  Settle(4, kStart + kNsPerDay);
  Seal(kDay + 1);
  EXPECT_EQ(index_->figures().segments, 1U);
  // The window of the next day still reaches into the day that is gone.
  EXPECT_EQ(Settle(1, kStart + 25 * kNsPerHour), Verdict::kNew);
  EXPECT_EQ(Settle(3, kStart + 25 * kNsPerHour), Verdict::kNew);
  EXPECT_EQ(Settle(2, kStart + 25 * kNsPerHour), Verdict::kDuplicate);
  EXPECT_EQ(Settle(4, kStart + 25 * kNsPerHour), Verdict::kDuplicate);
  Seal(kDay + 1);
  EXPECT_EQ(Settle(1, kStart + 25 * kNsPerHour), Verdict::kDuplicate);
  Reopen();
  EXPECT_EQ(Settle(1, kStart + 25 * kNsPerHour), Verdict::kDuplicate);
  EXPECT_EQ(Settle(2, kStart + 25 * kNsPerHour), Verdict::kDuplicate);
}

TEST_F(IdentityIndexTest, ADayThatRetentionTookLeavesNoFilterBehind) {
  for (uint64_t i = 0; i < 20'000; ++i) Settle(i, kStart);
  Seal();
  const uint64_t before = index_->figures().filter_bytes;
  Settle(50'000, kStart + 5 * kNsPerDay);
  Seal(kDay + 5);
  EXPECT_LT(index_->figures().filter_bytes, before / 2);
}

TEST_F(IdentityIndexTest, SegmentsThatNoManifestListsAreRemovedAtLoad) {
  for (uint64_t i = 0; i < 10; ++i) Settle(i, kStart);
  Seal();
  // A merge that was ingested, and a crash before its sources were deleted.
  for (uint64_t i = 10; i < 30; ++i) Settle(i, kStart);
  Switch();
  SealedFiles sealed = WriteFrozen();
  ASSERT_EQ(sealed.removed.size(), 1U);
  Ingest(sealed);
  ASSERT_EQ(storage_.CountKeys(Family::kIdentities), 2U);
  Reopen();
  EXPECT_EQ(storage_.CountKeys(Family::kIdentities), 1U);
  for (uint64_t i = 0; i < 30; ++i) EXPECT_EQ(Settle(i, kStart), Verdict::kDuplicate) << i;
  // What was removed must not stand in the way of later files.
  for (uint64_t i = 30; i < 100; ++i) Settle(i, kStart);
  Seal();
  Reopen();
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(Settle(i, kStart), Verdict::kDuplicate) << i;
}

TEST_F(IdentityIndexTest, FilesThatWereNotIngestedCountForNothing) {
  Settle(1, kStart);
  Switch();
  SealedFiles sealed = WriteFrozen();
  Reopen();  // the crash comes before the ingestion
  EXPECT_EQ(index_->covered_sequence(), 0U);
  EXPECT_EQ(storage_.CountKeys(Family::kIdentities), 0U);
  EXPECT_EQ(Settle(1, kStart), Verdict::kDuplicate) << "replayed from the log";
}

TEST_F(IdentityIndexTest, AnUnreadableManifestIsCorruption) {
  storage_.Put(Family::kPositions, std::string(kPositionIdentities), "nonsense");
  IdentityIndex index(storage_.get(), options_, nullptr);
  EXPECT_EQ(index.Load().code(), Code::kCorruption);
}

TEST_F(IdentityIndexTest, ADamagedBucketIsAnErrorAndNeverNew) {
  Settle(1, kStart);
  Seal();
  const std::string key = IdentityKey{kDay, 1, 0}.Encode();
  std::string bucket = *storage_->Get(Family::kIdentities, key);
  bucket[bucket.size() / 2] = static_cast<char>(bucket[bucket.size() / 2] ^ 1);
  storage_.Put(Family::kIdentities, key, bucket);
  Event event;
  event.identity = IdOf(1);
  event.time_ns = kStart;
  uint32_t number = 0;
  auto lock = index_->Lock();
  Result<Verdict> verdict = index_->Settle(event, 7, &number);
  ASSERT_FALSE(verdict.ok());
  EXPECT_EQ(verdict.status().code(), Code::kCorruption);
  EXPECT_EQ(index_->live_size(), 0U);
}

TEST_F(IdentityIndexTest, EntriesOfASegmentComeBackWithTheirPlaces) {
  for (uint64_t i = 0; i < 3000; ++i) Settle(i, kStart + static_cast<int64_t>(i) * kNsPerSecond, 99);
  Seal();
  std::map<std::pair<uint64_t, uint64_t>, IdentityPlace> places;
  ASSERT_TRUE(
      ForEachInSegment(*storage_.get(), index_->manifest().segments.at(0), [&](const IdentityEntry& e) {
        places[{e.id.hi, e.id.lo}] = e.place;
      }).ok());
  ASSERT_EQ(places.size(), 3000U);
  for (const Entered& e : entered_) {
    const IdentityPlace expected{HourOf(e.event.time_ns), e.ad, e.sequence, 99};
    EXPECT_TRUE((places[{e.event.identity.hi, e.event.identity.lo}] == expected));
  }
}

// Everything at once against the definition: an event is new when no accepted one of its identity
// lies within the window.
class IdentityIndexModelTest : public IdentityIndexTest, public ::testing::WithParamInterface<int> {
 protected:
  Verdict Expected(uint64_t id, int64_t time_ns, uint16_t content) const {
    auto found = accepted_.find(id);
    if (found == accepted_.end()) return Verdict::kNew;
    bool conflict = false;
    for (auto [time, check] : found->second) {
      if (std::llabs(time - time_ns) > options_.window_ns) continue;
      if (check == content) return Verdict::kDuplicate;
      conflict = true;
    }
    return conflict ? Verdict::kConflict : Verdict::kNew;
  }
  std::map<uint64_t, std::vector<std::pair<int64_t, uint16_t>>> accepted_;
};

TEST_P(IdentityIndexModelTest, AgreesWithTheModel) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  constexpr int64_t kWindows[] = {kNsPerDay, 90 * kNsPerMinute, 3 * kNsPerDay};
  options_.window_ns = kWindows[GetParam() % 3];
  options_.filter_bytes_max = GetParam() < 3 ? 64 << 20 : 100'000;
  Reopen();
  for (int step = 0; step < 12'000; ++step) {
    const uint64_t action = random() % 400;
    if (action == 0) {
      Seal();
    } else if (action == 1) {
      Reopen();
    } else if (action == 2) {
      LoadFilters();
    } else {
      const uint64_t id = random() % 2000;
      const int64_t time = kStart + static_cast<int64_t>(random() % (10 * 24 * 60)) * kNsPerMinute;
      const auto content = static_cast<uint16_t>(id);
      const Verdict expected = Expected(id, time, content);
      ASSERT_EQ(Settle(id, time, content), expected) << "seed " << seed << " step " << step;
      if (expected == Verdict::kNew) accepted_[id].emplace_back(time, content);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(WindowsAndBounds, IdentityIndexModelTest, ::testing::Range(0, 6));

}  // namespace
}  // namespace tallymark
