#ifndef TALLYMARK_ENGINE_IDENTITY_REBUILD_H_
#define TALLYMARK_ENGINE_IDENTITY_REBUILD_H_

#include <cstdint>

#include "engine/ad_table.h"
#include "engine/storage.h"

namespace tallymark {

// Makes all identity segments anew from the raw records that are kept, up to `last_sequence`, the end of
// the log: for directories whose identities were hashed by an earlier rule. Nothing may use the identities
// meanwhile; `ads` is loaded. A crash leaves a part of them, which the next call replaces like the
// earlier ones. Reads everything once; memory for one generation. Errors: kIo, kCorruption.
Status RebuildIdentities(Storage* storage, const AdTable& ads, uint64_t last_sequence);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_IDENTITY_REBUILD_H_
