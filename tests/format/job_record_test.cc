#include "format/job_record.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/format/golden.h"

namespace tallymark {
namespace {

JobRecord Example() {
  JobRecord record;
  record.kind = "recount";
  record.progress = 250'000;
  record.started_ns = 1'000'000'000;
  record.parameters = "ab";
  return record;
}

JobRecord Ended() {
  JobRecord record = Example();
  record.state = JobState::kFailed;
  record.progress = kProgressWhole;
  record.ended_ns = -5;
  record.saved = std::string("\0\xff", 2);
  record.result = "{}";
  record.error = "why";
  return record;
}

TEST(JobRecordTest, GoldenRecordsReadAndWriteAsTheyDid) {
  const std::map<std::string, JobRecord> cases = {{"running", Example()}, {"failed", Ended()}};
  auto golden = ReadGolden("job_record_v1.txt");
  ASSERT_EQ(golden.size(), cases.size());
  for (const auto& [name, record] : cases) {
    EXPECT_EQ(ToHex(EncodeJobRecord(record)), ToHex(golden[name])) << name;
    JobRecord read;
    ASSERT_TRUE(DecodeJobRecord(golden[name], &read).ok()) << name;
    EXPECT_EQ(read, record) << name;
  }
}

TEST(JobRecordTest, EveryStateComesBack) {
  for (int state = 1; state <= 5; ++state) {
    JobRecord record = Ended();
    record.state = static_cast<JobState>(state);
    JobRecord read;
    ASSERT_TRUE(DecodeJobRecord(EncodeJobRecord(record), &read).ok());
    EXPECT_EQ(read, record);
  }
  EXPECT_EQ(JobStateName(JobState::kCancelling), "running");
  EXPECT_FALSE(IsAtRest(JobState::kCancelling));
  EXPECT_TRUE(IsAtRest(JobState::kCancelled));
}

TEST(JobRecordTest, EveryFlippedBitIsFound) {
  const std::string bytes = EncodeJobRecord(Ended());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    JobRecord read;
    EXPECT_EQ(DecodeJobRecord(damaged, &read).code(), Code::kCorruption) << bit;
  }
}

TEST(JobRecordTest, ARecordCutOrTooLongIsRefused) {
  const std::string bytes = EncodeJobRecord(Example());
  JobRecord read;
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeJobRecord(bytes.substr(0, size), &read).code(), Code::kCorruption) << size;
  }
  EXPECT_EQ(DecodeJobRecord(bytes + '\0', &read).code(), Code::kCorruption);
}

}  // namespace
}  // namespace tallymark
