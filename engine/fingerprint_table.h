#ifndef TALLYMARK_ENGINE_FINGERPRINT_TABLE_H_
#define TALLYMARK_ENGINE_FINGERPRINT_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/fingerprint.h"
#include "engine/fingerprint_pages.h"
#include "engine/fingerprint_slots.h"
#include "engine/slab.h"
#include "format/hash128.h"

namespace tallymark {

// Which segments may hold an identity: a set of (fingerprint, 8-bit tag) that answers "surely in none"
// or "maybe in these". Never a false "none". Few identities lie in an open table, more of them in pages.
//
// Not thread safe.
class FingerprintTable {
 public:
  static constexpr size_t kPieceBytes = FingerprintPages::kChunkBytes;

  // The pool hands out pieces of kPieceBytes and outlives the table.
  explicit FingerprintTable(PiecePool* pool) : pool_(pool), few_(std::make_unique<FingerprintSlots>()) {}

  // In two steps, some events apart.
  void PrefetchDirectory(const Hash128& id) const {
    if (many_) many_->PrefetchDirectory(FingerprintOf(id));
  }
  void Prefetch(const Hash128& id) const {
    if (many_) {
      many_->Prefetch(FingerprintOf(id));
    } else {
      few_->Prefetch(FingerprintOf(id));
    }
  }

  // Calls visit(tag) for every entry with the fingerprint of `id`.
  template <class Visit>
  void Find(const Hash128& id, Visit&& visit) const {
    if (many_) {
      many_->Find(FingerprintOf(id), visit);
    } else {
      few_->Find(FingerprintOf(id), visit);
    }
  }

  // False when it takes no more (too many tags of one fingerprint): the entry is then not in, others may
  // have been lost, and the caller must let the table go.
  [[nodiscard]] bool Insert(const Hash128& id, uint8_t tag);

  uint64_t bytes() const { return many_ ? many_->bytes() : few_->bytes(); }

 private:
  [[nodiscard]] bool MoveToPages();

  PiecePool* const pool_;
  std::unique_ptr<FingerprintSlots> few_;   // until there are too many
  std::unique_ptr<FingerprintPages> many_;  // from then on
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FINGERPRINT_TABLE_H_
