#include "format/hour_row.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>

#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr Metric kAllMetrics[] = {Metric::kImpressions, Metric::kClicks, Metric::kConversions,
                                  Metric::kRevenue};

std::string Encode(const HourRow& row) {
  std::string out;
  EncodeHourRow(row, &out);
  return out;
}

std::string Merge(const std::vector<std::string>& operands) {
  std::vector<std::string_view> views(operands.begin(), operands.end());
  std::string out;
  MergeHourRows(views, &out);
  return out;
}

MetricSums Sums(int64_t impressions, int64_t clicks, int64_t conversions = 0, int64_t revenue = 0) {
  return {.value = {impressions, clicks, conversions, revenue}};
}

// A row whose totals are the sum of its cells.
HourRow RowOf(const std::vector<MinuteCell>& cells) {
  HourRow row{.totals = {}, .cells = cells};
  for (const MinuteCell& cell : cells) row.totals.Add(cell.sums);
  return row;
}

void ExpectEqual(const HourRow& a, const HourRow& b) {
  EXPECT_EQ(a.totals, b.totals);
  ASSERT_EQ(a.cells.size(), b.cells.size());
  for (size_t i = 0; i < a.cells.size(); ++i) {
    EXPECT_EQ(a.cells[i].minute, b.cells[i].minute);
    EXPECT_EQ(a.cells[i].sums, b.cells[i].sums);
  }
}

void ExpectRoundTrip(const HourRow& row) {
  HourRow back;
  ASSERT_TRUE(DecodeHourRow(Encode(row), &back).ok());
  ExpectEqual(row, back);
}

bool IsRow(std::string_view bytes) {
  HourRow row;
  Status s = DecodeHourRow(bytes, &row);
  EXPECT_TRUE(s.ok() || s.code() == Code::kCorruption);
  return s.ok();
}

std::map<std::string, HourRow> GoldenRows() {
  HourRow stripped{.totals = Sums(1000, 20, 3, -5'000'000), .cells = {}};
  HourRow partly = RowOf({{.minute = 59, .sums = Sums(0, 7)}});
  partly.totals.Add(Sums(0, 300));
  __int128 huge = __int128{std::numeric_limits<int64_t>::max()} * 1000;
  return {
      {"empty", HourRow{}},
      {"one_click", RowOf({{.minute = 7, .sums = Sums(0, 1)}})},
      {"nine_clicks_one_minute", RowOf({{.minute = 7, .sums = Sums(0, 9)}})},
      {"clicks_of_three_minutes", RowOf({{.minute = 0, .sums = Sums(0, 3)},
                                         {.minute = 7, .sums = Sums(0, 4)},
                                         {.minute = 59, .sums = Sums(0, 200)}})},
      {"impressions_and_clicks", RowOf({{.minute = 1, .sums = Sums(2, 0)},
                                        {.minute = 2, .sums = Sums(40, 1)},
                                        {.minute = 3, .sums = Sums(0, 5)}})},
      {"one_minute_all_metrics", RowOf({{.minute = 30, .sums = Sums(1, 2, 3, 12'340'000)}})},
      {"stripped", stripped},
      {"stripped_and_late", partly},
      {"revenue_cancels",
       RowOf({{.minute = 1, .sums = Sums(0, 0, 0, 5)}, {.minute = 2, .sums = Sums(0, 0, 0, -5)}})},
      {"beyond_64_bits", {.totals = {.value = {huge, 0, 0, -huge}}, .cells = {}}},
  };
}

TEST(HourRowTest, GoldenRowsReadAndWriteAsTheyDid) {
  auto golden = ReadGolden("hour_row_v1.txt");
  auto rows = GoldenRows();
  ASSERT_EQ(golden.size(), rows.size());
  for (const auto& [name, row] : rows) {
    SCOPED_TRACE(name);
    EXPECT_EQ(ToHex(Encode(row)), ToHex(golden[name]));
    HourRow read;
    ASSERT_TRUE(DecodeHourRow(golden[name], &read).ok());
    ExpectEqual(read, row);
  }
}

TEST(HourRowTest, OneClickInOneMinuteTakesTwoBytes) {
  EXPECT_EQ(Encode(RowOf({{.minute = 41, .sums = Sums(0, 1)}})).size(), 2U);
}

