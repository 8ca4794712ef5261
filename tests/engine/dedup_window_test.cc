#include "engine/dedup_window.h"

#include "tests/engine/test_events.h"

namespace tallymark {
namespace {

TEST(DedupWindowTest, TheSmallestOfAllStartsIsKept) {
  TempDirectory directory;
  StorageOptions options;
  options.data_dir = directory.path();
  Result<std::unique_ptr<Storage>> storage = Storage::Open(options, std::make_shared<RetentionPositions>());
  ASSERT_TRUE(storage.ok());
  auto after = [&](int64_t window_ns, bool empty) {
    EXPECT_TRUE(NoteDedupWindow(storage->get(), window_ns, empty).ok());
    Result<int64_t> smallest = SmallestDedupWindow(**storage);
    EXPECT_TRUE(smallest.ok());
    return smallest.ok() ? *smallest : -1;
  };
  EXPECT_EQ(after(500, false), 0) << "events came before the first note";
  EXPECT_EQ(after(500, true), 500);
  EXPECT_EQ(after(900, false), 500);
  EXPECT_EQ(after(200, false), 200);
  EXPECT_EQ(after(0, false), 0);
}

}  // namespace
}  // namespace tallymark
