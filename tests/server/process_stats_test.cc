#include "server/process_stats.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace tallymark {
namespace {

TEST(ProcessStats, TheMemoryLimitIsAtMostWhatTheMachineHas) {
  std::ifstream file("/proc/meminfo");
  std::string name;
  uint64_t kilobytes = 0;
  ASSERT_TRUE(file >> name >> kilobytes);
  ASSERT_EQ(name, "MemTotal:");
  EXPECT_LE(MemoryLimit(), kilobytes * 1024);
  EXPECT_GT(MemoryLimit(), ReadProcessStats().resident_bytes);
}

}  // namespace
}  // namespace tallymark
