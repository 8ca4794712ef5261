#include "engine/pipeline.h"

#include <algorithm>
#include <future>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <utility>

#include "engine/conversion_joiner.h"
#include "engine/event_reader.h"
#include "engine/learned_ads.h"
#include "engine/meta_keys.h"
#include "format/keys.h"
#include "format/time_units.h"
#include "tests/engine/faulty_file_system.h"
#include "tests/engine/test_storage.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int64_t kStart = 1'609'459'200LL * kNsPerSecond;  // 2021-01-01T00:00:00Z
constexpr int32_t kMinute = MinuteOf(kStart);

std::string Click(const std::string& ad, const std::string& id, int64_t time_ns = kStart) {
  return "click,ad_id=" + ad + " event_id=\"" + id + "\" " + std::to_string(time_ns) + "\n";
}
std::string Clicks(int first, int count) {
  std::string lines;
  for (int i = first; i < first + count; ++i) lines += Click("a", std::to_string(i));
  return lines;
}

struct Answer {
  Status status;
  std::vector<SegmentTally> tallies;
};

class PipelineTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(LogState{}); }

  void Start(const LogState& state) {
    joiner_.reset();  // it holds identities of the former index
    ads_ = std::make_unique<AdTable>();
    identities_ = std::make_unique<IdentityIndex>(
        storage_.get(), IdentityIndexOptions{kNsPerDay, 16 << 20}, [](const Hash128&, const IdentityPlace&) {
          return Result<std::vector<int64_t>>(std::vector<int64_t>());
        });
    counters_ = std::make_unique<CounterView>(storage_.get(), storage_.retention());
    ASSERT_TRUE(ads_->Load(*storage_.get(), state.ads).ok());
    events_ = std::make_unique<EventReader>(storage_.get(), ads_.get());
    learned_ = std::make_unique<LearnedAds>(storage_.get());
    joiner_ = std::make_unique<ConversionJoiner>(storage_.get(), ads_.get(), identities_.get(), events_.get(),
                                                 ConversionOptions());
    ASSERT_TRUE(learned_->Load().ok());
    ASSERT_TRUE(joiner_->Load().ok());
    Pipeline::Parts parts;
    parts.storage = storage_.get();
    parts.ads = ads_.get();
    parts.identities = identities_.get();
    parts.counters = counters_.get();
    parts.learned = learned_.get();
    parts.joiner = joiner_.get();
    parts.figures = &figures_;
    pipeline_ = std::make_unique<Pipeline>(parts, state, 2, [this](const Status& status) {
      failures_.fetch_add(1);
      failure_ = status;
    });
  }

  std::future<Answer> Append(std::shared_ptr<const EventChunk> chunk) {
    auto promise = std::make_shared<std::promise<Answer>>();
    AppendRequest request;
    request.chunk = std::move(chunk);
    request.done = [promise](const Status& status, std::span<const SegmentTally> tallies) {
      promise->set_value({status, {tallies.begin(), tallies.end()}});
    };
    std::future<Answer> answer = promise->get_future();
    pipeline_->Append(std::move(request));
    return answer;
  }
  Answer AppendAndWait(const std::string& lines) { return Append(ParseLines(lines)).get(); }
  // Waits until a mark has gone through and returns what `at_mark` saw, or why it was abandoned.
  template <class AtMark>
  Status Mark(AtMark at_mark, bool switch_generation = false) {
    std::promise<Status> through;
    Pipeline::Mark mark;
    mark.switch_generation = switch_generation;
    mark.at_mark = [&] {
      at_mark();
      through.set_value(Status::Ok());
    };
    mark.abandoned = [&](const Status& status) { through.set_value(status); };
    pipeline_->Send(std::move(mark));
    return through.get_future().get();
  }
  void WaitUntilSequenced(int identities) {
    for (;;) {
      {
        auto lock = identities_->Lock();
        if (std::cmp_greater_equal(identities_->live_size(), identities)) return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  // How many batches so many requests of so many events each become while the committer stands in a mark.
  uint64_t BatchesWhileHeld(int requests, int events) {
    std::promise<void> held, let_go;
    auto mark = std::async(std::launch::async, [&] {
      return Mark([&] {
        held.set_value();
        let_go.get_future().wait();
      });
    });
    held.get_future().wait();
    std::vector<std::future<Answer>> answers;
    for (int i = 0; i < requests; ++i) {
      answers.push_back(Append(ParseLines(Clicks(i * events, events))));
      WaitUntilSequenced((i + 1) * events);
    }
    let_go.set_value();
    EXPECT_TRUE(mark.get().ok());
    for (auto& answer : answers) EXPECT_TRUE(answer.get().status.ok());
    EXPECT_EQ(Counted("a"), requests * events);
    return figures_.batches.load();
  }
  int64_t Counted(const std::string& ad) {
    std::optional<uint32_t> number = ads_->Find(ad);
    if (!number) return 0;
    MetricSums sums;
    EXPECT_TRUE(counters_->Sum(*number, 0, {kMinute, kMinute + 24 * 60}, &sums).ok());
    return static_cast<int64_t>(sums[Metric::kClicks]);
  }

  std::shared_ptr<FaultyFileSystem> file_system_ = std::make_shared<FaultyFileSystem>();
  TestStorage storage_{file_system_};
  PipelineFigures figures_;
  std::unique_ptr<AdTable> ads_;
  std::unique_ptr<IdentityIndex> identities_;
  std::unique_ptr<CounterView> counters_;
  std::unique_ptr<EventReader> events_;
  std::unique_ptr<LearnedAds> learned_;
  std::unique_ptr<ConversionJoiner> joiner_;
  std::atomic<int> failures_{0};
  Status failure_;
  std::unique_ptr<Pipeline> pipeline_;  // last: its threads use what stands above
};

TEST_F(PipelineTest, WhatIsAnsweredIsInTheLogCountedAndInTheState) {
  Answer answer = AppendAndWait(Click("a", "1") + Click("b", "2", kStart + kNsPerHour) + Click("a", "1"));
  ASSERT_TRUE(answer.status.ok()) << answer.status.message();
  ASSERT_EQ(answer.tallies.size(), 1U);
  EXPECT_EQ(answer.tallies[0].accepted, 2U);
  EXPECT_EQ(answer.tallies[0].duplicates, 1U);
  EXPECT_EQ(Counted("a"), 1);
  EXPECT_EQ(Counted("b"), 1);
  EXPECT_GE(storage_.CountKeys(Family::kRaw), 1U);
  EXPECT_EQ(storage_.CountKeys(Family::kRaw), storage_.CountKeys(Family::kRawHours));
  ASSERT_TRUE(Mark([] {}).ok());  // the state is published with the answers, a mark comes after it
  LogState state = pipeline_->state();
  EXPECT_EQ(state.events, 2U);
  EXPECT_EQ(state.ads, 2U);
  EXPECT_EQ(state.newest_ns, kStart + kNsPerHour);
  EXPECT_EQ(state.last_sequence, storage_.CountKeys(Family::kRaw));
  LogState stored;
  ASSERT_TRUE(stored.Decode(*storage_->Get(Family::kMeta, kMetaLogState)));
  EXPECT_EQ(stored.Encode(), state.Encode());
}

TEST_F(PipelineTest, EverySegmentOfAChunkHasATallyOfItsOwn) {
  auto chunk = std::make_shared<EventChunk>(*ParseLines(Clicks(0, 5) + Clicks(0, 3)));
  chunk->segments = {{2, 0}, {2, 0}, {6, 0}, {8, 0}};
  Answer answer = Append(chunk).get();
  ASSERT_EQ(answer.tallies.size(), 4U);
  const std::pair<uint64_t, uint64_t> expected[] = {{2, 0}, {0, 0}, {3, 1}, {0, 2}};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(answer.tallies[i].accepted, expected[i].first) << i;
    EXPECT_EQ(answer.tallies[i].duplicates, expected[i].second) << i;
  }
}

TEST_F(PipelineTest, AnswersComeInTheOrderOfTheAppends) {
  std::vector<int> order;
  std::promise<void> all;
  constexpr int kAppends = 500;
  for (int i = 0; i < kAppends; ++i) {
    AppendRequest request;
    request.chunk = ParseLines(Clicks(i * 10, i % 7 == 0 ? 900 : 3));
    request.done = [&, i](const Status& status, std::span<const SegmentTally>) {
      EXPECT_TRUE(status.ok());
      order.push_back(i);  // by the committer only
      if (i == kAppends - 1) all.set_value();
    };
    pipeline_->Append(std::move(request));
  }
  all.get_future().wait();
  ASSERT_EQ(order.size(), static_cast<size_t>(kAppends));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST_F(PipelineTest, SequencesInTheLogHaveNoGaps) {
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 200; ++i) answers.push_back(Append(ParseLines(Clicks(i * 100, 100))));
  for (auto& a : answers) ASSERT_TRUE(a.get().status.ok());
  std::unique_ptr<rocksdb::Iterator> it(
      storage_.db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kRaw)));
  uint64_t expected = 1;
  for (it->SeekToFirst(); it->Valid(); it->Next(), ++expected) {
    RawKey key;
    ASSERT_TRUE(RawKey::Decode(ToView(it->key()), &key));
    ASSERT_EQ(key.sequence, expected);
  }
  ASSERT_TRUE(Mark([] {}).ok());
  EXPECT_EQ(pipeline_->state().last_sequence, expected - 1);
}

