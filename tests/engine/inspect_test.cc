#include "engine/inspect.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <tuple>

#include "engine/directory_lock.h"
#include "engine/file_names.h"
#include "engine/inspect_directory.h"
#include "engine/meta_keys.h"
#include "tests/engine/recorded_stream.h"
#include "tests/engine/test_storage.h"

namespace tallymark {
namespace {

std::unique_ptr<Inspector> MustInspect(const std::string& data_dir) {
  Result<std::unique_ptr<Inspector>> inspector = Inspector::Open(data_dir);
  EXPECT_TRUE(inspector.ok()) << inspector.status().message();
  return inspector.ok() ? std::move(*inspector) : nullptr;
}

std::multiset<std::string> DumpEvents(Inspector* inspector, const InspectRange& range = {}) {
  std::multiset<std::string> events;
  Status read = inspector->ForEachEvent(range, [&](const RawEvent& e) {
    events.insert(TextOf(e));
    return true;
  });
  EXPECT_TRUE(read.ok()) << read.message();
  return events;
}

RecordedStream::Counts DumpCounters(Inspector* inspector, bool hours, const InspectRange& range = {}) {
  RecordedStream::Counts counts;
  std::tuple<std::string, int64_t, uint32_t> last;
  Status read = inspector->ForEachCounter(range, hours, [&](const CounterRecord& c) {
    const std::tuple<std::string, int64_t, uint32_t> place(c.ad_id, c.bucket_ms, c.filter_id);
    EXPECT_TRUE(counts.empty() || last < place) << "out of order at " << c.ad_id << " " << c.bucket_ms;
    EXPECT_EQ(c.is_hour, hours);
    last = place;
    counts[{c.ad_id, static_cast<int32_t>(FloorDiv(c.bucket_ms, hours ? kMsPerHour : kMsPerMinute))}] =
        c.sums;
    return true;
  });
  EXPECT_TRUE(read.ok()) << read.message();
  return counts;
}

struct IdentityCount {
  size_t sealed = 0, unsealed = 0, different = 0;
};

IdentityCount DumpIdentities(Inspector* inspector, const InspectRange& range = {}) {
  IdentityCount count;
  std::set<std::string> different;
  Status read = inspector->ForEachIdentity(range, [&](const IdentityRecord& i) {
    EXPECT_EQ(i.id_hex.size(), 32U);
    different.insert(i.id_hex);
    ++(i.sealed ? count.sealed : count.unsealed);
    return true;
  });
  EXPECT_TRUE(read.ok()) << read.message();
  count.different = different.size();
  return count;
}

// How many distinct users there are, by (ad, hour).
std::map<std::pair<std::string, int32_t>, size_t> DumpUsers(Inspector* inspector) {
  std::map<std::pair<std::string, int32_t>, size_t> users;
  std::pair<std::string, int64_t> last;
  Status read = inspector->ForEachDistinct({}, [&](const DistinctRecord& d) {
    EXPECT_TRUE(users.empty() || last < std::pair(d.ad_id, d.bucket_ms)) << "out of order at " << d.ad_id;
    EXPECT_TRUE(d.users.exact && d.complete);
    last = {d.ad_id, d.bucket_ms};
    users[{d.ad_id, static_cast<int32_t>(FloorDiv(d.bucket_ms, kMsPerHour))}] =
        static_cast<size_t>(d.users.count);
    return true;
  });
  EXPECT_TRUE(read.ok()) << read.message();
  return users;
}

void ExpectHolds(const std::string& data_dir, const RecordedStream& stream) {
  std::unique_ptr<Inspector> inspector = MustInspect(data_dir);
  ASSERT_NE(inspector, nullptr);
  EXPECT_EQ(DumpEvents(inspector.get()), stream.events());
  EXPECT_EQ(DumpCounters(inspector.get(), false), stream.minutes());
  EXPECT_EQ(DumpCounters(inspector.get(), true), stream.Hours());
  std::map<std::pair<std::string, int32_t>, size_t> users;
  for (const auto& [hour, set] : stream.users()) users[hour] = set.size();
  EXPECT_EQ(DumpUsers(inspector.get()), users);
  const IdentityCount identities = DumpIdentities(inspector.get());
  EXPECT_EQ(identities.different, stream.events().size());
  EXPECT_EQ(identities.sealed + identities.unsealed, stream.events().size());
  std::set<std::string> ads;
  uint32_t next = 0;
  ASSERT_TRUE(inspector
                  ->ForEachAd([&](const AdRecord& ad) {
                    EXPECT_EQ(ad.number, next++);
                    ads.insert(ad.ad_id);
                    return true;
                  })
                  .ok());
  EXPECT_EQ(ads, stream.ads());
}

// Every file with its size and time of change.
std::set<std::tuple<std::string, uintmax_t, int64_t>> Files(const std::string& directory) {
  std::set<std::tuple<std::string, uintmax_t, int64_t>> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    const auto changed = entry.last_write_time().time_since_epoch().count();
    files.emplace(entry.path().string(), entry.is_regular_file() ? entry.file_size() : 0, changed);
  }
  return files;
}

class InspectTest : public ::testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }
  std::string Data() const { return Path("data"); }
  void Open() { engine_ = MustOpen(QuietOptions(Data(), &clock_)); }
  void Append(int count) {
    AppendOutcome outcome = AppendLines(engine_.get(), stream_.Lines(count));
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
    ASSERT_EQ(outcome.accepted, static_cast<uint64_t>(count));
  }

  TempDirectory directory_;
  ManualClock clock_{kStreamStart + 12 * kNsPerHour};
  RecordedStream stream_{20210101};
  std::unique_ptr<Engine> engine_;
};

