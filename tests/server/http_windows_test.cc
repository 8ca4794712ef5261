// Windows over HTTP with random parameters, against a naive computation over the clicks sent.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "format/time_units.h"
#include "tests/format/seed.h"
#include "tests/server/test_server.h"

namespace tallymark {
namespace {

constexpr int64_t kStartMs = 1609459200000;  // 2021-01-01T00:00:00Z
constexpr int64_t kSpanMinutes = 6 * 60;

class HttpWindowsTest : public ServerTest {
 protected:
  struct Click {
    int64_t time_ms = 0;
    std::string user;
  };

  int64_t Below(int64_t bound) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(bound)); }

  void SendClicks(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      const Click click{kStartMs + Below(kSpanMinutes * 60) * 1000, "u" + std::to_string(Below(9))};
      clicks_.push_back(click);
      lines += "click,ad_id=w,user_id=" + click.user + " event_id=\"" + std::to_string(++number_) + "\" " +
               std::to_string(click.time_ms) + "000000\n";
    }
    SendAndSync(lines);
  }
  int64_t Naive(int64_t from_ms, int64_t to_ms) const {
    return std::count_if(clicks_.begin(), clicks_.end(),
                         [&](const Click& c) { return c.time_ms >= from_ms && c.time_ms < to_ms; });
  }
  // A random range in milliseconds, not aligned to anything.
  std::pair<int64_t, int64_t> RandomRange() {
    const int64_t from = kStartMs - 3'600'000 + Below((kSpanMinutes + 60) * 60'000);
    return {from, from + 1 + Below(kSpanMinutes * 60'000)};
  }
  static std::string RangeText(std::pair<int64_t, int64_t> range) {
    return "?from=" + std::to_string(range.first) + "&to=" + std::to_string(range.second);
  }

  void CheckSeries() {
    const auto range = RandomRange();
    const int64_t step = (1 + Below(90)) * (Below(3) == 0 ? 60 : 1);
    const int64_t window = Below(2) == 0 ? 0 : step + Below(500);
    std::string target = "/v1/ads/w/series" + RangeText(range) + "&step=" + std::to_string(step) + "m";
    if (window != 0) target += "&window=" + std::to_string(window);
    const boost::json::value json = Get(target).Json();
    const int64_t step_ms = step * kMsPerMinute;
    const int64_t from = FloorDiv(range.first, step_ms) * step_ms;
    ASSERT_EQ(json.at("from").as_int64(), from) << target;
    const auto& points = json.at("points").as_array();
    ASSERT_EQ(static_cast<int64_t>(points.size()), FloorDiv(range.second - 1 - from, step_ms) + 1) << target;
    for (size_t i = 0; i < points.size(); ++i) {
      const int64_t t = from + static_cast<int64_t>(i) * step_ms;
      const int64_t length = (window != 0 ? window : step) * kMsPerMinute;
      ASSERT_EQ(points[i].at("t").as_int64(), t);
      ASSERT_EQ(points[i].at("clicks").as_int64(), Naive(t + step_ms - length, t + step_ms))
          << "seed " << seed_ << " " << target << " point " << i;
    }
  }

  void CheckCount() {
    const auto range = RandomRange();
    const boost::json::value json = Get("/v1/ads/w/aggregated_cnt" + RangeText(range)).Json();
    const int64_t from = FloorDiv(range.first, kMsPerMinute) * kMsPerMinute;
    const int64_t to = (FloorDiv(range.second - 1, kMsPerMinute) + 1) * kMsPerMinute;
    ASSERT_EQ(json.at("from").as_int64(), from);
    ASSERT_EQ(json.at("to").as_int64(), to);
    ASSERT_EQ(json.at("count").as_int64(), Naive(from, to)) << "seed " << seed_;
  }

  std::vector<std::string> NaiveSessions(std::pair<int64_t, int64_t> range, int64_t gap_ms) const {
    std::map<std::string, std::vector<int64_t>> times;
    for (const Click& c : clicks_) {
      if (c.time_ms >= range.first && c.time_ms < range.second) times[c.user].push_back(c.time_ms);
    }
    std::vector<std::string> sessions;
    for (auto& [user, t] : times) {
      std::sort(t.begin(), t.end());
      for (size_t begin = 0; begin < t.size();) {
        size_t end = begin + 1;
        while (end < t.size() && t[end] - t[end - 1] <= gap_ms) ++end;
        sessions.push_back(SessionText(user, t[begin], t[end - 1], static_cast<int64_t>(end - begin)));
        begin = end;
      }
    }
    std::sort(sessions.begin(), sessions.end());
    return sessions;
  }
  static std::string SessionText(const std::string& key, int64_t start, int64_t end, int64_t clicks) {
    return key + " " + std::to_string(start) + " " + std::to_string(end) + " " + std::to_string(clicks);
  }

  void CheckSessions() {
    const auto range = RandomRange();
    const int64_t gap_ms = (1 + Below(60)) * kMsPerMinute;
    const std::string target = "/v1/ads/w/sessions" + RangeText(range) + "&gap=" + std::to_string(gap_ms) +
                               "ms&limit=" + std::to_string(1 + Below(40));
    std::vector<std::string> sessions;
    for (std::string cursor;;) {
      const boost::json::value json = Get(target + cursor).Json();
      for (const auto& s : json.at("sessions").as_array()) {
        sessions.push_back(SessionText(std::string(s.at("key").as_string()), s.at("start").as_int64(),
                                       s.at("end").as_int64(), s.at("clicks").as_int64()));
      }
      if (json.at("cursor").is_null()) break;
      cursor = "&cursor=" + std::string(json.at("cursor").as_string());
    }
    std::sort(sessions.begin(), sessions.end());
    ASSERT_EQ(sessions, NaiveSessions(range, gap_ms)) << "seed " << seed_ << " " << target;
  }

  const uint64_t seed_ = TestSeed();
  std::mt19937_64 random_{seed_};
  std::vector<Click> clicks_;
  int number_ = 0;
};

TEST_F(HttpWindowsTest, EveryKindOfWindowGivesWhatANaiveComputationGives) {
  for (int round = 0; round < 4 && !HasFatalFailure(); ++round) {
    SendClicks(200);
    if (round == 1) {
      ASSERT_TRUE(server_->engine().CompactAll(true).ok());
    }
    for (int i = 0; i < 10 && !HasFatalFailure(); ++i) {
      CheckSeries();
      CheckCount();
      CheckSessions();
    }
  }
}

}  // namespace
}  // namespace tallymark
