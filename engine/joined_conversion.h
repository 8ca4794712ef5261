#ifndef TALLYMARK_ENGINE_JOINED_CONVERSION_H_
#define TALLYMARK_ENGINE_JOINED_CONVERSION_H_

#include "format/event_chunk.h"

namespace tallymark {

// The conversion as it counts once its click is known: with the click's ad, and with each of the
// click's attributes that it does not carry itself, marked as inherited. event_id, click_id, revenue,
// time and identity stay its own. The result is the only event of the chunk that is returned.
EventChunk JoinToClick(const EventChunk& conversion_chunk, const Event& conversion,
                       const EventChunk& click_chunk, const Event& click);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_JOINED_CONVERSION_H_
