#include "engine/dedup_window.h"

#include "engine/meta_keys.h"
#include "format/coding.h"

namespace tallymark {

Result<int64_t> SmallestDedupWindow(const Storage& storage) {
  Result<std::string> stored = storage.Get(Family::kMeta, kMetaDedupWindow);
  if (!stored.ok() && stored.status().code() == Code::kNotFound) return int64_t{0};
  if (!stored.ok()) return stored.status();
  std::string_view in = *stored;
  int64_t window_ns = 0;
  if (!GetFixed(&in, &window_ns) || !in.empty()) return Status::Corruption("meta/dedup_window is unreadable");
  return window_ns;
}

Status NoteDedupWindow(Storage* storage, int64_t window_ns, bool empty) {
  Result<int64_t> smallest = SmallestDedupWindow(*storage);
  if (!smallest.ok()) return smallest.status();
  if (*smallest <= window_ns && !(empty && *smallest == 0)) return Status::Ok();
  std::string value;
  PutFixed(&value, window_ns);
  rocksdb::WriteOptions sync;
  sync.sync = true;
  return FromRocks(storage->db()->Put(sync, storage->handle(Family::kMeta), ToSlice(kMetaDedupWindow), value),
                   "note the dedup window");
}

}  // namespace tallymark