// The sequencer rests after a crowded batch. Bursts of all sizes, some larger than what wakes it, are
// answered all the same, in fewer batches than requests, and a mark goes through among them.
TEST_F(PipelineTest, BurstsOfSmallRequestsShareBatchesAndAreAllAnswered) {
  std::mt19937_64 random(TestSeed());
  int sent = 0;
  for (int burst = 0; burst < 60; ++burst) {
    const int size = burst % 10 == 0 ? 700 : 1 + static_cast<int>(random() % 40);
    std::vector<std::future<Answer>> answers;
    for (int i = 0; i < size; ++i) answers.push_back(Append(ParseLines(Clicks(sent++, 1))));
    if (burst % 3 == 0) {
      ASSERT_TRUE(Mark([] {}).ok());
    }
    for (std::future<Answer>& answer : answers) {
      const Answer got = answer.get();
      ASSERT_TRUE(got.status.ok()) << got.status.message();
      ASSERT_EQ(got.tallies.at(0).accepted, 1U);
    }
  }
  EXPECT_EQ(figures_.accepted, static_cast<uint64_t>(sent));
  EXPECT_LT(figures_.batches, static_cast<uint64_t>(sent) / 2);
  pipeline_->Stop();
}

// The mark is one of two on their way, so the first request is the other.
TEST_F(PipelineTest, SmallRequestsGatherWhileTheCommitterIsBusy) { EXPECT_EQ(BatchesWhileHeld(20, 1), 2); }

