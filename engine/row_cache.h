#ifndef TALLYMARK_ENGINE_ROW_CACHE_H_
#define TALLYMARK_ENGINE_ROW_CACHE_H_

#include <rocksdb/cache.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tallymark {

// Stored rows of one family as they were last read, folded: a `Get` of a row that several files have
// an operand of asks each of them. Absent rows are remembered too, as empty.
//
// What it returns is exact as long as rows are put and found inside a ReadGate, and ForgetAll is called
// inside Exclude of the same gate whenever stored rows change. Thread safe under that rule.
class RowCache {
 public:
  // The least recently used rows go when keys, rows and bookkeeping take more than `bytes`.
  explicit RowCache(size_t bytes);

  // A row that stays as it is while this lives; absent when nothing was found.
  class Found {
   public:
    Found(rocksdb::Cache* cache, rocksdb::Cache::Handle* handle) : handle_(handle, Releaser{cache}) {}
    explicit operator bool() const { return handle_ != nullptr; }
    // Precondition: something was found. Empty: the row is known to be absent.
    std::string_view row() const;

   private:
    struct Releaser {
      rocksdb::Cache* cache;
      void operator()(rocksdb::Cache::Handle* handle) const { cache->Release(handle); }
    };
    std::unique_ptr<rocksdb::Cache::Handle, Releaser> handle_;
  };
  Found Find(std::string_view key) const;
  void Put(std::string_view key, std::string_view row);

  // Nothing that was put before is found any more.
  void ForgetAll() { generation_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::string Tagged(std::string_view key) const;

  // Part of each key, so that rows of former generations are never found and age away.
  std::atomic<uint64_t> generation_{0};
  const std::shared_ptr<rocksdb::Cache> cache_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_ROW_CACHE_H_
