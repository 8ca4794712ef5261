#include "engine/session_reader.h"

#include <algorithm>
#include <map>
#include <random>
#include <tuple>

#include "engine/repacker.h"
#include "engine/session_tracker.h"
#include "format/time_units.h"
#include "tests/engine/test_log.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

constexpr int32_t kHour = 447'072;  // 2021-01-01T00:00:00Z
constexpr int64_t kStart = kHour * kNsPerHour;

std::string Text(const Session& s) {
  return s.key + " " + std::to_string(s.start_ns - kStart) + ".." + std::to_string(s.end_ns - kStart) + " " +
         std::to_string(s.clicks);
}

std::vector<std::string> Texts(const std::vector<Session>& sessions) {
  std::vector<std::string> texts;
  for (const Session& s : sessions) texts.push_back(Text(s));
  return texts;
}

class SessionReaderTest : public ::testing::Test {
 protected:
  void Click(const std::string& user, int64_t second, const std::string& ad = "a",
             const std::string& kind = "click") {
    std::string line = kind + ",ad_id=" + ad + " event_id=\"" + std::to_string(++number_) + "\"";
    if (!user.empty()) line += ",user_id=\"" + user + "\"";
    lines_ += line + " " + std::to_string(kStart + second * kNsPerSecond) + "\n";
  }
  void Store() {
    log_.Append(lines_);
    lines_.clear();
  }
  void Repack() {
    std::atomic<bool> stop{false};
    ASSERT_TRUE(Repacker(storage_.get(), 0).Run(log_.last_sequence(), true, stop).ok());
  }
  static SessionQuery Query(int64_t gap_seconds, size_t limit = 1000) {
    SessionQuery query;
    query.from_ns = kStart - 1000 * kNsPerDay;
    query.to_ns = kStart + 1000 * kNsPerDay;
    query.gap_ns = gap_seconds * kNsPerSecond;
    query.limit = limit;
    return query;
  }
  std::vector<Session> All(SessionQuery query, const SessionReader& reader, const std::string& ad = "a") {
    std::vector<Session> all;
    for (int pages = 0; pages < 10'000; ++pages) {
      Result<SessionPage> page = reader.Page(*ads_.Find(ad), query);
      EXPECT_TRUE(page.ok()) << page.status().message();
      if (!page.ok()) return all;
      EXPECT_LE(page->sessions.size(), query.limit);
      all.insert(all.end(), page->sessions.begin(), page->sessions.end());
      if (!page->cursor) return all;
      query.cursor = *page->cursor;
    }
    ADD_FAILURE() << "the pages do not end";
    return all;
  }
  std::vector<Session> All(const SessionQuery& query) { return All(query, reader_); }

  TestStorage storage_;
  AdTable ads_;
  TestLog log_{storage_.get(), &ads_};
  EventReader events_{storage_.get(), &ads_};
  SessionReader reader_{storage_.get(), &events_, &ads_};
  std::string lines_;
  int number_ = 0;
};

TEST_F(SessionReaderTest, ClicksExactlyAGapApartBelongTogether) {
  for (int64_t second : {100, 0, 50, 151, 301}) Click("u", second);
  Store();
  EXPECT_EQ(Texts(All(Query(50))),
            (std::vector<std::string>{"u 0..100000000000 3", "u 151000000000..151000000000 1",
                                      "u 301000000000..301000000000 1"}));
  EXPECT_EQ(Texts(All(Query(51))),
            (std::vector<std::string>{"u 0..151000000000 4", "u 301000000000..301000000000 1"}));
}

TEST_F(SessionReaderTest, OnlyClicksOfTheAdWithTheAttributeCount) {
  Click("u", 0);
  Click("u", 1, "a", "impression");
  Click("u", 2, "b");
  Click("", 3);
  Click("v", 4);
  Store();
  EXPECT_EQ(Texts(All(Query(60))), (std::vector<std::string>{"u 0..0 1", "v 4000000000..4000000000 1"}));
}

TEST_F(SessionReaderTest, AnyAttributeCanTellSessionsApart) {
  log_.Append("click,ad_id=a,zone=7,country=US event_id=\"1\",revenue=1.5 " + std::to_string(kStart) + "\n" +
              "click,ad_id=a,zone=7,country=DE event_id=\"2\",revenue=2 " + std::to_string(kStart + 1) +
              "\n");
  auto by = [&](const std::string& name) {
    SessionQuery query = Query(60);
    query.by = name;
    return Texts(All(query));
  };
  EXPECT_EQ(by("zone"), std::vector<std::string>{"7 0..1 2"});
  EXPECT_EQ(by("ad_id"), std::vector<std::string>{"a 0..1 2"});
  EXPECT_EQ(by("country"), (std::vector<std::string>{"US 0..0 1", "DE 1..1 1"}));
  EXPECT_EQ(by("revenue"), (std::vector<std::string>{"1.500000 0..0 1", "2.000000 1..1 1"}));
  EXPECT_TRUE(by("user_id").empty());
}

TEST_F(SessionReaderTest, ASessionIsCutAtTheEndsOfTheRange) {
  for (int64_t second = 0; second < 100; second += 10) Click("u", second);
  Store();
  SessionQuery query = Query(60);
  query.from_ns = kStart + 15 * kNsPerSecond;
  query.to_ns = kStart + 50 * kNsPerSecond;
  EXPECT_EQ(Texts(All(query)), std::vector<std::string>{"u 20000000000..40000000000 3"});
}

