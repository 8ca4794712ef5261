#ifndef TALLYMARK_BENCH_CHECK_COUNTS_H_
#define TALLYMARK_BENCH_CHECK_COUNTS_H_

#include <cstdint>

#include "bench/workload.h"

namespace tallymark::bench {

// A fast wrong answer is no result: these end the program when the server's counts are not those of
// the workload.

// What `synced` said, to the last line, for a workload the server did not know.
void CheckTallies(const Workload& workload, const SendResult& sent);

// Over HTTP: the clicks of a few hundred ads, popular and rare, and the top list of the whole
// stream. The server holds this workload and nothing else in its time range.
void CheckCounts(const Workload& workload, uint16_t http_port, uint32_t filter = 0);

// Events the server has stored since its directory was made, by its own account.
double StoredEvents(uint16_t http_port);

}  // namespace tallymark::bench

#endif  // TALLYMARK_BENCH_CHECK_COUNTS_H_
