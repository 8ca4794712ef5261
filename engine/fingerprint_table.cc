#include "engine/fingerprint_table.h"

namespace tallymark {

bool FingerprintTable::Insert(const Hash128& id, uint8_t tag) {
  if (!many_ && few_->full() && !MoveToPages()) return false;
  return many_ ? many_->Insert(FingerprintOf(id), tag) : few_->Insert(FingerprintOf(id), tag);
}

bool FingerprintTable::MoveToPages() {
  many_ = std::make_unique<FingerprintPages>(pool_);
  bool all = true;
  few_->ForEach([&](Fingerprint fingerprint, uint8_t tag) { all = many_->Insert(fingerprint, tag) && all; });
  few_.reset();
  return all;
}

}  // namespace tallymark
