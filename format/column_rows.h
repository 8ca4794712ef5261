#ifndef TALLYMARK_FORMAT_COLUMN_ROWS_H_
#define TALLYMARK_FORMAT_COLUMN_ROWS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tallymark {

// How a set of rows is stored. Stored in raw blocks: never renumber.
enum class RowSetForm : uint8_t {
  kAll = 0,      // every row; no bytes
  kBitmap = 1,   // one bit a row
  kMembers = 2,  // the rows in the set, as distances
  kOthers = 3,   // the rows not in the set, as distances
};
inline constexpr uint8_t kRowSetFormMax = 3;

// Appends the smallest form of the set `rows` (strictly ascending, all below `count`; 1 to `count`
// of them; count <= 65,535) and returns which form that is.
RowSetForm EncodeRowSet(std::span<const uint16_t> rows, size_t count, std::string* out);

// Takes a set from the front of *in and replaces *rows by its members, ascending. False when the
// bytes are damaged or the set is empty. Allocates at most two bytes a member.
bool DecodeRowSet(RowSetForm form, std::string_view* in, size_t count, std::vector<uint16_t>* rows);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_COLUMN_ROWS_H_
