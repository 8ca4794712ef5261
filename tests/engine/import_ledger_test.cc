#include "engine/import_ledger.h"

#include <gtest/gtest.h>

#include "tests/engine/test_storage.h"

namespace tallymark {
namespace {

ImportRecord Record(char content, ImportState state = ImportState::kLoaded) {
  ImportRecord record;
  record.state = state;
  record.content_hash.assign(kContentHashBytes, content);
  record.report.rows = 5;
  return record;
}

TEST(ImportLedgerTest, WhatWasPutIsFoundByNameAndContentAlsoAfterReopening) {
  TestStorage storage;
  ASSERT_TRUE(ImportLedger(storage.get()).Put("a.csv", Record('x', ImportState::kLoading), true).ok());
  ASSERT_TRUE(ImportLedger(storage.get()).Put("a.csv", Record('x'), true).ok());
  storage.Reopen();
  ImportLedger ledger(storage.get());
  auto found = ledger.Find("a.csv");
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ(**found, Record('x'));
  EXPECT_EQ(**ledger.FindContent(Record('x').content_hash), "a.csv");
}

TEST(ImportLedgerTest, WhatWasNotPutIsAbsent) {
  TestStorage storage;
  ImportLedger ledger(storage.get());
  ASSERT_TRUE(ledger.Put("a.csv", Record('x'), false).ok());
  EXPECT_FALSE(ledger.Find("a")->has_value());
  EXPECT_FALSE(ledger.Find("a.csv2")->has_value());
  EXPECT_FALSE(ledger.FindContent(Record('y').content_hash)->has_value());
}

TEST(ImportLedgerTest, NamesAreListedInOrderPageByPage) {
  TestStorage storage;
  ImportLedger ledger(storage.get());
  for (const char* name : {"b", "c", "a", "a/b"}) ASSERT_TRUE(ledger.Put(name, Record(*name), true).ok());
  std::vector<std::string> names;
  auto first = ledger.List("", 3);
  ASSERT_TRUE(first.ok());
  for (const auto& [name, record] : *first) names.push_back(name);
  auto rest = ledger.List(names.back(), 3);
  ASSERT_TRUE(rest.ok());
  for (const auto& [name, record] : *rest) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "a/b", "b", "c"}));
}

TEST(ImportLedgerTest, ADamagedRecordIsCorruption) {
  TestStorage storage;
  storage.Put(Family::kImports, ImportNameKey("a"), "nonsense");
  EXPECT_EQ(ImportLedger(storage.get()).Find("a").status().code(), Code::kCorruption);
  EXPECT_EQ(ImportLedger(storage.get()).List("", 10).status().code(), Code::kCorruption);
}

TEST(ImportLedgerTest, ARecordWithoutAHashIsNotKept) {
  TestStorage storage;
  EXPECT_EQ(ImportLedger(storage.get()).Put("a", ImportRecord(), true).code(), Code::kInternal);
  EXPECT_FALSE(ImportLedger(storage.get()).Find("a")->has_value());
}

}  // namespace
}  // namespace tallymark