// Two, and one for each of two encoders; the mark is one of them. What comes then gathers.
TEST_F(PipelineTest, EveryEncoderHasABatchWhileTheCommitterIsBusy) {
  EXPECT_EQ(BatchesWhileHeld(5, 16 * 1024), 4);
}

TEST_F(PipelineTest, DuplicatesAloneWriteNothingAndAreAnswered) {
  AppendAndWait(Clicks(0, 10));
  const size_t blocks = storage_.CountKeys(Family::kRaw);
  Answer answer = AppendAndWait(Clicks(0, 10));
  ASSERT_TRUE(answer.status.ok());
  EXPECT_EQ(answer.tallies[0].duplicates, 10U);
  EXPECT_EQ(storage_.CountKeys(Family::kRaw), blocks);
  EXPECT_EQ(Counted("a"), 10);
}

TEST_F(PipelineTest, AnEmptyChunkIsAnswered) {
  auto chunk = std::make_shared<EventChunk>();
  chunk->segments = {{0, 0}};
  Answer answer = Append(chunk).get();
  EXPECT_TRUE(answer.status.ok());
  EXPECT_EQ(answer.tallies.size(), 1U);
}

TEST_F(PipelineTest, ANewStartGoesOnWhereTheLogEnded) {
  AppendAndWait(Click("a", "1") + Click("b", "2"));
  pipeline_->Stop();
  LogState state = pipeline_->state();
  pipeline_.reset();
  Start(state);
  EXPECT_EQ(ads_->Find("b"), std::optional<uint32_t>(1));
  AppendAndWait(Click("c", "3") + Click("b", "4"));
  ASSERT_TRUE(Mark([] {}).ok());
  EXPECT_GT(pipeline_->state().last_sequence, state.last_sequence);
  EXPECT_EQ(pipeline_->state().events, 4U);
  AdTable again;
  EXPECT_TRUE(again.Load(*storage_.get(), 3).ok());
  EXPECT_EQ(again.Name(2), "c");
}

