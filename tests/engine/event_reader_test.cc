#include "engine/event_reader.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "engine/repacker.h"
#include "format/time_units.h"
#include "tests/engine/test_log.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int32_t kHour = 447'072;  // 2021-01-01T00:00:00Z, the first hour of its day
constexpr int64_t kStart = kHour * kNsPerHour;
constexpr int64_t kForever = kStart + 10'000 * kNsPerDay;

std::string Line(const std::string& ad, int64_t time_ns, const std::string& id,
                 const std::string& kind = "click") {
  return kind + ",ad_id=" + ad + " event_id=\"" + id + "\" " + std::to_string(time_ns) + "\n";
}

class EventReaderTest : public ::testing::Test {
 protected:
  EventPage Page(const std::string& ad, int64_t from, int64_t to, size_t limit = 1000,
                 const std::string& cursor = "") {
    Result<EventPage> page = reader_.Page(*ads_.Find(ad), from, to, limit, cursor);
    EXPECT_TRUE(page.ok()) << page.status().message();
    return page.ok() ? *page : EventPage{};
  }
  static std::string IdOf(const RawEvent& event) {
    for (const auto& [name, value] : event.attributes) {
      if (name == "event_id") return value;
    }
    return "";
  }
  static std::vector<std::string> Ids(const EventPage& page) {
    std::vector<std::string> ids;
    for (const RawEvent& e : page.events) ids.push_back(IdOf(e));
    return ids;
  }
  // All pages one after another.
  std::vector<std::string> AllIds(const std::string& ad, int64_t from, int64_t to, size_t limit) {
    std::vector<std::string> ids;
    std::string cursor;
    for (;;) {
      EventPage page = Page(ad, from, to, limit, cursor);
      EXPECT_LE(page.events.size(), limit);
      for (const RawEvent& e : page.events) ids.push_back(IdOf(e));
      if (!page.cursor) return ids;
      cursor = *page.cursor;
    }
  }
  void Repack() {
    std::atomic<bool> stop{false};
    ASSERT_TRUE(Repacker(storage_.get(), 0).Run(log_.last_sequence(), true, stop).ok());
  }
  int32_t Next(int32_t hour) {
    Result<std::optional<int32_t>> next = reader_.NextHour(hour);
    EXPECT_TRUE(next.ok());
    return next->value_or(-1);
  }

  TestStorage storage_;
  AdTable ads_;
  TestLog log_{storage_.get(), &ads_};
  EventReader reader_{storage_.get(), &ads_};
};

TEST_F(EventReaderTest, ARecordComesBackWhole) {
  log_.Append(
      "conversion,ad_id=a,country=US,zone=7 event_id=\"v\",click_id=\"c\",revenue=1.5,ip=\"10.0.0.1\" " +
      std::to_string(kStart) + "\n");
  for (int round = 0; round < 2; ++round) {
    EventPage page = Page("a", kStart, kStart + 1);
    ASSERT_EQ(page.events.size(), 1U);
    const RawEvent& e = page.events[0];
    EXPECT_EQ(e.kind, EventKind::kConversion);
    EXPECT_EQ(e.time_ns, kStart);
    EXPECT_EQ(e.revenue_micros, std::optional<int64_t>(1'500'000));
    auto has = [&](const std::string& name, const std::string& value) {
      return std::count(e.attributes.begin(), e.attributes.end(), std::pair(name, value)) == 1;
    };
    EXPECT_EQ(e.attributes.at(0), (std::pair<std::string, std::string>("ad_id", "a")));
    EXPECT_TRUE(has("event_id", "v") && has("click_id", "c") && has("country", "US"));
    EXPECT_TRUE(has("ip", "10.0.0.1") && has("zone", "7"));
    EXPECT_EQ(e.attributes.size(), 6U);
    log_.Append(Line("a", kStart + 5, "other"));
    Repack();
  }
}

