#ifndef TALLYMARK_FORMAT_ROW_ENVELOPE_H_
#define TALLYMARK_FORMAT_ROW_ENVELOPE_H_

#include <string>
#include <string_view>
#include <vector>

#include "format/status.h"

namespace tallymark {

// What a merge that must not fail makes of operands that are no rows: they are kept, verbatim, beside
// the row of those that were. The layout is that of hour_row.md and distinct_set.md: head, the row
// with its length, then each bad operand with its length, sorted.

// Appends an envelope around `good`. *bad is not empty; it is sorted on the way, so that the order
// of merges leaves no trace.
void AppendRowEnvelope(std::string_view good, std::vector<std::string_view>* bad, std::string* out);

// Views into `bytes`; false when they are no envelope. Whether *good is a row its codec knows.
bool ReadRowEnvelope(std::string_view bytes, std::string_view* good, std::vector<std::string_view>* bad);

// Corruption, for bytes that are no row of this kind ("hour row").
Status NotARow(std::string_view kind, std::string_view bytes);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_ROW_ENVELOPE_H_
