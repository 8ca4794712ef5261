#include "engine/ad_table.h"

#include <xxhash.h>

#include <atomic>
#include <random>
#include <thread>
#include <unordered_map>

#include "format/keys.h"
#include "tests/engine/test_storage.h"
#include "tests/format/seed.h"

namespace tallymark {
namespace {

uint64_t HashOf(std::string_view id) { return XXH3_64bits(id.data(), id.size()); }
uint32_t Intern(AdTable* table, std::string_view id) { return table->Intern(id, HashOf(id)); }

// Of every length up to the longest, distinct.
std::string NameOf(uint32_t n) {
  std::string name = std::to_string(n) + "-";
  name.resize(std::max<size_t>(name.size(), n % 128 + 1), 'x');
  return name;
}

TEST(AdTableTest, NumbersAreGivenInOrderOfFirstSight) {
  AdTable table;
  EXPECT_EQ(Intern(&table, "b"), 0U);
  EXPECT_EQ(Intern(&table, "a"), 1U);
  EXPECT_EQ(Intern(&table, "b"), 0U);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(table.Name(0), "b");
  EXPECT_EQ(table.Name(1), "a");
}

TEST(AdTableTest, WhatWasNeverSeenIsNotFound) {
  AdTable table;
  EXPECT_FALSE(table.Find("a").has_value());
  Intern(&table, "a");
  EXPECT_EQ(table.Find("a"), std::optional<uint32_t>(0));
  EXPECT_FALSE(table.Find("A").has_value());
  EXPECT_FALSE(table.Find("").has_value());
}

TEST(AdTableTest, NamesOfEveryLengthAreKept) {
  AdTable table;
  for (size_t size = 1; size <= 255; ++size) Intern(&table, std::string(size, 'n'));
  for (size_t size = 1; size <= 255; ++size) {
    const std::string name(size, 'n');
    EXPECT_EQ(table.Find(name), std::optional<uint32_t>(size - 1));
    EXPECT_EQ(table.Name(static_cast<uint32_t>(size - 1)), name);
  }
}

TEST(AdTableTest, NamesMayHoldAnyBytes) {
  AdTable table;
  const std::string zeros("a\0b", 3);
  EXPECT_EQ(Intern(&table, zeros), 0U);
  EXPECT_EQ(Intern(&table, "a"), 1U);
  EXPECT_EQ(table.Name(0), zeros);
}

TEST(AdTableTest, NamesWithEqualHashesAreToldApart) {
  AdTable table;
  EXPECT_EQ(table.Intern("a", 5), 0U);
  EXPECT_EQ(table.Intern("b", 5), 1U);
  EXPECT_EQ(table.Intern("c", 5 | 1), 2U);
  EXPECT_EQ(table.Intern("b", 5), 1U);
}

TEST(AdTableTest, ManyNamesKeepTheirNumbersWhileItGrows) {
  AdTable table;
  for (uint32_t n = 0; n < 200'000; ++n) ASSERT_EQ(Intern(&table, NameOf(n)), n);
  for (uint32_t n = 0; n < 200'000; ++n) {
    const std::string name = NameOf(n);
    ASSERT_EQ(table.Name(n), name);
    ASSERT_EQ(table.Find(name), std::optional<uint32_t>(n));
  }
  EXPECT_EQ(table.size(), 200'000U);
}

TEST(AdTableTest, ReadersBesideInterningSeeWholeNames) {
  AdTable table;
  std::atomic<bool> done{false};
  std::atomic<uint64_t> found{0};
  std::vector<std::thread> readers;
  for (unsigned r = 0; r < 3; ++r) {
    readers.emplace_back([&, r] {
      std::mt19937_64 random(r);
      while (!done.load()) {
        const uint32_t size = table.size();
        if (size == 0) continue;
        const auto n = static_cast<uint32_t>(random() % size);
        ASSERT_EQ(table.Name(n), NameOf(n));
        ASSERT_EQ(table.Find(NameOf(n)), std::optional<uint32_t>(n)) << "what is counted can be found";
        found.fetch_add(1);
      }
    });
  }
  for (uint32_t n = 0; n < 150'000; ++n) Intern(&table, NameOf(n));
  while (found.load() < 100) std::this_thread::yield();
  done = true;
  for (std::thread& t : readers) t.join();
}

// Events of these ads; an empty name is an event without one.
EventChunk ChunkOf(const std::vector<std::string>& names) {
  EventChunk chunk;
  for (const std::string& name : names) {
    Event event;
    if (!name.empty()) {
      chunk.Set(event, Field::kAdId, chunk.Append(name), name.size());
      event.ad_hash = HashOf(name);
    }
    chunk.events.push_back(event);
  }
  return chunk;
}

TEST(AdTableTest, RecognizesTheAdsThatItKnows) {
  AdTable table;
  std::vector<std::string> names;
  for (uint32_t n = 0; n < 100; ++n) names.push_back(NameOf(n));
  for (uint32_t n = 0; n < 100; n += 2) Intern(&table, names[n]);
  names[42].clear();
  EventChunk chunk = ChunkOf(names);
  EXPECT_EQ(table.Recognized(chunk, chunk.events[0]), AdNumbers::kUnknown) << "nobody looked";
  table.Recognize(&chunk);
  for (uint32_t n = 0; n < 100; ++n) {
    const bool known = n % 2 == 0 && n != 42;
    ASSERT_EQ(table.Recognized(chunk, chunk.events[n]), known ? n / 2 : AdNumbers::kUnknown) << n;
  }
}

TEST(AdTableTest, WhatAnotherTableRecognizedCountsForNothing) {
  AdTable former, table;
  Intern(&former, "a");
  Intern(&table, "b");
  Intern(&table, "a");
  EventChunk chunk = ChunkOf({"a"});
  former.Recognize(&chunk);
  EXPECT_EQ(former.Recognized(chunk, chunk.events[0]), 0U);
  EXPECT_EQ(table.Recognized(chunk, chunk.events[0]), AdNumbers::kUnknown);
  EXPECT_EQ(table.Intern(chunk, chunk.events[0]), 1U);
}

TEST(AdTableTest, RecognizingBesideInterningGivesRightNumbersOnly) {
  constexpr uint32_t kNames = 100'000;
  AdTable table;
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (unsigned r = 0; r < 3; ++r) {
    readers.emplace_back([&, r] {
      std::mt19937_64 random(r);
      for (bool last = false; !last;) {
        last = done.load();
        std::vector<uint32_t> wanted(64);
        std::vector<std::string> names;
        for (uint32_t& n : wanted) names.push_back(NameOf(n = static_cast<uint32_t>(random() % kNames)));
        const uint32_t size = table.size();
        EventChunk chunk = ChunkOf(names);
        table.Recognize(&chunk);
        for (size_t i = 0; i < wanted.size(); ++i) {
          const uint32_t number = table.Recognized(chunk, chunk.events[i]);
          if (number != AdNumbers::kUnknown || wanted[i] < size) {
            ASSERT_EQ(number, wanted[i]);
          }
        }
      }
    });
  }
  for (uint32_t n = 0; n < kNames; ++n) Intern(&table, NameOf(n));
  done = true;
  for (std::thread& t : readers) t.join();
}

class AdTableLoadTest : public ::testing::Test {
 protected:
  void Store(uint32_t first, const std::vector<std::string>& names) {
    std::string record;
    for (const std::string& name : names) AdTable::AppendName(name, &record);
    storage_.Put(Family::kAds, AdKey{first}.Encode(), record);
  }
  TestStorage storage_;
  AdTable table_;
};

TEST_F(AdTableLoadTest, RecordsComeBackAsOneTable) {
  Store(0, {"a", "b", std::string(128, 'l')});
  Store(3, {"d"});
  Store(4, {"e", "f"});
  ASSERT_TRUE(table_.Load(*storage_.get(), 6).ok());
  EXPECT_EQ(table_.size(), 6U);
  EXPECT_EQ(table_.Find("f"), std::optional<uint32_t>(5));
  EXPECT_EQ(table_.Name(2), std::string(128, 'l'));
  EXPECT_EQ(Intern(&table_, "d"), 3U);
  EXPECT_EQ(Intern(&table_, "g"), 6U);
}

TEST_F(AdTableLoadTest, NothingStoredIsAnEmptyTable) {
  ASSERT_TRUE(table_.Load(*storage_.get(), 0).ok());
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(AdTableLoadTest, AGapIsCorruption) {
  Store(0, {"a"});
  Store(2, {"c"});
  EXPECT_EQ(table_.Load(*storage_.get(), 3).code(), Code::kCorruption);
}

TEST_F(AdTableLoadTest, FewerOrMoreNamesThanTheLogKnowsAreCorruption) {
  Store(0, {"a", "b"});
  EXPECT_EQ(AdTable().Load(*storage_.get(), 3).code(), Code::kCorruption);
  EXPECT_EQ(AdTable().Load(*storage_.get(), 1).code(), Code::kCorruption);
}

TEST_F(AdTableLoadTest, ADamagedRecordIsCorruption) {
  storage_.Put(Family::kAds, AdKey{0}.Encode(),
               std::string("\x05"
                           "ab"));
  EXPECT_EQ(table_.Load(*storage_.get(), 1).code(), Code::kCorruption);
  storage_.Put(Family::kAds, AdKey{0}.Encode(), "\x80\x02" + std::string(256, 'x'));
  EXPECT_EQ(AdTable().Load(*storage_.get(), 1).code(), Code::kCorruption);
}

}  // namespace
}  // namespace tallymark
