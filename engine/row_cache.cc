#include "engine/row_cache.h"

#include "engine/storage.h"
#include "format/coding.h"

namespace tallymark {
namespace {

void DeleteRow(const rocksdb::Slice& /*key*/, void* row) { delete static_cast<std::string*>(row); }

}  // namespace

RowCache::RowCache(size_t bytes) : cache_(rocksdb::NewLRUCache(bytes)) {}

std::string_view RowCache::Found::row() const {
  return *static_cast<const std::string*>(handle_.get_deleter().cache->Value(handle_.get()));
}

std::string RowCache::Tagged(std::string_view key) const {
  std::string tagged;
  tagged.reserve(sizeof(uint64_t) + key.size());
  PutFixed(&tagged, generation_.load(std::memory_order_relaxed));
  tagged.append(key);
  return tagged;
}

RowCache::Found RowCache::Find(std::string_view key) const {
  return {cache_.get(), cache_->Lookup(Tagged(key))};
}

void RowCache::Put(std::string_view key, std::string_view row) {
  auto kept = std::make_unique<std::string>(row);
  const size_t charge = sizeof(std::string) + kept->capacity();
  // Without a place for it the cache deletes the row, and says so; then it is read again.
  cache_->Insert(Tagged(key), kept.release(), charge, &DeleteRow).PermitUncheckedError();
}

}  // namespace tallymark
