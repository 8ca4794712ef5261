#ifndef TALLYMARK_TESTS_ENGINE_TEST_EVENTS_H_
#define TALLYMARK_TESTS_ENGINE_TEST_EVENTS_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "engine/engine.h"
#include "format/event_parser.h"

namespace tallymark {

// A folder of one test, gone with it.
class TempDirectory {
 public:
  TempDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "tallymark-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A clock that tests set.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t now_ns) : now_ns_(now_ns) {}
  int64_t NowNs() const override { return now_ns_.load(); }
  void Set(int64_t now_ns) { now_ns_ = now_ns; }

 private:
  std::atomic<int64_t> now_ns_;
};

// Parses line protocol that must be free of errors.
inline std::shared_ptr<EventChunk> ParseLines(const std::string& lines) {
  auto chunk = std::make_shared<EventChunk>();
  chunk->text = lines;
  EventParser parser;
  ParseReport report;
  parser.Parse(EventParseOptions{}, false, chunk.get(), &report);
  for (const RejectedLine& r : report.rejected)
    ADD_FAILURE() << RejectReasonName(r.reason) << ": " << r.detail;
  return chunk;
}

struct AppendOutcome {
  Status status;
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
};

// Appends without waiting.
inline std::future<AppendOutcome> StartAppend(Engine* engine, std::shared_ptr<const EventChunk> chunk) {
  auto promise = std::make_shared<std::promise<AppendOutcome>>();
  std::future<AppendOutcome> future = promise->get_future();
  engine->Append(std::move(chunk), [promise](const Status& status, std::span<const SegmentTally> tallies) {
    AppendOutcome outcome;
    outcome.status = status;
    for (const SegmentTally& t : tallies) {
      outcome.accepted += t.accepted;
      outcome.duplicates += t.duplicates;
    }
    promise->set_value(outcome);
  });
  return future;
}

// Every other time the ads are recognized before, as a server does.
inline AppendOutcome AppendLines(Engine* engine, const std::string& lines) {
  static std::atomic<unsigned> calls{0};
  std::shared_ptr<EventChunk> chunk = ParseLines(lines);
  if (calls.fetch_add(1) % 2 == 0) engine->RecognizeAds(chunk.get());
  return StartAppend(engine, chunk).get();
}

inline std::unique_ptr<Engine> MustOpen(const EngineOptions& options) {
  Result<std::unique_ptr<Engine>> engine = Engine::Open(options);
  EXPECT_TRUE(engine.ok()) << engine.status().message();
  return engine.ok() ? std::move(*engine) : nullptr;
}

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_ENGINE_TEST_EVENTS_H_
