#include "format/filter_record.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/format/golden.h"

namespace tallymark {
namespace {

FilterRecord NewFilter() {
  FilterRecord record;
  FilterVersion& next = record.next.emplace();
  next.number = 3;
  next.active_from = 0x0102;
  next.job = 9;
  next.definition.patterns = {{"country", false, {{TermKind::kValue, "USA"}}}};
  return record;
}

FilterRecord Redefined() {
  FilterRecord record = NewFilter();
  FilterVersion& current = record.current.emplace(*record.next);
  current.complete_from_hour = 447'072;
  current.definition.patterns = {{"ip", true, {{TermKind::kCidr, "10.0.0.0/8"}}},
                                 {"os", false, {{TermKind::kValue, "13"}, {TermKind::kPrefix, "19"}}},
                                 {"user_id", false, {}}};
  record.next->number = 4;
  return record;
}

FilterRecord Everything() {
  FilterRecord record;
  record.current.emplace().number = 1;
  return record;
}

TEST(FilterRecordTest, GoldenRecordsReadAndWriteAsTheyDid) {
  const std::map<std::string, FilterRecord> cases = {
      {"new", NewFilter()}, {"redefined", Redefined()}, {"everything", Everything()}};
  auto golden = ReadGolden("filter_record_v1.txt");
  ASSERT_EQ(golden.size(), cases.size());
  for (const auto& [name, record] : cases) {
    EXPECT_EQ(ToHex(EncodeFilterRecord(record)), ToHex(golden[name])) << name;
    FilterRecord read;
    ASSERT_TRUE(DecodeFilterRecord(golden[name], &read).ok()) << name;
    EXPECT_EQ(read, record) << name;
  }
}

TEST(FilterRecordTest, EveryFlippedBitIsFound) {
  const std::string bytes = EncodeFilterRecord(Redefined());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    FilterRecord read;
    EXPECT_EQ(DecodeFilterRecord(damaged, &read).code(), Code::kCorruption) << bit;
  }
}

TEST(FilterRecordTest, ARecordCutOrTooLongIsRefused) {
  const std::string bytes = EncodeFilterRecord(Redefined());
  FilterRecord read;
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeFilterRecord(bytes.substr(0, size), &read).code(), Code::kCorruption) << size;
  }
  EXPECT_EQ(DecodeFilterRecord(bytes + '\0', &read).code(), Code::kCorruption);
}

}  // namespace
}  // namespace tallymark