TEST_F(InspectTest, ALiveDirectoryShowsWhatWasAcknowledged) {
  Open();
  Append(500);
  ExpectHolds(Data(), stream_);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  ExpectHolds(Data(), stream_);
  Append(700);
  ExpectHolds(Data(), stream_);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  Append(20);
  ExpectHolds(Data(), stream_);
  Append(20);
  EXPECT_TRUE(engine_->Close().ok()) << "being looked at must not disturb the owner";
}

TEST_F(InspectTest, AStoppedDirectoryShowsEverything) {
  Open();
  Append(1500);
  ASSERT_TRUE(engine_->Close().ok());
  engine_.reset();
  ExpectHolds(Data(), stream_);
  Open();
  Append(300);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  engine_.reset();
  ExpectHolds(Data(), stream_);
}

TEST_F(InspectTest, ACrashImageShowsTheLogBeyondTheCheckpoint) {
  Open();
  Append(400);
  CopyWhenIdle(*engine_, Data(), Path("before"));
  RecordedStream before = stream_;
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Append(400);
  CopyWhenIdle(*engine_, Data(), Path("after"));
  ExpectHolds(Path("before"), before);
  ExpectHolds(Path("after"), stream_);
  std::unique_ptr<Inspector> inspector = MustInspect(Path("after"));
  const IdentityCount identities = DumpIdentities(inspector.get());
  EXPECT_GT(identities.sealed, 0U);
  EXPECT_GT(identities.unsealed, 0U);
}

TEST_F(InspectTest, NothingInTheDirectoryChanges) {
  Open();
  Append(300);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Append(300);
  CopyWhenIdle(*engine_, Data(), Path("image"));
  engine_.reset();
  for (const std::string& path : {Path("image"), Data()}) {
    const auto files = Files(path);
    ExpectHolds(path, stream_);
    ASSERT_TRUE(MustInspect(path)->Verify({}).ok());
    EXPECT_EQ(Files(path), files);
  }
}

TEST_F(InspectTest, RangesAndAdsChoose) {
  Open();
  Append(800);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Append(800);
  std::unique_ptr<Inspector> inspector = MustInspect(Data());
  InspectRange range;
  range.ad_id = "ad3";
  range.from_ns = kStreamStart - 30 * kNsPerMinute;
  range.to_ns = kStreamStart + 90 * kNsPerMinute;
  RecordedStream::Counts minutes, hours;
  for (const auto& [place, sums] : stream_.minutes()) {
    const int64_t start = place.second * kNsPerMinute;
    if (place.first == "ad3" && start >= range.from_ns && start < range.to_ns) minutes[place] = sums;
  }
  for (const auto& [place, sums] : stream_.Hours()) {
    const int64_t start = place.second * kNsPerHour;
    if (place.first == "ad3" && start >= range.from_ns && start < range.to_ns) hours[place] = sums;
  }
  ASSERT_FALSE(minutes.empty());
  EXPECT_EQ(DumpCounters(inspector.get(), false, range), minutes);
  EXPECT_EQ(DumpCounters(inspector.get(), true, range), hours);
  __int128 events = 0;
  for (const auto& [place, sums] : minutes) {
    for (Metric m : {Metric::kImpressions, Metric::kClicks, Metric::kConversions}) events += sums[m];
  }
  EXPECT_TRUE(events == DumpEvents(inspector.get(), range).size());
  range.ad_id = "never seen";
  EXPECT_TRUE(DumpEvents(inspector.get(), range).empty());
  EXPECT_TRUE(DumpCounters(inspector.get(), false, range).empty());
  EXPECT_EQ(DumpIdentities(inspector.get(), range).different, 0U);
}