TEST(HourRowTest, ZeroCellsAreLeftOut) {
  HourRow row =
      RowOf({{.minute = 3, .sums = {}}, {.minute = 4, .sums = Sums(1, 0)}, {.minute = 5, .sums = {}}});
  EXPECT_EQ(Encode(row), Encode(RowOf({{.minute = 4, .sums = Sums(1, 0)}})));
}

TEST(HourRowTest, SumsBeyond64BitsSurviveAndAreTold) {
  constexpr __int128 kMost = std::numeric_limits<int64_t>::max();
  HourRow row = RowOf({{.minute = 1, .sums = Sums(0, std::numeric_limits<int64_t>::max())}});
  std::string merged = Merge({Encode(row), Encode(row)});
  HourRow sum;
  ASSERT_TRUE(DecodeHourRow(merged, &sum).ok());
  EXPECT_EQ(sum.totals[Metric::kClicks], 2 * kMost);
  EXPECT_TRUE(FitsInt64(kMost));
  EXPECT_FALSE(FitsInt64(kMost + 1));
  EXPECT_TRUE(FitsInt64(-kMost - 1));
  EXPECT_FALSE(FitsInt64(-kMost - 2));
}

TEST(HourRowTest, TheWidest128BitSumsRoundTrip) {
  constexpr auto kMost = static_cast<__int128>(~static_cast<unsigned __int128>(0) >> 1);
  for (__int128 v : {kMost, -kMost, -kMost - 1, __int128{-1}}) {
    MetricSums sums{.value = {kMost, 0, 1, v}};
    ExpectRoundTrip({.totals = sums, .cells = {{.minute = 59, .sums = sums}}});
    ExpectRoundTrip({.totals = Sums(1, 1), .cells = {{.minute = 59, .sums = sums}}});
  }
}

TEST(HourRowTest, MetricsHaveTheirStoredNames) {
  EXPECT_EQ(MetricName(Metric::kImpressions), "impressions");
  EXPECT_EQ(MetricName(Metric::kClicks), "clicks");
  EXPECT_EQ(MetricName(Metric::kConversions), "conversions");
  EXPECT_EQ(MetricName(Metric::kRevenue), "revenue");
}

// ---- random rows against a model ----

__int128 PickAmount(std::mt19937_64& random, bool may_be_negative) {
  auto amount = static_cast<__int128>(random() >> (random() % 10 < 8 ? 61 : random() % 64));
  if (random() % 40 == 0) amount <<= random() % 50;
  return may_be_negative && random() % 2 == 0 ? -amount : amount;
}

HourRow RandomRow(std::mt19937_64& random) {
  unsigned mask = random() % 2 == 0 ? 2 : static_cast<unsigned>(random() % 16);
  size_t density = std::array<size_t, 4>{1, 2, 10, 60}[random() % 4];
  HourRow row;
  for (uint8_t minute = 0; minute < 60; ++minute) {
    if (random() % 60 >= density) continue;
    MinuteCell cell{.minute = minute, .sums = {}};
    for (Metric metric : kAllMetrics) {
      if ((mask >> static_cast<unsigned>(metric) & 1) == 0 || random() % 3 == 0) continue;
      cell.sums[metric] = PickAmount(random, metric == Metric::kRevenue);
    }
    if (!cell.sums.IsZero()) row.cells.push_back(cell);
    row.totals.Add(cell.sums);
  }
  if (random() % 4 == 0) row.cells.clear();
  if (random() % 8 == 0) row.totals[Metric::kClicks] += 5;
  return row;
}

HourRow ModelSum(const std::vector<HourRow>& rows) {
  HourRow sum;
  std::map<uint8_t, MetricSums> cells;
  for (const HourRow& row : rows) {
    sum.totals.Add(row.totals);
    for (const MinuteCell& cell : row.cells) cells[cell.minute].Add(cell.sums);
  }
  for (const auto& [minute, sums] : cells) {
    if (!sums.IsZero()) sum.cells.push_back({.minute = minute, .sums = sums});
  }
  return sum;
}

TEST(HourRowTest, RandomRowsRoundTrip) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 20'000; ++i) ExpectRoundTrip(RandomRow(random));
}