TEST_F(EventReaderTest, TheRangeIsHalfOpenAndOtherAdsStayOut) {
  log_.Append(Line("a", kStart - 1, "0") + Line("a", kStart, "1") + Line("a", kStart + 9, "2") +
              Line("a", kStart + 10, "3") + Line("b", kStart + 5, "4"));
  EXPECT_EQ(Ids(Page("a", kStart, kStart + 10)), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(Ids(Page("b", kStart - kNsPerDay, kForever)), std::vector<std::string>{"4"});
  EventPage none = Page("b", kStart + 6, kForever);
  EXPECT_TRUE(none.events.empty());
  EXPECT_FALSE(none.cursor.has_value());
  EXPECT_EQ(none.scanned_to_ns, kForever);
}

TEST_F(EventReaderTest, EventsComeByTimeThenKindWhateverTheirOrderOfArrival) {
  log_.Append(Line("a", kStart + 7, "3"));
  log_.Append(Line("a", kStart + 7, "2", "impression"));
  log_.Append(Line("a", kStart + 2 * kNsPerHour, "4") + Line("a", kStart + 6, "1"));
  log_.Append(Line("a", kStart - 3 * kNsPerHour, "0"));
  EXPECT_EQ(AllIds("a", kStart - kNsPerDay, kForever, 100),
            (std::vector<std::string>{"0", "1", "2", "3", "4"}));
}

TEST_F(EventReaderTest, APageEndsAtItsLimitAndTheCursorGoesOnBehindIt) {
  for (int i = 0; i < 10; ++i) log_.Append(Line("a", kStart + i, std::to_string(i)));
  EventPage first = Page("a", kStart, kForever, 4);
  EXPECT_EQ(Ids(first), (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(first.scanned_to_ns, kStart + 3);
  ASSERT_TRUE(first.cursor.has_value());
  log_.Append(Line("a", kStart + 2, "late, behind the cursor"));
  Repack();
  EXPECT_EQ(Ids(Page("a", kStart, kForever, 4, *first.cursor)),
            (std::vector<std::string>{"4", "5", "6", "7"}));
}

TEST_F(EventReaderTest, EventsOfOneNanosecondAreNeitherLostNorRepeatedBetweenPages) {
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += Line("a", kStart, std::to_string(i));
  log_.Append(lines);
  std::vector<std::string> expected = AllIds("a", kStart, kForever, 1000);
  ASSERT_EQ(expected.size(), 100U);
  EXPECT_EQ(std::set<std::string>(expected.begin(), expected.end()).size(), 100U);
  for (size_t limit : {1U, 7U, 99U, 100U}) EXPECT_EQ(AllIds("a", kStart, kForever, limit), expected) << limit;
}

TEST_F(EventReaderTest, AForeignCursorIsInvalid) {
  log_.Append(Line("a", kStart, "1"));
  for (const char* cursor : {"x", "00", "zz", "0123456789abcdef0123456789abcdef0123456789abcdef0123", "AB"}) {
    EXPECT_EQ(reader_.Page(0, kStart, kForever, 10, cursor).status().code(), Code::kInvalid) << cursor;
  }
}

TEST_F(EventReaderTest, OnePageLooksAtABoundedNumberOfHours) {
  std::string lines = Line("a", kStart + 2000 * kNsPerHour, "far");
  for (int h = 0; h < 2000; ++h) lines += Line("b", kStart + h * kNsPerHour, std::to_string(h));
  log_.Append(Line("a", kStart, "near") + lines);
  Repack();
  EventPage page = Page("a", kStart, kForever, 10);
  EXPECT_EQ(Ids(page), std::vector<std::string>{"near"});
  ASSERT_TRUE(page.cursor.has_value()) << "there was more to look at";
  EXPECT_LT(page.scanned_to_ns, kStart + 2000 * kNsPerHour);
  EXPECT_GT(page.scanned_to_ns, kStart + 500 * kNsPerHour);
  EXPECT_EQ(AllIds("a", kStart, kForever, 10), (std::vector<std::string>{"near", "far"}));
}

TEST_F(EventReaderTest, ThinHoursThatShareABlockAreFoundByTheHour) {
  log_.Append(Line("a", kStart + 3 * kNsPerHour, "1") + Line("a", kStart + 22 * kNsPerHour, "2"));
  ASSERT_EQ(log_.last_sequence(), 1U) << "one block for both";
  EXPECT_EQ(Ids(Page("a", kStart + 22 * kNsPerHour, kStart + 23 * kNsPerHour)),
            std::vector<std::string>{"2"});
  EXPECT_EQ(Ids(Page("a", kStart, kStart + 4 * kNsPerHour)), std::vector<std::string>{"1"});
  EXPECT_TRUE(Page("a", kStart + 4 * kNsPerHour, kStart + 22 * kNsPerHour).events.empty());
}

TEST_F(EventReaderTest, TheNextHourIsOneThatMayHoldEvents) {
  EXPECT_EQ(Next(0), -1);
  log_.Append(Line("a", kStart + 3 * kNsPerHour, "1") + Line("a", kStart + 22 * kNsPerHour, "2"));
  log_.Append(Line("a", kStart + 30 * kNsPerHour, "3"));
  EXPECT_EQ(Next(kHour - 1000), kHour + 3);
  EXPECT_LE(Next(kHour + 4), kHour + 22) << "a block that spans hours does not say which";
  EXPECT_EQ(Next(kHour + 23), kHour + 30);
  EXPECT_EQ(Next(kHour + 31), -1);
  Repack();
  EXPECT_EQ(Next(kHour - 1000), kHour + 3);
  EXPECT_EQ(Next(kHour + 4), kHour + 22);
  EXPECT_EQ(Next(kHour + 31), -1);
}

TEST_F(EventReaderTest, ExactTimesAreFoundInTheLogAndAfterRepacking) {
  log_.Append(Line("a", kStart + 5, "1") + Line("b", kStart + 6, "2"));
  log_.Append(Line("a", kStart + 9, "3"));
  const Hash128 id = ParseLines(Line("a", kStart + 5, "1"))->events[0].identity;
  IdentityPlace place{kHour, *ads_.Find("a"), 1, 0};
  for (int round = 0; round < 2; ++round) {
    Result<std::vector<int64_t>> times = reader_.TimesOf(id, place);
    ASSERT_TRUE(times.ok());
    EXPECT_EQ(*times, std::vector<int64_t>{kStart + 5});
    EXPECT_TRUE(reader_.TimesOf({1, 2}, place)->empty());
    IdentityPlace elsewhere = place;
    elsewhere.ad = *ads_.Find("b");
    EXPECT_TRUE(reader_.TimesOf(id, elsewhere)->empty());
    Repack();
  }
}

TEST_F(EventReaderTest, DamageIsCorruptionAndNotAnEmptyPage) {
  log_.Append(Line("a", kStart, "1"));
  std::string block = *storage_->Get(Family::kRaw, RawKey{1}.Encode());
  block[block.size() / 2] = static_cast<char>(block[block.size() / 2] ^ 64);
  storage_.Put(Family::kRaw, RawKey{1}.Encode(), block);
  EXPECT_EQ(reader_.Page(0, kStart, kForever, 10, "").status().code(), Code::kCorruption);
  storage_.Put(Family::kRawHours, HourKey{kHour, 1}.Encode(), "nonsense");
  EXPECT_EQ(reader_.Page(0, kStart, kForever, 10, "").status().code(), Code::kCorruption);
}

TEST_F(EventReaderTest, ANumberThatNoAdHasIsCorruption) {
  log_.Append(Line("a", kStart, "1"));
  AdTable empty;
  EXPECT_EQ(EventReader(storage_.get(), &empty).Page(0, kStart, kForever, 10, "").status().code(),
            Code::kCorruption);
}

TEST_F(EventReaderTest, AnyRangeAndPageSizeGivesEveryEventOnceInOrder) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  std::map<std::string, std::vector<int64_t>> times;
  int id = 0;
  for (int round = 0; round < 60; ++round) {
    std::string lines;
    for (uint64_t i = random() % 300; i > 0; --i) {
      const std::string ad = "ad" + std::to_string(random() % 5);
      const uint64_t hours = round % 3 == 0 ? 2 : 200;
      const int64_t time = kStart + static_cast<int64_t>(random() % (hours * 3600)) * kNsPerSecond;
      times[ad].push_back(time);
      lines += Line(ad, time, std::to_string(id++));
    }
    if (!lines.empty()) log_.Append(lines);
    if (round % 20 == 19) Repack();
    for (auto& [ad, expected_times] : times) {
      const int64_t from = kStart + static_cast<int64_t>(random() % 250) * kNsPerHour;
      const int64_t to = from + 1 + static_cast<int64_t>(random() % 100) * kNsPerHour;
      std::vector<int64_t> expected;
      for (int64_t t : expected_times) {
        if (t >= from && t < to) expected.push_back(t);
      }
      std::sort(expected.begin(), expected.end());
      std::vector<int64_t> read;
      std::set<std::string> ids;
      std::string cursor;
      const size_t limit = 1 + random() % 50;
      do {
        EventPage page = Page(ad, from, to, limit, cursor);
        for (const RawEvent& e : page.events) {
          read.push_back(e.time_ns);
          ids.insert(IdOf(e));
        }
        cursor = page.cursor.value_or("");
      } while (!cursor.empty());
      ASSERT_EQ(read, expected) << "seed " << seed;
      ASSERT_EQ(ids.size(), read.size()) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace tallymark