TEST_F(InspectTest, EmitEndsTheListing) {
  Open();
  Append(200);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Append(200);
  std::unique_ptr<Inspector> inspector = MustInspect(Data());
  int calls = 0;
  auto third = [&](const auto&...) { return ++calls % 3 != 0; };
  EXPECT_TRUE(inspector->ForEachEvent({}, third).ok());
  EXPECT_TRUE(inspector->ForEachCounter({}, false, third).ok());
  EXPECT_TRUE(inspector->ForEachCounter({}, true, third).ok());
  EXPECT_TRUE(inspector->ForEachIdentity({}, third).ok());
  EXPECT_TRUE(inspector->ForEachAd(third).ok());
  EXPECT_EQ(calls, 15);
}

TEST_F(InspectTest, WhatRetentionTookIsNotShown) {
  Open();
  Append(600);
  engine_.reset();
  EngineOptions options = QuietOptions(Data(), &clock_);
  // The clock stands at 12:00: 12 h keep from 23:00 of the day before on (an hour more than asked).
  options.retain_minutes_ms = 12 * kMsPerHour;
  options.retain_hours_ms = 13 * kMsPerHour;
  options.retain_raw_ms = 13 * kMsPerHour;
  options.dedup_window_ms = kMsPerHour;
  engine_ = MustOpen(options);
  ASSERT_TRUE(engine_->CompactAll(true).ok());
  engine_.reset();
  std::unique_ptr<Inspector> inspector = MustInspect(Data());
  const int32_t minutes_from = HourOf(kStreamStart) - 1;
  const int32_t hours_from = HourOf(kStreamStart) - 2;
  RecordedStream::Counts minutes, hours;
  __int128 events = 0;
  for (const auto& [place, sums] : stream_.minutes()) {
    if (HourOfMinute(place.second) >= minutes_from) minutes[place] = sums;
  }
  for (const auto& [place, sums] : stream_.Hours()) {
    if (place.second < hours_from) continue;
    hours[place] = sums;
    events += sums[Metric::kImpressions] + sums[Metric::kClicks] + sums[Metric::kConversions];
  }
  EXPECT_LT(hours.size(), stream_.Hours().size());
  EXPECT_EQ(DumpCounters(inspector.get(), false), minutes);
  EXPECT_EQ(DumpCounters(inspector.get(), true), hours);
  EXPECT_TRUE(events == DumpEvents(inspector.get()).size());
  EXPECT_TRUE(events == DumpIdentities(inspector.get()).different);
}

TEST_F(InspectTest, MetaTellsPositionsAndCounts) {
  Open();
  Append(100);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Result<std::vector<std::pair<std::string, std::string>>> meta = MustInspect(Data())->Meta();
  ASSERT_TRUE(meta.ok());
  std::map<std::string, std::string> values(meta->begin(), meta->end());
  EXPECT_EQ(values["format_version"], std::to_string(kFormatVersion));
  EXPECT_EQ(values["events"], "100");
  EXPECT_EQ(values["live"], "true");
  EXPECT_EQ(values["last_sequence"], values["counters_position"]);
  EXPECT_EQ(values["raw_kept"], "keeps everything");
}

TEST_F(InspectTest, ANewerFormatIsRefused) {
  Open();
  engine_.reset();
  WriteMetaFormatVersion(Data(), kFormatVersion + 1);
  Status refused = Inspector::Open(Data()).status();
  EXPECT_EQ(refused.code(), Code::kInvalid);
  EXPECT_NE(refused.message().find("format version " + std::to_string(kFormatVersion + 1)), std::string::npos)
      << refused.message();
}

TEST_F(InspectTest, AFolderWithoutDataIsNotFound) {
  std::filesystem::create_directories(Data());
  EXPECT_EQ(Inspector::Open(Data()).status().code(), Code::kNotFound);
  EXPECT_EQ(Inspector::Open(Path("nowhere")).status().code(), Code::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(Data()));
  EXPECT_FALSE(std::filesystem::exists(Path("nowhere")));
}

TEST_F(InspectTest, TheOwnerIsSeenInThisProcessAndInOthers) {
  Open();
  EXPECT_TRUE(*IsDirectoryHeld(Data()));
  EXPECT_TRUE(*IsDirectoryHeld(Data())) << "asking must not let the lock go";
  engine_.reset();
  EXPECT_FALSE(*IsDirectoryHeld(Data()));

  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const std::string lock_path = LockPath(Data());
  const pid_t child = ::fork();
  if (child == 0) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    const int file = ::open(lock_path.c_str(), O_RDWR);
    char byte = ::fcntl(file, F_SETLK, &lock) == 0 ? 'y' : 'n';
    const bool told = ::write(ready[1], &byte, 1) == 1 && ::read(done[0], &byte, 1) == 1;
    ::_exit(told ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  EXPECT_TRUE(*IsDirectoryHeld(Data()));
  ASSERT_EQ(::write(done[1], &byte, 1), 1);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(*IsDirectoryHeld(Data()));
  for (int fd : {ready[0], ready[1], done[0], done[1]}) ::close(fd);
}

}  // namespace
}  // namespace tallymark
