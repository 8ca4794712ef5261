#include "format/column_rows.h"

#include <gtest/gtest.h>

#include <numeric>

#include "format/column_ads.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

using Rows = std::vector<uint16_t>;

RowSetForm ExpectRoundTrip(const Rows& rows, size_t count) {
  std::string bytes;
  RowSetForm form = EncodeRowSet(rows, count, &bytes);
  bytes += "rest";
  std::string_view in = bytes;
  Rows read;
  EXPECT_TRUE(DecodeRowSet(form, &in, count, &read));
  EXPECT_EQ(read, rows);
  EXPECT_EQ(in, "rest");
  return form;
}

TEST(RowSets, TheSmallestFormIsTaken) {
  Rows all(1'000);
  std::iota(all.begin(), all.end(), uint16_t{0});
  EXPECT_EQ(ExpectRoundTrip(all, 1'000), RowSetForm::kAll);
  EXPECT_EQ(ExpectRoundTrip({3, 999}, 1'000), RowSetForm::kMembers);
  Rows most = all;
  most.erase(most.begin() + 500);
  EXPECT_EQ(ExpectRoundTrip(most, 1'000), RowSetForm::kOthers);
  Rows half;
  for (uint16_t row = 0; row < 1'000; row += 2) half.push_back(row);
  EXPECT_EQ(ExpectRoundTrip(half, 1'000), RowSetForm::kBitmap);
}

TEST(RowSets, RandomSetsRoundTrip) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 300; ++round) {
    size_t count = 1 + random() % 3'000;
    uint64_t density = 1 + random() % 100;
    Rows rows;
    for (size_t row = 0; row < count; ++row) {
      if (random() % 100 < density) rows.push_back(static_cast<uint16_t>(row));
    }
    if (rows.empty()) rows.push_back(static_cast<uint16_t>(count - 1));
    ExpectRoundTrip(rows, count);
  }
}

TEST(RowSets, DamagedSetsAreRefused) {
  Rows rows;
  auto refused = [&rows](RowSetForm form, std::string_view bytes, size_t count) {
    return !DecodeRowSet(form, &bytes, count, &rows);
  };
  EXPECT_TRUE(refused(RowSetForm::kBitmap, std::string_view("\x00", 1), 8));          // no row
  EXPECT_TRUE(refused(RowSetForm::kBitmap, std::string_view("\x80", 1), 7));          // row 7 of 7
  EXPECT_TRUE(refused(RowSetForm::kBitmap, std::string_view("\x01", 1), 9));          // cut short
  EXPECT_TRUE(refused(RowSetForm::kMembers, std::string_view("\x01\x07", 2), 7));     // row 7 of 7
  EXPECT_TRUE(refused(RowSetForm::kMembers, std::string_view("\x00", 1), 7));         // no row
  EXPECT_TRUE(refused(RowSetForm::kMembers, std::string_view("\x7f", 1), 200));       // cut short
  EXPECT_TRUE(refused(RowSetForm::kOthers, std::string_view("\x02\x00\x00", 3), 2));  // no row is left
}

AdRuns Runs(std::vector<uint32_t> ads, std::vector<uint32_t> begins) {
  return {std::move(ads), std::move(begins)};
}

bool Decodes(std::string_view bytes, uint32_t ad_min, uint32_t ad_max, uint32_t count, AdRuns* runs) {
  return DecodeAdRuns(bytes, ad_min, ad_max, count, runs);
}

TEST(AdColumn, RunsRoundTrip) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 200; ++round) {
    AdRuns runs;
    uint64_t ad = random() % 1'000;
    uint32_t row = 0;
    for (size_t i = 1 + random() % 900; i > 0 && ad <= UINT32_MAX; --i) {
      runs.ad.push_back(static_cast<uint32_t>(ad));
      runs.begin.push_back(row);
      ad += 1 + (random() >> 40 >> (random() % 24));
      row += 1 + static_cast<uint32_t>(random() % (random() % 20 == 0 ? 100 : 2));
    }
    runs.begin.push_back(row);
    std::string bytes;
    EncodeAdRuns(runs, &bytes);
    AdRuns read;
    ASSERT_TRUE(Decodes(bytes, runs.ad.front(), runs.ad.back(), row, &read));
    EXPECT_EQ(read.ad, runs.ad);
    EXPECT_EQ(read.begin, runs.begin);
  }
}

TEST(AdColumn, TheWholeNumberRangeFits) {
  AdRuns runs = Runs({0, UINT32_MAX}, {0, 8'191, 8'192});
  std::string bytes;
  EncodeAdRuns(runs, &bytes);
  AdRuns read;
  ASSERT_TRUE(Decodes(bytes, 0, UINT32_MAX, 8'192, &read));
  EXPECT_EQ(read.ad, runs.ad);
  EXPECT_EQ(read.begin, runs.begin);
}

TEST(AdColumn, RunsThatContradictTheHeaderAreRefused) {
  AdRuns runs = Runs({10, 20, 40}, {0, 5, 6, 9});
  std::string bytes;
  EncodeAdRuns(runs, &bytes);
  AdRuns read;
  EXPECT_TRUE(Decodes(bytes, 10, 40, 9, &read));
  EXPECT_FALSE(Decodes(bytes, 10, 41, 9, &read));
  EXPECT_FALSE(Decodes(bytes, 11, 40, 9, &read));
  EXPECT_FALSE(Decodes(bytes, 10, 40, 6, &read));
  EXPECT_FALSE(Decodes(bytes + "x", 10, 40, 9, &read));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Decodes(std::string_view(bytes).substr(0, size), 10, 40, 9, &read)) << size;
  }
}

}  // namespace
}  // namespace tallymark
