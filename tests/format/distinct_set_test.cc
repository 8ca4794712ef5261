#include "format/distinct_set.h"

#include <gtest/gtest.h>
#include <xxhash.h>

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

// One of several rows of the same set, which is small, about as large as may be exact, or larger, by turns.
People RandomPart(std::mt19937_64& random, int round) {
  const size_t reach = round % 3 == 0 ? 9'000 : round % 3 == 1 ? 4'200 : 50;
  const size_t first = random() % reach;
  return Numbered(first, first + random() % (reach - first + 1));
}

std::pair<DistinctCount, DistinctCount> CountsOf(const std::string& bytes) {
  DistinctRow row;
  Status added = AddDistinctRow(bytes, &row);
  EXPECT_TRUE(added.ok()) << added.message();
  return {row.users.Count(), row.ips.Count()};
}

TEST(DistinctElementTest, Ipv4AddressesAreToldFromAllElse) {
  EXPECT_EQ(AddressElement("1.2.3.4").word, (std::array<uint32_t, 3>{0, 0, 0x01020304}));
  EXPECT_EQ(AddressElement("255.255.255.255").word[2], 0xFFFFFFFFU);
  EXPECT_TRUE(AddressElement("0.0.0.0").IsAddress());
  EXPECT_FALSE(AddressElement("2001:db8::1").IsAddress());
  EXPECT_FALSE(UserElement("1.2.3.4").IsAddress());
  EXPECT_FALSE(AddressElement("1.2.3").IsAddress());
  EXPECT_FALSE(AddressElement("01.2.3.4").IsAddress());
  EXPECT_FALSE(AddressElement("256.1.1.1").IsAddress());
  EXPECT_FALSE(AddressElement("1.1.1.999").IsAddress());
  EXPECT_FALSE(AddressElement("").IsAddress());
}

// Its text is all that a numbered id is made of, so no two of them can meet.
TEST(DistinctElementTest, UserIdsThatEndInANumberAreThemselves) {
  for (const char* id :
       {"0", "7", "4294967295", "u1", "u0", "user-12", "member:4294967295", "a1b2", "1.2.3.4", "\u00fc5"}) {
    const DistinctElement e = UserElement(id);
    ASSERT_TRUE(e.IsNumbered()) << id;
    std::array<char, kNumberedPrefixMax> bytes;
    const std::string prefix(NumberedPrefixText(e.high(), &bytes));
    EXPECT_EQ(prefix + std::to_string(e.word[2]), id);
    EXPECT_FALSE(e.IsAddress() || e.IsHash());
  }
  const std::string nul = std::string("a") + '\0' + "1";
  EXPECT_TRUE(UserElement(nul).IsNumbered());
  EXPECT_NE(UserElement(nul), UserElement("a1"));
  for (const char* id : {"u", "-", "00", "u01", "4294967296", "99999999999", "members:1", "u1x",
                         "12345678901234567", "a00000000000000000"})
    EXPECT_TRUE(UserElement(id).IsHash()) << id;
  EXPECT_EQ(UserElement(""), kNoElement);
}

DistinctElement HashOf(const std::string& text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {{static_cast<uint32_t>(hash.high64 >> 32) | 0x8000'0000U, static_cast<uint32_t>(hash.high64),
           static_cast<uint32_t>(hash.low64 >> 32)}};
}