TEST_F(PipelineTest, AMarkComesAfterWhatWasAnsweredAndBeforeWhatFollows) {
  for (int round = 1; round <= 50; ++round) {
    ASSERT_TRUE(AppendAndWait(Clicks(round * 10, 10)).status.ok());
    uint64_t events = 0;
    int64_t counted = 0;
    ASSERT_TRUE(Mark([&] {
                  events = pipeline_->state().events;
                  counted = Counted("a");
                }).ok());
    EXPECT_EQ(events, static_cast<uint64_t>(round) * 10);
    EXPECT_EQ(counted, round * 10);
  }
}

TEST_F(PipelineTest, AMarkUnderLoadSeesWhatIsCountedAndStateAgree) {
  std::vector<std::future<Answer>> answers;
  for (int i = 0; i < 300; ++i) {
    answers.push_back(Append(ParseLines(Clicks(i * 50, 50))));
    if (i % 30 != 29) continue;
    uint64_t events = 0;
    int64_t counted = 0;
    ASSERT_TRUE(Mark([&] {
                  events = pipeline_->state().events;
                  counted = Counted("a");
                }).ok());
    EXPECT_EQ(static_cast<int64_t>(events), counted);
  }
  for (auto& a : answers) ASSERT_TRUE(a.get().status.ok());
}

TEST_F(PipelineTest, AMarkMaySwitchTheGenerationAndEverythingBeforeItIsDurableThen) {
  ASSERT_TRUE(AppendAndWait(Clicks(0, 100)).status.ok());
  uint32_t frozen = 0;
  bool durable = true;
  ASSERT_TRUE(Mark(
                  [&] {
                    auto lock = identities_->Lock();
                    const IdentityGeneration& generation = *identities_->frozen().generation;
                    frozen = generation.size();
                    generation.ForEach([&](uint32_t number, const LiveIdentity&) {
                      durable = durable && (generation.Sequence(number) & IdentityGeneration::kUnderway) == 0;
                    });
                  },
                  true)
                  .ok());
  EXPECT_EQ(frozen, 100U);
  EXPECT_TRUE(durable);
  EXPECT_EQ(AppendAndWait(Clicks(50, 100)).tallies[0].duplicates, 50U);
  auto lock = identities_->Lock();
  EXPECT_EQ(identities_->live_size(), 50U);
}

TEST_F(PipelineTest, DrainAnswersWhatCameAndRefusesWhatFollowsButLetsMarksThrough) {
  std::vector<std::future<Answer>> before;
  for (int i = 0; i < 100; ++i) before.push_back(Append(ParseLines(Clicks(i * 100, 100))));
  pipeline_->Drain();
  for (auto& a : before) EXPECT_TRUE(a.get().status.ok());
  EXPECT_EQ(AppendAndWait(Clicks(0, 1)).status.code(), Code::kUnavailable);
  EXPECT_TRUE(Mark([] {}).ok());
  EXPECT_EQ(figures_.pending_chunks.load(), 0U);
  EXPECT_EQ(figures_.pending_bytes.load(), 0U);
  EXPECT_EQ(Counted("a"), 10'000);
}

TEST_F(PipelineTest, DrainEndsWhileOthersGoOnAppending) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<bool> done{false};
    std::vector<std::thread> senders;
    for (int t = 0; t < 3; ++t) {
      senders.emplace_back([&] {
        auto chunk = ParseLines(Clicks(0, 1));
        while (!done.load()) (void)Append(chunk).get();
      });
    }
    pipeline_->Drain();
    done = true;
    for (std::thread& t : senders) t.join();
    pipeline_->Stop();
    LogState state = pipeline_->state();
    pipeline_.reset();
    Start(state);
  }
}

