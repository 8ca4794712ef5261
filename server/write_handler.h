#ifndef TALLYMARK_SERVER_WRITE_HANDLER_H_
#define TALLYMARK_SERVER_WRITE_HANDLER_H_

#include <boost/asio/awaitable.hpp>

#include "server/http_types.h"
#include "server/services.h"

namespace tallymark {

// A body may have this many bytes, also after unpacking.
inline constexpr size_t kWriteBodyBytesMax = 64 << 20;

// What became of the lines of a body; every answer to a write carries it in headers.
struct WriteCounts {
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t rejected = 0;
};
void AppendWriteCounts(const WriteCounts& counts, HttpAnswer* answer);

// POST /write and POST /api/v2/write (SPEC 2.2): unpack, parse, append, and answer when every good
// line is durable. What may pass later is a 503, never another 4xx: clients drop those batches.
boost::asio::awaitable<HttpAnswer> AnswerWriteV1(const Services& services, HttpRequest& request);
boost::asio::awaitable<HttpAnswer> AnswerWriteV2(const Services& services, HttpRequest& request);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_WRITE_HANDLER_H_
