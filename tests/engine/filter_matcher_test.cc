#include "engine/filter_matcher.h"

#include <algorithm>
#include <random>

#include "engine/block_reader.h"
#include "engine/range_table.h"
#include "tests/engine/test_events.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

using Json = std::vector<std::pair<std::string, std::vector<std::string>>>;  // more than one text: a list

FilterDefinition Definition(const Json& patterns) {
  FilterDefinition definition;
  for (const auto& [attribute, texts] : patterns) {
    Status status = AddPattern(attribute, texts, texts.size() > 1, &definition);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  return definition;
}

std::vector<uint32_t> Matches(FilterMatcher* matcher, const FilterSet& set, const EventChunk& chunk,
                              const Event& event) {
  std::vector<uint32_t> places;
  matcher->Match(set, chunk, event, &places);
  std::vector<uint32_t> numbers;
  for (uint32_t place : places) numbers.push_back(set.number(place));
  std::ranges::sort(numbers);
  return numbers;
}

bool OneMatches(const Json& patterns, const std::string& line) {
  std::shared_ptr<const EventChunk> chunk = ParseLines(line + " 1609459200000000000\n");
  FilterSet set({{7, 0, Definition(patterns)}});
  FilterMatcher matcher;
  return !Matches(&matcher, set, *chunk, chunk->events.front()).empty();
}

TEST(FilterMatcherTest, EveryPatternMatchesWhatItSays) {
  const std::string line = "click,ad_id=a1,country=USA,os=13 ip=\"10.1.2.3\",user_id=\"u1\"";
  EXPECT_TRUE(OneMatches({{"country", {"USA"}}}, line));
  EXPECT_FALSE(OneMatches({{"country", {"US"}}}, line));
  EXPECT_TRUE(OneMatches({{"country", {"US*"}}}, line));
  EXPECT_TRUE(OneMatches({{"country", {"DE", "USA"}}}, line));
  EXPECT_TRUE(OneMatches({{"country", {"!DE"}}}, line));
  EXPECT_FALSE(OneMatches({{"country", {"!USA"}}}, line));
  EXPECT_TRUE(OneMatches({{"ip", {"10.0.0.0/8"}}}, line));
  EXPECT_FALSE(OneMatches({{"ip", {"!10.1.2.0/24"}}}, line));
  EXPECT_TRUE(OneMatches({{"ip", {"10.1*"}}}, line));
  EXPECT_TRUE(OneMatches({{"kind", {"click"}}, {"ad_id", {"a1"}}}, line));
  EXPECT_FALSE(OneMatches({{"kind", {"!click"}}}, line));
  EXPECT_TRUE(OneMatches({{"os", {"13"}}, {"user_id", {"u*"}}, {"ip", {"*"}}}, line));
  EXPECT_FALSE(OneMatches({{"os", {"13"}}, {"user_id", {"u2"}}}, line));
  EXPECT_TRUE(OneMatches({}, line));
}

TEST(FilterMatcherTest, OnlyTheStarMatchesWhatIsAbsent) {
  const std::string line = "click,ad_id=a1";
  EXPECT_TRUE(OneMatches({{"country", {"*"}}, {"os", {"*"}}}, line));
  for (const char* pattern : {"USA", "!USA", "U*"}) {
    EXPECT_FALSE(OneMatches({{"country", {pattern}}}, line)) << pattern;
    EXPECT_FALSE(OneMatches({{"os", {pattern}}}, line)) << pattern;
  }
  EXPECT_FALSE(OneMatches({{"ip", {"0.0.0.0/0"}}}, line));
  EXPECT_FALSE(OneMatches({{"revenue", {"!1"}}}, line));
  EXPECT_TRUE(OneMatches({{"revenue", {"1.50"}}}, "conversion,ad_id=a revenue=1.5"));
}

TEST(FilterMatcherTest, AFilterMatchesOnceHoweverManyOfItsTermsDo) {
  std::shared_ptr<const EventChunk> chunk =
      ParseLines("click,ad_id=a,os=1345 ip=\"10.1.1.1\" 1609459200000000000\n");
  FilterSet set({{1, 0, Definition({{"os", {"13*", "134*", "1345"}}})},
                 {2, 0, Definition({{"ip", {"10.0.0.0/8", "10.1.0.0/16", "10.1*"}}})}});
  FilterMatcher matcher;
  EXPECT_EQ(Matches(&matcher, set, *chunk, chunk->events.front()), (std::vector<uint32_t>{1, 2}));
}

TEST(FilterMatcherTest, ScratchOfOneSetDoesNotLeakIntoAnother) {
  std::shared_ptr<const EventChunk> chunk = ParseLines(
      "click,ad_id=a,os=13,device=1 1609459200000000000\nclick,ad_id=a,device=1 1609459200000000001\n");
  FilterMatcher matcher;
  for (int i = 0; i < 3; ++i) {
    FilterSet os({{1, 0, Definition({{"os", {"13"}}})}});
    EXPECT_EQ(Matches(&matcher, os, *chunk, chunk->events[0]).size(), 1U);
    EXPECT_EQ(Matches(&matcher, os, *chunk, chunk->events[1]).size(), 0U);
    FilterSet device({{1, 0, Definition({{"device", {"1"}}})}, {2, 0, Definition({{"os", {"!1"}}})}});
    EXPECT_EQ(Matches(&matcher, device, *chunk, chunk->events[0]).size(), 2U);
    EXPECT_EQ(Matches(&matcher, device, *chunk, chunk->events[1]).size(), 1U);
  }
}

// ---- Random filters and events against the plain meaning of a definition.

std::optional<std::string> ValueOf(const RawEvent& event, const std::string& name) {
  if (name == "kind") return std::string(EventKindName(event.kind));
  for (const auto& [attribute, value] : event.attributes) {
    if (attribute == name) return value;
  }
  return std::nullopt;
}

bool PlainlyMatches(const FilterDefinition& definition, const RawEvent& event) {
  for (const AttributePattern& pattern : definition.patterns) {
    if (pattern.terms.empty()) continue;
    std::optional<std::string> value = ValueOf(event, pattern.attribute);
    if (!value) return false;
    bool any = false;
    for (const PatternTerm& term : pattern.terms) {
      if (term.kind == TermKind::kValue) any |= *value == term.text;
      if (term.kind == TermKind::kPrefix) any |= value->starts_with(term.text);
      if (term.kind == TermKind::kCidr) any |= Contains(*ParseCidr(term.text), *ParseIp(*value));
    }
    if (any == pattern.negated) return false;
  }
  return true;
}

class RandomFilters {
 public:
  explicit RandomFilters(uint64_t seed) : random_(seed) {}

  uint64_t Pick(uint64_t n) { return random_() % n; }
  std::string Value(const std::string& attribute) {
    if (attribute == "kind") return std::array{"click", "impression", "conversion"}[Pick(3)];
    if (attribute == "ip") {
      if (Pick(4) == 0) return "2001:db8::" + std::to_string(1 + Pick(3)) + ":" + std::to_string(1 + Pick(9));
      return "10." + std::to_string(Pick(3)) + "." + std::to_string(Pick(3)) + "." + std::to_string(Pick(9));
    }
    return std::string(1, static_cast<char>('a' + Pick(3))) + std::to_string(Pick(12));
  }
  std::string Text(const std::string& attribute, bool in_list) {
    std::string text = Value(attribute);
    const uint64_t kind = Pick(6);
    if (kind == 0) {
      text = text.substr(0, 1 + Pick(text.size())) + "*";
    } else if (kind < 3 && attribute == "ip") {
      text += "/" + std::to_string(Pick(text.find(':') == std::string::npos ? 33 : 129));
    }
    if (!in_list && Pick(4) == 0) text.insert(0, "!");
    return text;
  }
  FilterDefinition Filter() {
    FilterDefinition definition;
    const uint64_t count = Pick(4);
    for (uint64_t i = 0; i < count; ++i) {
      const std::string name = kNames[Pick(std::size(kNames))];
      std::vector<std::string> texts(Pick(3) == 0 ? 1 + Pick(4) : 1);
      const bool is_list = texts.size() > 1;
      for (std::string& text : texts) text = Text(name, is_list);
      if (!is_list && Pick(10) == 0) texts[0] = "*";
      // A name that came before is refused, which is as well.
      Status added = AddPattern(name, texts, is_list, &definition);
      EXPECT_TRUE(added.ok() || added.message().ends_with("comes twice")) << added.message();
    }
    return definition;
  }
  std::string Line() {
    std::string line = Value("kind") + ",ad_id=" + Value("ad_id");
    for (const char* name : kNames) {
      if (std::string_view(name) == "kind" || std::string_view(name) == "ad_id" || Pick(3) == 0) continue;
      line += "," + std::string(name) + "=" + Value(name);
    }
    return line + " " + std::to_string(1609459200000000000 + static_cast<int64_t>(Pick(1000000))) + "\n";
  }

 private:
  static constexpr const char* kNames[] = {"kind",    "ad_id", "user_id", "ip",
                                           "country", "os",    "device",  "zone"};
  std::mt19937_64 random_;
};

TEST(FilterMatcherTest, AgreesWithThePlainMeaning) {
  RandomFilters random(TestSeed());
  FilterMatcher matcher;
  for (int round = 0; round < 60; ++round) {
    std::vector<FilterSet::Member> members;
    const uint64_t count = random.Pick(40);
    for (uint32_t i = 0; i < count; ++i) members.push_back({i + 1, 0, random.Filter()});
    FilterSet set(members);
    std::string lines;
    for (int i = 0; i < 200; ++i) lines += random.Line();
    std::shared_ptr<const EventChunk> chunk = ParseLines(lines);
    for (const Event& event : chunk->events) {
      const RawEvent raw = ToRawEvent(*chunk, event);
      std::vector<uint32_t> expected;
      for (const FilterSet::Member& member : members) {
        if (PlainlyMatches(member.definition, raw)) expected.push_back(member.number);
      }
      ASSERT_EQ(Matches(&matcher, set, *chunk, event), expected);
    }
  }
}

TEST(RangeTableTest, FindsEveryRangeAtItsEdges) {
  RangeTable<uint32_t> table(
      {{0, UINT32_MAX, 1}, {10, 19, 2}, {10, 19, 3}, {12, 12, 4}, {UINT32_MAX, UINT32_MAX, 5}});
  auto find = [&](uint32_t number) {
    std::span<const uint32_t> found = table.Find(number);
    std::vector<uint32_t> owners(found.begin(), found.end());
    std::ranges::sort(owners);
    return owners;
  };
  EXPECT_EQ(find(0), (std::vector<uint32_t>{1}));
  EXPECT_EQ(find(10), (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(find(12), (std::vector<uint32_t>{1, 2, 3, 4}));
  EXPECT_EQ(find(13), (std::vector<uint32_t>{1, 2, 3}));
  EXPECT_EQ(find(20), (std::vector<uint32_t>{1}));
  EXPECT_EQ(find(UINT32_MAX), (std::vector<uint32_t>{1, 5}));
  EXPECT_TRUE(RangeTable<uint32_t>({{5, 6, 1}}).Find(4).empty());
  EXPECT_TRUE(RangeTable<uint32_t>().empty());
}

}  // namespace
}  // namespace tallymark