TEST_F(SessionReaderTest, ASessionOverManyHoursComesWholeOnThePageItBeginsOn) {
  for (int64_t minute = 0; minute < 60 * 50; minute += 20) Click("long", minute * 60);
  for (int64_t hour = 0; hour < 50; ++hour) Click("short" + std::to_string(hour), hour * 3600 + 7);
  Store();
  SessionQuery query = Query(1800, 1);
  const std::vector<Session> sessions = All(query);
  ASSERT_EQ(sessions.size(), 51U);
  EXPECT_EQ(Text(sessions[0]), "long 0.." + std::to_string(2980 * kNsPerMinute) + " 150");
}

TEST_F(SessionReaderTest, ManyHoursWithoutASessionEndAPageWithACursor) {
  Click("near", 0);
  Click("far", 2000 * 3600);
  for (int64_t hour = 0; hour < 2000; ++hour) {
    Click("", hour * 3600, "a");
    Click("", hour * 3600, "b");
  }
  Store();
  Result<SessionPage> first = reader_.Page(*ads_.Find("a"), Query(60));
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(first->cursor.has_value());
  EXPECT_EQ(Texts(All(Query(60))).size(), 2U);
}

TEST_F(SessionReaderTest, AForeignCursorIsInvalid) {
  Click("u", 0);
  Store();
  for (const char* cursor : {"x", "00", "zz", "0123456789abcdef0123456789abcdef0123456789abcdef00", "AB"}) {
    SessionQuery query = Query(60);
    query.cursor = cursor;
    EXPECT_EQ(reader_.Page(0, query).status().code(), Code::kInvalid) << cursor;
    EXPECT_EQ(SessionReader::FirstNeededNs(query).status().code(), Code::kInvalid) << cursor;
  }
}

TEST_F(SessionReaderTest, MoreKeysAtOneTimeThanFitAreRefused) {
  for (int i = 0; i < 40; ++i) Click("u" + std::to_string(i), 0);
  Store();
  SessionReader small(storage_.get(), &events_, &ads_, 16);
  EXPECT_EQ(small.Page(*ads_.Find("a"), Query(60)).status().code(), Code::kExhausted);
}

TEST_F(SessionReaderTest, DamageIsCorruptionAndNotAnEmptyPage) {
  Click("u", 0);
  Store();
  std::string block = *storage_->Get(Family::kRaw, RawKey{1}.Encode());
  block[block.size() / 2] = static_cast<char>(block[block.size() / 2] ^ 64);
  storage_.Put(Family::kRaw, RawKey{1}.Encode(), block);
  EXPECT_EQ(reader_.Page(0, Query(60)).status().code(), Code::kCorruption);
}

// Sessions by sorting each key's clicks, as one would on paper.
class NaiveSessions {
 public:
  void Add(const std::string& user, int64_t time_ns) { clicks_[user].push_back(time_ns); }

  std::vector<std::string> Find(const SessionQuery& query) const {
    std::vector<std::string> texts;
    for (auto [user, times] : clicks_) {
      std::sort(times.begin(), times.end());
      Session session;
      for (int64_t time : times) {
        if (time < query.from_ns || time >= query.to_ns) continue;
        if (session.clicks > 0 && time - session.end_ns > query.gap_ns) {
          texts.push_back(Text(session));
          session = Session();
        }
        if (session.clicks++ == 0) session.start_ns = time;
        session.key = user;
        session.end_ns = time;
      }
      if (session.clicks > 0) texts.push_back(Text(session));
    }
    std::sort(texts.begin(), texts.end());
    return texts;
  }

 private:
  std::map<std::string, std::vector<int64_t>> clicks_;
};

TEST_F(SessionReaderTest, AnyParametersGiveTheSessionsOfANaiveComputation) {
  const uint64_t seed = TestSeed();
  std::mt19937_64 random(seed);
  auto below = [&](uint64_t n) { return static_cast<int64_t>(random() % n); };
  NaiveSessions naive;
  SessionReader small(storage_.get(), &events_, &ads_, 64);  // reads hours in many stretches
  for (int round = 0; round < 40; ++round) {
    for (int64_t i = below(200); i > 0; --i) {
      const std::string user = "u" + std::to_string(below(12));
      // Whole minutes, so that clicks are often exactly a gap apart.
      const int64_t second = (below(3) == 0 ? below(6 * 60) : below(100 * 60)) * 60;
      naive.Add(user, kStart + second * kNsPerSecond);
      Click(user, second);
      Click(user, below(100 * 3600), "b");
    }
    if (!lines_.empty()) Store();
    if (round % 10 == 9) Repack();
    for (int query_number = 0; query_number < 4 && ads_.Find("a"); ++query_number) {
      SessionQuery query = Query(1 + below(below(2) == 0 ? 10 : 60 * 90) * 60, 1 + random() % 20);
      if (below(4) == 0) query.gap_ns = kNsPerMs + below(kNsPerMinute);
      query.from_ns = kStart + below(60 * 3600) * kNsPerSecond;
      query.to_ns = query.from_ns + 1 + below(60 * 3600) * kNsPerSecond;
      const std::vector<Session> sessions = All(query, below(2) == 0 ? reader_ : small);
      ASSERT_TRUE(std::is_sorted(sessions.begin(), sessions.end(),
                                 [](const Session& a, const Session& b) { return a.start_ns < b.start_ns; }))
          << "seed " << seed;
      std::vector<std::string> texts = Texts(sessions);
      std::sort(texts.begin(), texts.end());
      ASSERT_EQ(texts, naive.Find(query)) << "seed " << seed << " round " << round;
    }
  }
}

}  // namespace
}  // namespace tallymark
