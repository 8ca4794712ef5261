#ifndef TALLYMARK_FORMAT_WAITING_CONVERSION_H_
#define TALLYMARK_FORMAT_WAITING_CONVERSION_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "format/event_chunk.h"
#include "format/status.h"

namespace tallymark {

// A conversion that names a click which is not there yet, as it is kept until the click comes: a
// value of the column family `pending_conversions`, see waiting_conversion.md. Everything that the
// event carries comes back byte for byte.

// The event must be a conversion with a click_id and without an ad. `arrival_ns` is the clock's time
// when it was accepted.
std::string EncodeWaitingConversion(const EventChunk& chunk, const Event& event, int64_t arrival_ns);

// Appends the conversion to chunk->events (its texts and extras likewise), its identity computed.
// Corruption says what is wrong; the chunk is then unspecified but valid.
Status DecodeWaitingConversion(std::string_view bytes, EventChunk* chunk, int64_t* arrival_ns);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_WAITING_CONVERSION_H_