TEST(DistinctElementTest, AsHashesTheyAreWhatTheirTextsWere) {
  EXPECT_EQ(HashedElement(UserElement("u1")).word,
            (std::array<uint32_t, 3>{0xf94ce9f2, 0xbf410d7d, 0x9dc02546}));
  std::mt19937_64 random(TestSeed());
  for (int i = 0; i < 200'000; ++i) {
    const std::string prefix = std::string("a-b_c:d").substr(0, random() % 8);
    const std::string id = prefix + std::to_string(static_cast<uint32_t>(random()) >> (random() % 32));
    ASSERT_TRUE(UserElement(id).IsNumbered());
    ASSERT_EQ(HashedElement(UserElement(id)), HashOf(id)) << id;
  }
  const DistinctElement hash = UserElement("no number");
  EXPECT_EQ(HashedElement(hash), hash);
  const DistinctElement address = AddressElement("1.2.3.4");
  EXPECT_EQ(HashedElement(address), address);
  EXPECT_EQ(SketchHash(UserElement("u1")), SketchHash(HashedElement(UserElement("u1"))));
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

const std::map<std::string, People>& GoldenCases() {
  static const std::map<std::string, People> kCases = {
      {"empty", {}},
      {"one_user", {{"u1"}, {}}},
      {"user_and_ipv4", {{"u1"}, {"207.1.1.22"}}},
      {"ipv6", {{}, {"2001:db8::1"}}},
      {"mixed", {{"u1", "u2", "u1"}, {"2001:db8::1", "207.1.1.22", "10.0.0.1"}}},
      {"five",
       {{"u1", "u20", "u300", "u4000", "u4001"}, {"1.0.0.1", "1.0.0.2", "1.0.0.3", "1.0.0.9", "1.0.1.1"}}},
      {"several", {{"u1", "x7", "55", "somebody"}, {"1.0.0.1", "2001:db8::1"}}},
  };
  return kCases;
}

TEST(DistinctSetTest, GoldenRowsReadAndWriteAsTheyDid) {
  auto golden = ReadGolden("distinct_row_v2.txt");
  ASSERT_EQ(golden.size(), GoldenCases().size() + 1);
  for (const auto& [name, people] : GoldenCases()) {
    SCOPED_TRACE(name);
    EXPECT_EQ(ToHex(Encode(people)), ToHex(golden[name]));
    EXPECT_EQ(CountsOf(golden[name]), CountsOf(Encode(people)));
  }
  EXPECT_EQ(ToHex(Merge({Encode({{"u1"}, {}}), "junk"})), ToHex(golden["envelope"]));
}

// A row that an earlier version wrote stays one, and whoever is in it already is not counted again.
TEST(DistinctSetTest, FormerRowsAreReadAndAddedTo) {
  auto golden = ReadGolden("distinct_row_v1.txt");
  ASSERT_EQ(golden.size(), 6U);
  for (auto& [name, bytes] : golden) {
    if (name == "envelope") continue;
    SCOPED_TRACE(name);
    const People& people = GoldenCases().at(name);
    EXPECT_EQ(CountsOf(bytes), CountsOf(Encode(people)));
    EXPECT_EQ(ToHex(Merge({bytes, bytes})), ToHex(bytes));
    EXPECT_EQ(ToHex(Merge({bytes, Encode(people)})), ToHex(bytes));
    EXPECT_EQ(ToHex(Merge({Encode(people), bytes})), ToHex(bytes));
  }
  const std::string sum = Merge({golden["mixed"], Encode({{"u2", "u3"}, {"10.0.0.1", "10.0.0.2"}})});
  EXPECT_EQ(CountsOf(sum), (std::pair(DistinctCount{3, true}, DistinctCount{4, true})));
  std::vector<std::string_view> bad;
  DistinctRow row;
  ASSERT_TRUE(ReadDistinctEnvelope(golden["envelope"], &row, &bad).ok());
  EXPECT_EQ(row.users.Count().count, 1);
}

// The bytes that a set had in form 1.
std::string EncodeFormer(const People& people) {
  DistinctRow row;
  AddTo(people, &row);
  row.users.HashNumbered();
  row.ips.HashNumbered();
  std::string out;
  EncodeDistinctRow(&row, &out);
  return out;
}

TEST(DistinctSetTest, UnionsOfFormerAndNewRowsDoNotDependOnTheirOrder) {
  std::mt19937_64 random(TestSeed());
  for (int round = 0; round < 60; ++round) {
    People all;
    bool any_former = false;
    std::vector<std::string> operands;
    for (size_t i = 0; i < 4; ++i) {
      const People people = RandomPart(random, round);
      if (i == 0) any_former = !people.users.empty();
      all.users.insert(all.users.end(), people.users.begin(), people.users.end());
      all.ips.insert(all.ips.end(), people.ips.begin(), people.ips.end());
      operands.push_back(i == 0 ? EncodeFormer(people) : Encode(people));
    }
    std::shuffle(operands.begin(), operands.end(), random);
    const std::string folded = Merge({Merge({operands[0], operands[1]}), Merge({operands[2], operands[3]})});
    EXPECT_EQ(folded, Merge(operands));
    EXPECT_EQ(CountsOf(folded), CountsOf(Encode(all)));
    if (CountsOf(folded).first.exact) {
      EXPECT_EQ(folded, any_former ? EncodeFormer(all) : Encode(all));
    }
  }
}

TEST(DistinctSetTest, ASetTakesOverAnotherWhateverItIs) {
  for (size_t size : {size_t{10}, size_t{5'000}}) {
    for (bool former : {false, true}) {
      DistinctRow part;
      DistinctRow sum;
      AddTo(Numbered(0, size), &part);
      AddTo(Numbered(size / 2, size + 3), &sum);
      if (former) part.users.HashNumbered();
      sum.users.AddSet(&part.users);
      DistinctRow whole;
      AddTo(Numbered(0, size + 3), &whole);
      EXPECT_EQ(sum.users.Count(), whole.users.Count());
    }
  }
}

// Lists of every kind and length are read back, with numbers near and far.
TEST(DistinctSetTest, ListsComeBackAsTheyWere) {
  std::mt19937_64 random(TestSeed());
  for (size_t size : {1U, 2U, 3U, 4U, 5U, 63U, 700U, 4'096U}) {
    for (unsigned bits : {3U, 12U, 20U, 32U}) {
      for (size_t prefixes : {1U, 3U, 40U}) {
        People people;
        for (size_t i = 0; i < size; ++i) {
          const uint64_t number = random() & ((uint64_t{1} << bits) - 1);
          people.users.push_back(std::string(random() % prefixes % 8, 'p') + std::to_string(number));
          if (prefixes > 8 && i % 5 == 0) people.users.back() += "x";
        }
        const std::string bytes = Encode(people);
        std::set<DistinctElement> expected;
        for (const std::string& u : people.users) expected.insert(UserElement(u));
        DistinctRow row;
        ASSERT_TRUE(AddDistinctRow(bytes, &row).ok());
        const std::span<const DistinctElement> elements = row.users.elements();
        ASSERT_TRUE(std::equal(elements.begin(), elements.end(), expected.begin(), expected.end()));
        ASSERT_EQ(ToHex(Merge({bytes, bytes})), ToHex(bytes));
      }
    }
  }
}

// Each is what no writer leaves, so reading one would let two rows of one set differ.
TEST(DistinctSetTest, ListsThatNobodyWritesAreRefused) {
  const std::string u = "\x01u";  // a prefix
  const std::map<std::string, std::string> cases = {
      {"no element", std::string("\x13\x02\x01u", 4)},
      {"a prefix of nine", "\x13\x06\x09uuuuuuuuu\x01"},
      {"a prefix that ends in a digit",
       "\x13\x06\x01"
       "5\x01"},
      {"an address group where there is a kind for it",
       "\x13\x07\x01\x08\x01"
       "abcd"},
      {"one group where there is a kind for it", "\x13\x07\x01" + u + "\x01\x05"},
      {"groups out of order", "\x13\x0b\x02" + u +
                                  "\x01\x05\x01"
                                  "a\x01\x05"},
      {"a group twice", "\x13\x0b\x02" + u + "\x01\x05" + u + "\x01\x06"},
      {"numbers out of order", "\x13\x0a" + u + "\x06\x05"},
      {"a number twice", "\x13\x0a" + u + "\x05\x05"},
      {"a number over 32 bits", "\x13\x06" + u + "\x80\x80\x80\x80\x10"},
      {"a parameter that is not the one", "\x13\x12" + u + std::string("\x01\x55", 2)},
      {"padding", "\x13\x12" + u + std::string("\x00\xaf", 2)},
      {"a cut code", "\x13\x12" + u + "\x1f\xff"},
      {"a hash that is none", std::string("\x13\x04") + "0123456789ab"},
  };
  for (const auto& [what, bytes] : cases) {
    DistinctRow row;
    EXPECT_EQ(AddDistinctRow(bytes, &row).code(), Code::kCorruption) << what << " " << ToHex(bytes);
  }
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
    DistinctRow whole;
    std::vector<std::string> operands;
    const size_t count = 2 + random() % 6;
    for (size_t i = 0; i < count; ++i) {
      const People people = RandomPart(random, round);
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

TEST(DistinctSetTest, ARowOfOnePersonTakesFewBytes) {
  EXPECT_EQ(Encode({{"some-user"}, {"10.1.2.3"}}).size(), 19U);
  EXPECT_EQ(Encode({{"u123456"}, {"10.1.2.3"}}).size(), 12U);
}

}  // namespace
}  // namespace tallymark