TEST(HourRowTest, MergeEqualsTheModelInAnyOrderAndGrouping) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 3'000; ++round) {
    std::vector<HourRow> rows(1 + random() % 8);
    for (HourRow& row : rows) row = RandomRow(random);
    std::string expected = Encode(ModelSum(rows));
    std::vector<std::string> operands;
    operands.reserve(rows.size());
    for (const HourRow& row : rows) operands.push_back(Encode(row));
    while (operands.size() > 1 || random() % 2 == 0) {
      std::ranges::shuffle(operands, random);
      size_t taken = 1 + random() % operands.size();
      std::string merged = Merge({operands.end() - static_cast<ptrdiff_t>(taken), operands.end()});
      operands.resize(operands.size() - taken);
      operands.push_back(merged);
    }
    ASSERT_EQ(ToHex(operands[0]), ToHex(expected));
  }
}

TEST(HourRowTest, SumsEqualTheModelForEveryRange) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 300; ++round) {
    HourRow row = RandomRow(random);
    std::string bytes = Encode(row);
    for (int first = 0; first < 60; first += 7) {
      for (int end = first; end <= 60; ++end) {
        MetricSums expected = Sums(1, 2, 3, 4);  // what stood there before
        MetricSums sums = expected;
        if (first == 0 && end == 60) expected.Add(row.totals);
        for (const MinuteCell& cell : row.cells) {
          if ((first > 0 || end < 60) && cell.minute >= first && cell.minute < end) expected.Add(cell.sums);
        }
        ASSERT_TRUE(SumHourRow(bytes, first, end, &sums).ok());
        ASSERT_EQ(sums, expected) << first << ".." << end;
      }
    }
  }
}

TEST(HourRowTest, StrippingKeepsTheTotalsAndMayComeBeforeOrAfterMerging) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 3'000; ++round) {
    HourRow a = RandomRow(random);
    HourRow b = RandomRow(random);
    std::string stripped;
    EXPECT_EQ(StripMinutes(Encode(a), &stripped), !a.cells.empty());
    if (a.cells.empty()) {
      EXPECT_EQ(stripped, "");
      stripped = Encode(a);
    }
    EXPECT_EQ(stripped, Encode({.totals = a.totals, .cells = {}}));
    EXPECT_EQ(Merge({stripped, Encode(b)}), Encode(ModelSum({{.totals = a.totals, .cells = {}}, b})));
  }
}

// ---- damage ----

TEST(HourRowTest, MalformedBytesAreRefused) {
  const std::map<std::string, std::string> cases = {
      {"nothing", ""},
      {"zero byte", "00"},
      {"unknown form", "32"},
      {"totals missing", "12"},
      {"second total missing", "1301"},
      {"cell missing", "22"},
      {"single without metric", "2047"},
      {"minute 60", "12017c"},
      {"minute 60 of a single", "227c"},
      {"minutes descend", "12024746"},
      {"minute twice", "12024747"},
      {"cells without metric", "1047"},
      {"trailing byte", "224700"},
      {"zero cell", "12010700"},
      {"amount 3 spelled long", "12030703"},
      {"cell amount cut", "120407"},
      {"no shape", "13010107"},
      {"empty shape", "1301010700"},
      {"shape names an absent metric", "1301010710"},
      {"shape amount too small for a varint", "130101070f0203"},
      {"overlong total", "128100"},
      {"total over 128 bits", "12ffffffffffffffffffffffffffffffffffff04"},
      {"total of 20 bytes", "12ffffffffffffffffffffffffffffffffffffff01"},
  };
  for (const auto& [what, hex] : cases) {
    SCOPED_TRACE(what);
    std::string bytes = FromHex(hex);
    EXPECT_FALSE(IsRow(bytes));
    std::string out;
    EXPECT_FALSE(StripMinutes(bytes, &out));
    EXPECT_EQ(out, "");
    MetricSums sums;
    EXPECT_EQ(SumHourRow(bytes, 0, 59, &sums).code(), Code::kCorruption);
    EXPECT_TRUE(sums.IsZero());
  }
}

