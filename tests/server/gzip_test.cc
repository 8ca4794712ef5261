#include "server/gzip.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/server/gzip_data.h"

namespace tallymark {
namespace {

struct Outcome {
  Status status;
  std::string plain;
};

Outcome Unpack(std::string_view packed, size_t bytes_max = 1 << 20, uint64_t budget_bytes = 64 << 20) {
  ByteBudget budget(budget_bytes);
  BudgetHold hold(&budget);
  Outcome outcome;
  outcome.status = Gunzip(packed, bytes_max, &hold, &outcome.plain);
  return outcome;
}

TEST(Gzip, UnpacksWhatWasPacked) {
  for (const std::string& plain : {std::string(), std::string("a"), std::string(300'000, 'x')}) {
    Outcome outcome = Unpack(GzipOf(plain));
    EXPECT_TRUE(outcome.status.ok()) << outcome.status.message();
    EXPECT_EQ(outcome.plain, plain);
  }
}

TEST(Gzip, MembersFollowEachOther) {
  EXPECT_EQ(Unpack(GzipOf("one ") + GzipOf("") + GzipOf("two")).plain, "one two");
}

TEST(Gzip, EveryCutIsInvalid) {
  std::string packed = GzipOf("some lines that are packed");
  for (size_t size = 0; size < packed.size(); ++size) {
    EXPECT_EQ(Unpack(packed.substr(0, size)).status.code(), Code::kInvalid) << size;
  }
}

TEST(Gzip, DamageNeverPassesForData) {
  std::string plain = std::string(500, 'a') + "some lines that are packed";
  std::string packed = GzipOf(plain);
  for (size_t i = 10; i < packed.size(); ++i) {
    std::string damaged = packed;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    Outcome outcome = Unpack(damaged);  // some bits may say the same in another way
    EXPECT_TRUE(!outcome.status.ok() || outcome.plain == plain) << i;
  }
  EXPECT_EQ(Unpack("click,ad_id=a 1\n").status.code(), Code::kInvalid);
  EXPECT_EQ(Unpack(GzipOf("a") + "garbage").status.code(), Code::kInvalid);
}

TEST(Gzip, ABombStopsAtTheBound) {
  std::string bomb = GzipOf(std::string(20 << 20, '\0'));
  EXPECT_LT(bomb.size(), 100'000U);
  Outcome outcome = Unpack(bomb, 1 << 20);
  EXPECT_EQ(outcome.status.code(), Code::kExhausted);
  EXPECT_LE(outcome.plain.size(), 1U << 20);
  EXPECT_TRUE(Unpack(GzipOf(std::string(1 << 20, 'a')), 1 << 20).status.ok());
}

TEST(Gzip, WithoutRoomInTheBudgetItIsForLater) {
  ByteBudget budget(1 << 20);
  ASSERT_TRUE(budget.TryTake(900'000));
  BudgetHold hold(&budget);
  std::string plain;
  EXPECT_EQ(Gunzip(GzipOf(std::string(500'000, 'a')), 1 << 20, &hold, &plain).code(), Code::kUnavailable);
}

}  // namespace
}  // namespace tallymark
