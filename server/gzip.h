#ifndef TALLYMARK_SERVER_GZIP_H_
#define TALLYMARK_SERVER_GZIP_H_

#include <string>
#include <string_view>

#include "format/status.h"
#include "server/byte_budget.h"

namespace tallymark {

// Unpacks gzip data (one member or several) to *out, which `hold` pays for as it grows. Nothing is
// unpacked past `bytes_max`, whatever the data promises.
// kInvalid: not gzip, damaged or cut short. kExhausted: more than bytes_max. kUnavailable: the
// budget of `hold` has no room now.
Status Gunzip(std::string_view packed, size_t bytes_max, BudgetHold* hold, std::string* out);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_GZIP_H_
