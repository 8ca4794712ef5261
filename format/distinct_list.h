#ifndef TALLYMARK_FORMAT_DISTINCT_LIST_H_
#define TALLYMARK_FORMAT_DISTINCT_LIST_H_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/distinct_element.h"

namespace tallymark {

// The bytes of an exact set, in two forms (distinct_set.md). Functions without state; any thread may call
// them. Equal elements give equal bytes. What is appended is not empty, ascends, each once, and has no
// kNoElement.

// Form 1: addresses and hashes, as they are.
void AppendHashList(std::span<const DistinctElement> elements, std::string* out);
// Form 3: numbers by their distances, behind the prefix that they share.
void AppendNumberList(std::span<const DistinctElement> elements, std::string* out);

// Takes a list from the front of *in. False when it is none, or not as it would be written; *in and
// *elements are unspecified then. At most `count_max` elements, ascending, each once; no more memory is
// taken than for these.
bool TakeHashList(std::string_view* in, size_t count_max, std::vector<DistinctElement>* elements);
bool TakeNumberList(std::string_view* in, size_t count_max, std::vector<DistinctElement>* elements);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_DISTINCT_LIST_H_