// Everything that takes a row takes these bytes without harm; under sanitizers this finds more.
void ExpectHarmless(const std::string& bytes) {
  std::string exact(bytes);
  exact.shrink_to_fit();
  HourRow row;
  bool is_row = DecodeHourRow(exact, &row).ok();
  MetricSums sums;
  EXPECT_EQ(SumHourRow(exact, 0, 30, &sums).ok(), is_row);
  EXPECT_TRUE(SumHourRow(exact, 0, 60, &sums).ok() || !is_row);
  std::string out;
  EXPECT_TRUE(!StripMinutes(exact, &out) || is_row);
  HourRow good;
  std::vector<std::string_view> bad;
  std::string click = Encode(RowOf({{.minute = 1, .sums = Sums(0, 1)}}));
  std::string merged = Merge({exact, click});
  bool enveloped = ReadHourRowEnvelope(merged, &good, &bad).ok();
  bool was_envelope = ReadHourRowEnvelope(exact, &good, &bad).ok();
  EXPECT_EQ(enveloped, !is_row);
  if (enveloped && !was_envelope) {
    ASSERT_TRUE(ReadHourRowEnvelope(merged, &good, &bad).ok());
    EXPECT_THAT(bad, testing::ElementsAre(exact));
    EXPECT_EQ(good.totals[Metric::kClicks], 1);
  }
}

TEST(HourRowTest, CutAndFlippedRowsAreHarmless) {
  for (const auto& [name, bytes] : ReadGolden("hour_row_v1.txt")) {
    SCOPED_TRACE(name);
    for (size_t size = 0; size < bytes.size(); ++size) ExpectHarmless(bytes.substr(0, size));
    for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      std::string flipped = bytes;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
      ExpectHarmless(flipped);
    }
  }
}

// ---- error envelopes ----

std::string Click(uint8_t minute) { return Encode(RowOf({{.minute = minute, .sums = Sums(0, 1)}})); }

TEST(HourRowTest, MalformedOperandsAreSetAsideAndTheOthersCounted) {
  std::string merged = Merge({Click(1), "", Click(2), "junk"});
  EXPECT_FALSE(IsRow(merged));
  HourRow good;
  std::vector<std::string_view> bad;
  ASSERT_TRUE(ReadHourRowEnvelope(merged, &good, &bad).ok());
  EXPECT_EQ(good.totals, Sums(0, 2));
  EXPECT_EQ(good.cells.size(), 2U);
  EXPECT_THAT(bad, testing::ElementsAre("", "junk"));
}

TEST(HourRowTest, AnEnvelopeSaysHowMuchItHolds) {
  HourRow row;
  Status s = DecodeHourRow(Merge({"a", Click(1), "b"}), &row);
  EXPECT_EQ(s.code(), Code::kCorruption);
  EXPECT_THAT(s.message(), testing::HasSubstr("2 malformed"));
}

TEST(HourRowTest, EnvelopeGoldenBytes) { EXPECT_EQ(ToHex(Merge({Click(7), "junk"})), "f1022247046a756e6b"); }

TEST(HourRowTest, EnvelopesMergeInAnyOrderAndGroupingWithoutLoss) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::string> operands;
    for (size_t i = 0; i < 7; ++i) operands.push_back(Encode(RandomRow(random)));
    for (std::string_view junk : {"", "junk", "\xF1", "\xF1\x02\x22\x47"}) operands.emplace_back(junk);
    std::string expected = Merge(operands);
    while (operands.size() > 1) {
      std::ranges::shuffle(operands, random);
      size_t taken = 1 + random() % operands.size();
      std::string merged = Merge({operands.end() - static_cast<ptrdiff_t>(taken), operands.end()});
      operands.resize(operands.size() - taken);
      operands.push_back(merged);
    }
    ASSERT_EQ(ToHex(operands[0]), ToHex(expected));
  }
}

TEST(HourRowTest, ADamagedEnvelopeIsItselfSetAside) {
  std::string envelope = Merge({Click(7), "junk"});
  for (size_t size = 0; size < envelope.size(); ++size) {
    std::string cut = envelope.substr(0, size);
    HourRow good;
    std::vector<std::string_view> bad;
    std::string merged = Merge({cut, Click(8)});
    ASSERT_TRUE(ReadHourRowEnvelope(merged, &good, &bad).ok());
    EXPECT_THAT(bad, testing::ElementsAre(cut));
    EXPECT_EQ(good.totals, Sums(0, 1));
  }
}

TEST(HourRowTest, ARowIsNoEnvelope) {
  HourRow good;
  std::vector<std::string_view> bad;
  EXPECT_EQ(ReadHourRowEnvelope(Click(1), &good, &bad).code(), Code::kInvalid);
}

}  // namespace
}  // namespace tallymark
