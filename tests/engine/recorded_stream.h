#ifndef TALLYMARK_TESTS_ENGINE_RECORDED_STREAM_H_
#define TALLYMARK_TESTS_ENGINE_RECORDED_STREAM_H_

#include <chrono>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "tests/engine/test_events.h"

namespace tallymark {

inline constexpr int64_t kStreamStart = 1'609'459'200LL * kNsPerSecond;  // 2021-01-01T00:00:00Z

// An event as one line that shows all of it.
inline std::string TextOf(const RawEvent& event) {
  std::string text(EventKindName(event.kind));
  text += " " + std::to_string(event.time_ns);
  for (const auto& [name, value] : event.attributes) text.append(" ").append(name).append("=").append(value);
  if (event.revenue_micros) text += " revenue=" + std::to_string(*event.revenue_micros);
  return text;
}

// Random events from a seed, and a plain count of what was appended.
class RecordedStream {
 public:
  using Counts = std::map<std::pair<std::string, int32_t>, MetricSums>;  // (ad, minute)

  explicit RecordedStream(uint64_t seed) : random_(seed) {}

  // `count` lines of `ads` ads with times within `minutes` of the start, before and after it.
  std::string Lines(int count, int ads = 20, int minutes = 200) {
    std::string lines;
    for (int i = 0; i < count; ++i) lines += Line(ads, minutes);
    return lines;
  }

  const std::multiset<std::string>& events() const { return events_; }
  const Counts& minutes() const { return minutes_; }
  const std::set<std::string>& ads() const { return ads_; }
  // Users by (ad, hour).
  const std::map<std::pair<std::string, int32_t>, std::set<std::string>>& users() const { return users_; }
  Counts Hours() const {
    Counts hours;
    for (const auto& [place, sums] : minutes_) hours[{place.first, HourOfMinute(place.second)}].Add(sums);
    return hours;
  }

 private:
  int Below(int bound) { return static_cast<int>(random_() % static_cast<uint64_t>(bound)); }

  std::string Line(int ads, int minutes) {
    const std::string ad = "ad" + std::to_string(Below(ads));
    const std::string id = "e" + std::to_string(++number_);
    const int64_t time =
        kStreamStart + (Below(2 * minutes) - minutes) * kNsPerMinute + Below(60'000) * kNsPerMs;
    const auto kind = static_cast<EventKind>(1 + Below(kEventKindCount));
    const std::string country = Below(2) == 0 ? "US" : "DE";
    RawEvent event;
    event.kind = kind;
    event.time_ns = time;
    event.attributes = {
        {"ad_id", ad}, {"event_id", id}, {"user_id", "u" + std::to_string(Below(50))}, {"country", country}};
    std::string line = std::string(EventKindName(kind)) + ",ad_id=" + ad + ",country=" + country +
                       " event_id=\"" + id + "\",user_id=\"" + event.attributes[2].second + "\"";
    MetricSums sums;
    sums.value[static_cast<size_t>(kind) - 1] = 1;
    if (kind == EventKind::kConversion) {
      event.revenue_micros = (1 + Below(1000)) * 10'000;
      sums[Metric::kRevenue] = *event.revenue_micros;
      line += ",revenue=" + std::to_string(*event.revenue_micros / 1'000'000) + "." +
              std::to_string(1'000'000 + *event.revenue_micros % 1'000'000).substr(1);
    }
    events_.insert(TextOf(event));
    minutes_[{ad, MinuteOf(time)}].Add(sums);
    users_[{ad, HourOf(time)}].insert(event.attributes[2].second);
    ads_.insert(ad);
    return line + " " + std::to_string(time) + "\n";
  }

  std::mt19937_64 random_;
  int number_ = 0;
  std::multiset<std::string> events_;
  Counts minutes_;
  std::map<std::pair<std::string, int32_t>, std::set<std::string>> users_;
  std::set<std::string> ads_;
};

// Options of an engine that writes checkpoints only when it is asked to.
inline EngineOptions QuietOptions(const std::string& data_dir, const Clock* clock) {
  EngineOptions options;
  options.data_dir = data_dir;
  options.clock = clock;
  options.memory_bytes = 64 << 20;
  options.free_space_floor_bytes = 0;
  options.checkpoint_interval_ms = options.seal_interval_ms = options.repack_quiet_ms = kMsPerDay;
  return options;
}

// What a crash at this moment would leave. Nothing may be appended meanwhile.
inline void CopyDirectory(const std::string& from, const std::string& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

// The same while RocksDB may still be at work on what was written: waits until it has been idle for a
// while, so that no file goes between the copying of two others.
inline void CopyWhenIdle(const Engine& engine, const std::string& from, const std::string& to) {
  constexpr int kIdleLooks = 20;
  for (int idle = 0; idle < kIdleLooks; ++idle) {
    const EngineStats stats = engine.Stats();
    if (stats.rocksdb.at("rocksdb.num-running-compactions") +
            stats.rocksdb.at("rocksdb.num-running-flushes") >
        0)
      idle = 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CopyDirectory(from, to);
}

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_ENGINE_RECORDED_STREAM_H_
