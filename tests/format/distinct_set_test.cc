#include "format/distinct_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "format/checksum.h"
#include "format/ip_address.h"
#include "tests/format/golden.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

// The people of an hour as texts.
struct People {
  std::vector<std::string> users;
  std::vector<std::string> ips;
};

void AddTo(const People& people, DistinctRow* row) {
  for (const std::string& u : people.users) {
    const DistinctElement e = UserElement(u);
    row->users.Add(std::span(&e, 1));
  }
  for (const std::string& ip : people.ips) {
    const DistinctElement e = AddressElement(ip);
    row->ips.Add(std::span(&e, 1));
  }
}

std::string Encode(const People& people) {
  DistinctRow row;
  AddTo(people, &row);
  std::string out;
  EncodeDistinctRow(&row, &out);
  return out;
}

std::string Merge(const std::vector<std::string>& operands) {
  std::vector<std::string_view> views(operands.begin(), operands.end());
  std::string out;
  MergeDistinctRows(views, &out);
  return out;
}

People Numbered(size_t first, size_t end) {
  People people;
  for (size_t i = first; i < end; ++i) {
    people.users.push_back("u" + std::to_string(i));
    people.ips.push_back(i % 2 == 0 ? "10.0." + std::to_string(i / 256 % 256) + "." + std::to_string(i % 256)
                                    : "2001:db8::" + std::to_string(i));
  }
  return people;
}

std::pair<DistinctCount, DistinctCount> CountsOf(const std::string& bytes) {
  DistinctRow row;
  Status added = AddDistinctRow(bytes, &row);
  EXPECT_TRUE(added.ok()) << added.message();
  return {row.users.Count(), row.ips.Count()};
}

TEST(DistinctElementTest, AddressesAreTheSameHoweverTheyAreHashed) {
  EXPECT_EQ(AddressElement("1.2.3.4").word, (std::array<uint32_t, 3>{0, 0, 0x01020304}));
  EXPECT_EQ(AddressElement("255.255.255.255").word[2], 0xFFFFFFFFU);
  EXPECT_TRUE(AddressElement("0.0.0.0").IsSmall());
  EXPECT_FALSE(AddressElement("2001:db8::1").IsSmall());
  EXPECT_FALSE(UserElement("1.2.3.4").IsSmall()) << "users are hashes whatever they look like";
  EXPECT_FALSE(AddressElement("1.2.3").IsSmall());
  EXPECT_FALSE(AddressElement("256.1.1.1").IsSmall());
  EXPECT_FALSE(AddressElement("1.1.1.999").IsSmall());
  EXPECT_FALSE(AddressElement("").IsSmall());
}

TEST(DistinctElementTest, EveryCanonicalIpv4IsItsNumber) {
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 20'000; ++i) {
    const auto number = static_cast<uint32_t>(random());
    IpAddress ip;
    ip.size = 4;
    for (size_t b = 0; b < 4; ++b) ip.bytes[b] = static_cast<uint8_t>(number >> (24 - 8 * b));
    EXPECT_EQ(AddressElement(FormatIp(ip)).word, (std::array<uint32_t, 3>{0, 0, number}));
  }
}

TEST(DistinctSetTest, CountsAreExactToTheBoundAndEstimatesBeyond) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{2}, kDistinctExactMax - 1, kDistinctExactMax}) {
    auto [users, ips] = CountsOf(Encode(Numbered(0, size)));
    EXPECT_EQ(users, (DistinctCount{static_cast<int64_t>(size), true}));
    EXPECT_EQ(ips, (DistinctCount{static_cast<int64_t>(size), true}));
  }
  for (size_t size : {kDistinctExactMax + 1, size_t{10'000}, size_t{60'000}}) {
    auto [users, ips] = CountsOf(Encode(Numbered(0, size)));
    EXPECT_FALSE(users.exact);
    EXPECT_GT(users.count, static_cast<int64_t>(kDistinctExactMax));
    EXPECT_NEAR(static_cast<double>(users.count), static_cast<double>(size),
                static_cast<double>(size) * 5 * HyperLogLog::kStandardError);
    EXPECT_FALSE(ips.exact);
  }
}