TEST_F(PipelineTest, StopAnswersEverythingAndThenRefuses) {
  std::vector<std::future<Answer>> before;
  for (int i = 0; i < 50; ++i) before.push_back(Append(ParseLines(Clicks(i * 100, 100))));
  pipeline_->Stop();
  for (auto& a : before) EXPECT_TRUE(a.get().status.ok());
  EXPECT_EQ(Counted("a"), 5000);
  EXPECT_EQ(AppendAndWait(Clicks(0, 1)).status.code(), Code::kUnavailable);
  EXPECT_EQ(Mark([] {}).code(), Code::kUnavailable);
  pipeline_->Stop();
  EXPECT_EQ(failures_.load(), 0);
}

TEST_F(PipelineTest, AFailedCommitFailsEverythingFromThereOnAndIsToldOnce) {
  ASSERT_TRUE(AppendAndWait(Clicks(0, 10)).status.ok());
  ASSERT_TRUE(Mark([] {}).ok());
  const LogState before = pipeline_->state();
  file_system_->FailLogSyncs(true);
  std::vector<std::future<Answer>> failed;
  for (int i = 0; i < 20; ++i) failed.push_back(Append(ParseLines(Clicks(100 + i * 10, 10))));
  for (auto& a : failed) {
    Answer answer = a.get();
    EXPECT_EQ(answer.status.code(), Code::kUnavailable);
    EXPECT_TRUE(answer.tallies.empty()) << "nothing may be taken for stored";
  }
  file_system_->FailLogSyncs(false);
  EXPECT_EQ(AppendAndWait(Clicks(500, 1)).status.code(), Code::kUnavailable)
      << "it does not recover by itself";
  bool ran = false;
  EXPECT_FALSE(Mark([&] { ran = true; }).ok());
  EXPECT_FALSE(ran);
  EXPECT_EQ(pipeline_->state().Encode(), before.Encode());
  EXPECT_EQ(Counted("a"), 10) << "what was not acknowledged is not counted";
  pipeline_->Drain();
  pipeline_->Stop();
  EXPECT_EQ(failures_.load(), 1);
  EXPECT_FALSE(failure_.ok());
  EXPECT_EQ(figures_.pending_chunks.load(), 0U);
}

TEST_F(PipelineTest, ManySendersOfTheSameEventsCountEachOnce) {
  constexpr int kSenders = 4;
  constexpr int kEvents = 20'000;
  const uint64_t seed = TestSeed();
  std::atomic<uint64_t> accepted{0};
  std::atomic<uint64_t> answered{0};
  std::vector<std::thread> senders;
  for (int t = 0; t < kSenders; ++t) {
    senders.emplace_back([&, t] {
      std::mt19937_64 random(seed + static_cast<uint64_t>(t));
      std::vector<std::future<Answer>> answers;
      for (int first = 0; first < kEvents;) {
        std::string lines;
        const int count = 1 + static_cast<int>(random() % 400);
        for (int i = first; i < std::min(kEvents, first + count); ++i)
          lines += Click("ad" + std::to_string(i % 50), std::to_string(i), kStart + i * 1000LL);
        first += count;
        answers.push_back(Append(ParseLines(lines)));
      }
      for (auto& a : answers) {
        Answer answer = a.get();
        ASSERT_TRUE(answer.status.ok());
        accepted += answer.tallies[0].accepted;
        answered += answer.tallies[0].accepted + answer.tallies[0].duplicates;
      }
    });
  }
  for (std::thread& t : senders) t.join();
  EXPECT_EQ(accepted.load(), static_cast<uint64_t>(kEvents));
  EXPECT_EQ(answered.load(), static_cast<uint64_t>(kEvents) * kSenders);
  for (int ad = 0; ad < 50; ++ad) EXPECT_EQ(Counted("ad" + std::to_string(ad)), kEvents / 50);
  EXPECT_EQ(figures_.accepted.load(), static_cast<uint64_t>(kEvents));
}

}  // namespace
}  // namespace tallymark
