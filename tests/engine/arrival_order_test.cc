// One set of events in many orders of arrival, batchings, resends and crashes: every counter and
// every answer is the same.

#include <algorithm>
#include <random>

#include "tests/engine/recorded_stream.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

std::vector<std::string> SplitLines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = text.find('\n', begin) + 1;
    lines.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return lines;
}

void AppendSums(const MetricSums& sums, std::string* text) {
  for (__int128 value : sums.value) *text += " " + std::to_string(static_cast<int64_t>(value));
  *text += "\n";
}

// Whatever can be asked of an engine, as one text.
class Answers {
 public:
  Answers(const Engine* engine, const std::set<std::string>& ads) : engine_(engine) {
    for (const std::string& ad : ads) AddAd(ad);
    for (int m = 0; m < kMetricCount; ++m) {
      for (const int32_t length : {1, 17, 60, 61, 800}) AddTop(static_cast<Metric>(m), length);
    }
    text_ += "stored " + std::to_string(engine->Stats().events_stored);
    text_ += " ads " + std::to_string(engine->Stats().ads);
    text_ += " watermark " + std::to_string(engine->WatermarkMs().value_or(-1)) + "\n";
  }
  const std::string& text() const { return text_; }

 private:
  static constexpr int64_t kFrom = kStreamStart - kNsPerDay;
  static constexpr int64_t kTo = kStreamStart + kNsPerDay;

  template <class Value>
  static Value Must(const Result<Value>& result) {
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? *result : Value();
  }
  void AddAd(const std::string& ad) {
    text_ += "ad " + ad + "\n";
    const MinuteRange range{MinuteOf(kFrom), MinuteOf(kTo)};
    AppendSums(Must(engine_->Totals(ad, 0, range)), &text_);
    for (const MetricSums& point : Must(engine_->Series(ad, 0, range, 1, 0))) {
      if (!point.IsZero()) AppendSums(point, &text_);
    }
    for (const MetricSums& point : Must(engine_->Series(ad, 0, range, 60, 180))) AppendSums(point, &text_);
    for (const RawEvent& event : Must(engine_->Events(ad, kFrom, kTo, 10'000, "")).events)
      text_ += TextOf(event) + "\n";
    SessionQuery query;
    query.from_ns = kFrom;
    query.to_ns = kTo;
    for (const Session& s : Must(engine_->Sessions(ad, query)).sessions) {
      text_ += s.key + " " + std::to_string(s.start_ns) + " " + std::to_string(s.end_ns) + " " +
               std::to_string(s.clicks) + "\n";
    }
  }
  void AddTop(Metric metric, int32_t length) {
    const int32_t begin = MinuteOf(kStreamStart) - length / 2;
    const TopList top = Must(engine_->PopularAds(0, metric, {begin, begin + length}, 1000));
    for (size_t i = 0; i < top.ad_ids.size(); ++i)
      text_ += top.ad_ids[i] + " " + std::to_string(top.amounts[i]) + "\n";
  }

  const Engine* const engine_;
  std::string text_;
};

class ArrivalOrderTest : public ::testing::Test {
 protected:
  uint64_t Below(uint64_t bound) { return random_() % bound; }
  std::string Path(const std::string& name) const { return directory_.path() + "/" + name; }

  void Append(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) text += line;
    if (text.empty()) return;
    AppendOutcome outcome = AppendLines(engine_.get(), text);
    ASSERT_TRUE(outcome.status.ok()) << outcome.status.message();
    ASSERT_EQ(outcome.accepted + outcome.duplicates, lines.size());
    accepted_ += outcome.accepted;
  }

  // What a power cut at this moment would leave is opened in the place of the engine.
  void Crash() {
    const std::string image = Path("image" + std::to_string(++images_));
    CopyWhenIdle(*engine_, options_.data_dir, image);
    engine_.reset();
    std::filesystem::remove_all(options_.data_dir);
    options_.data_dir = image;
    engine_ = MustOpen(options_);
  }

  void Disturb() {
    switch (Below(30)) {
      case 0:
        return Crash();
      case 1:
        engine_.reset();
        engine_ = MustOpen(options_);
        return;
      case 2:
        ASSERT_TRUE(engine_->CompactAll(Below(2) == 0).ok());
        return;
      case 3:
        ASSERT_TRUE(engine_->Recompute(kStreamStart - 2 * kNsPerHour, kStreamStart + kNsPerHour, {}).ok());
        return;
      case 4:
      case 5:
        ASSERT_TRUE(engine_->Checkpoint().ok());
        return;
      default:
        return;
    }
  }

  // Every line at least once, in any order and portions, some of them again.
  std::string AnswersAfterAnyOrder(std::vector<std::string> lines, const std::set<std::string>& ads) {
    options_ = QuietOptions(Path("data" + std::to_string(++images_)), &clock_);
    engine_ = MustOpen(options_);
    accepted_ = 0;
    const size_t events = lines.size();
    for (size_t resends = Below(events); resends > 0; --resends) lines.push_back(lines[Below(events)]);
    std::shuffle(lines.begin(), lines.end(), random_);
    const uint64_t largest = Below(3) == 0 ? 4 : 300;
    for (size_t begin = 0; begin < lines.size() && !HasFatalFailure();) {
      const size_t end = std::min(lines.size(), begin + 1 + Below(largest));
      Append({lines.begin() + static_cast<ptrdiff_t>(begin), lines.begin() + static_cast<ptrdiff_t>(end)});
      begin = end;
      Disturb();
    }
    EXPECT_EQ(accepted_, events) << "seed " << seed_;
    std::string answers = Answers(engine_.get(), ads).text();
    engine_.reset();
    std::filesystem::remove_all(options_.data_dir);
    return answers;
  }

  const uint64_t seed_ = TestSeed();
  std::mt19937_64 random_{seed_};
  TempDirectory directory_;
  ManualClock clock_{kStreamStart + 12 * kNsPerHour};
  EngineOptions options_;
  std::unique_ptr<Engine> engine_;
  uint64_t accepted_ = 0;
  int images_ = 0;
};

TEST_F(ArrivalOrderTest, NoOrderBatchingResendOrCrashChangesAnAnswer) {
  RecordedStream stream(seed_);
  const std::vector<std::string> lines = SplitLines(stream.Lines(700, 8));
  options_ = QuietOptions(Path("first"), &clock_);
  engine_ = MustOpen(options_);
  Append(lines);
  const std::string expected = Answers(engine_.get(), stream.ads()).text();
  engine_.reset();
  for (int trial = 0; trial < 8 && !HasFatalFailure(); ++trial) {
    ASSERT_EQ(AnswersAfterAnyOrder(lines, stream.ads()), expected) << "seed " << seed_ << " trial " << trial;
  }
}

}  // namespace
}  // namespace tallymark