TEST(DistinctSetTest, RepetitionCountsOnce) {
  DistinctRow row;
  for (int i = 0; i < 5; ++i) AddTo(Numbered(0, 4'000), &row);
  EXPECT_EQ(row.users.Count(), (DistinctCount{4'000, true}));
}

TEST(DistinctSetTest, ElementsOfBothKindsAscendEachOnceWhateverTheirNumber) {
  std::mt19937_64 random(TestSeed());
  for (size_t count : {1U, 2U, 11U, 12U, 13U, 24U, 1'000U, 2'000U}) {
    DistinctSet set;
    std::set<DistinctElement> expected;
    for (size_t i = 0; i < count; ++i) {
      const DistinctElement e = UserElement(std::to_string(random() % count));
      const DistinctElement small = {{0, 0, static_cast<uint32_t>(random())}};
      for (const DistinctElement& added : {e, small, e}) {
        set.Add(std::span(&added, 1));
        expected.insert(added);
      }
    }
    ASSERT_LE(expected.size(), kDistinctExactMax);
    const std::span<const DistinctElement> elements = set.elements();
    ASSERT_TRUE(std::equal(elements.begin(), elements.end(), expected.begin(), expected.end())) << count;
  }
}

TEST(DistinctSetTest, AUnionForQueriesStaysExactFurther) {
  DistinctSet set(20'000);
  for (size_t i = 0; i < 20'001; ++i) {
    const DistinctElement e = UserElement(std::to_string(i));
    set.Add(std::span(&e, 1));
    if (i == 19'999) {
      EXPECT_EQ(set.Count(), (DistinctCount{20'000, true}));
    }
  }
  EXPECT_FALSE(set.Count().exact);
  set.Clear();
  EXPECT_EQ(set.Count(), (DistinctCount{0, true}));
}

TEST(DistinctSetTest, GoldenRowsReadAndWriteAsTheyDid) {
  const std::map<std::string, People> cases = {
      {"empty", {}},
      {"one_user", {{"u1"}, {}}},
      {"user_and_ipv4", {{"u1"}, {"207.1.1.22"}}},
      {"ipv6", {{}, {"2001:db8::1"}}},
      {"mixed", {{"u1", "u2", "u1"}, {"2001:db8::1", "207.1.1.22", "10.0.0.1"}}},
  };
  auto golden = ReadGolden("distinct_row_v1.txt");
  ASSERT_EQ(golden.size(), cases.size() + 1);
  for (const auto& [name, people] : cases) {
    SCOPED_TRACE(name);
    EXPECT_EQ(ToHex(Encode(people)), ToHex(golden[name]));
    EXPECT_EQ(CountsOf(golden[name]), CountsOf(Encode(people)));
  }
  EXPECT_EQ(ToHex(Merge({Encode({{"u1"}, {}}), "junk"})), ToHex(golden["envelope"]));
}

// Hashes and registers must not change either; a checksum stands for a page of hex.
TEST(DistinctSetTest, ASketchOfFiveThousandIsTheSameForEver) {
  const std::string bytes = Encode(Numbered(0, 5'000));
  EXPECT_EQ(bytes.size(), 1 + 2 * HyperLogLog::kPackedBytes);
  EXPECT_EQ(Checksum32(bytes), 0xB652'255AU);
  auto [users, ips] = CountsOf(bytes);
  EXPECT_EQ(users.count, 5'005);
  EXPECT_EQ(ips.count, 5'003);
}

// Random sets in random groupings, orders and repetitions: one result, which is the set's own.
TEST(DistinctSetTest, MergingIsAssociativeCommutativeAndIdempotent) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 60; ++round) {
    const size_t reach = round % 3 == 0 ? 9'000 : round % 3 == 1 ? 4'200 : 50;
    DistinctRow whole;
    std::vector<std::string> operands;
    const size_t count = 2 + random() % 6;
    for (size_t i = 0; i < count; ++i) {
      const size_t first = random() % reach;
      const People people = Numbered(first, first + random() % (reach - first + 1));
      AddTo(people, &whole);
      operands.push_back(Encode(people));
    }
    std::string expected;
    EncodeDistinctRow(&whole, &expected);
    EXPECT_EQ(Merge(operands), expected);
    std::shuffle(operands.begin(), operands.end(), random);
    std::string folded = operands[0];
    for (size_t i = 1; i < operands.size(); ++i) folded = Merge({operands[i], folded, operands[i - 1]});
    EXPECT_EQ(folded, expected);
    EXPECT_EQ(Merge({folded, folded}), expected);
  }
}

TEST(DistinctSetTest, BadOperandsAreKeptInAnEnvelope) {
  const std::string a = Encode({{"u1"}, {}});
  const std::string b = Encode({{"u2"}, {"1.2.3.4"}});
  const std::string envelope = Merge({a, "junk", b});
  EXPECT_EQ(envelope, Merge({Merge({b, "junk"}), a}));
  EXPECT_EQ(envelope, Merge({envelope, envelope})) << "repetition leaves no trace";
  DistinctRow row;
  EXPECT_EQ(AddDistinctRow(envelope, &row).code(), Code::kCorruption);
  EXPECT_EQ(row.users.Count().count, 0) << "nothing of it was added";
  std::vector<std::string_view> bad;
  ASSERT_TRUE(ReadDistinctEnvelope(envelope, &row, &bad).ok());
  EXPECT_EQ(row.users.Count().count, 2);
  EXPECT_EQ(bad, (std::vector<std::string_view>{"junk"}));
  EXPECT_EQ(ReadDistinctEnvelope(a, &row, &bad).code(), Code::kInvalid);
}

// Every flipped bit and every cut reads as Corruption or as some row that writes back the same, and
// merging such bytes loses nothing.
void ExpectHarmless(const std::string& bytes) {
  DistinctRow row;
  Status added = AddDistinctRow(bytes, &row);
  if (!added.ok()) {
    EXPECT_EQ(added.code(), Code::kCorruption);
    EXPECT_EQ(row.users.Count().count, 0);
    const std::string envelope = Merge({bytes, Encode({{"u1"}, {}})});
    DistinctRow good;
    std::vector<std::string_view> bad;
    ASSERT_TRUE(ReadDistinctEnvelope(envelope, &good, &bad).ok());
    EXPECT_EQ(good.users.Count().count, 1);
    return;
  }
  std::string again;
  EncodeDistinctRow(&row, &again);
  EXPECT_EQ(again, bytes);
}

TEST(DistinctSetTest, FlippedBitsAndCutsNeverHarm) {
  for (const People& people : {People{{"u1"}, {"1.2.3.4"}}, Numbered(0, 40), Numbered(0, 5'000)}) {
    const std::string bytes = Encode(people);
    const size_t step = bytes.size() > 1'000 ? 97 : 1;
    for (size_t i = 0; i < bytes.size(); i += step) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string flipped = bytes;
        flipped[i] = static_cast<char>(flipped[i] ^ 1 << bit);
        ExpectHarmless(flipped);
      }
      DistinctRow row;
      EXPECT_FALSE(AddDistinctRow(bytes.substr(0, i), &row).ok()) << i;
    }
    DistinctRow row;
    EXPECT_FALSE(AddDistinctRow(bytes + '\0', &row).ok());
  }
}

TEST(DistinctSetTest, ARowOfOnePersonTakesNineteenBytes) {
  EXPECT_EQ(Encode({{"some-user"}, {"10.1.2.3"}}).size(), 19U);
}

}  // namespace
}  // namespace tallymark
