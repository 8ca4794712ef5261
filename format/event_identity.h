#ifndef TALLYMARK_FORMAT_EVENT_IDENTITY_H_
#define TALLYMARK_FORMAT_EVENT_IDENTITY_H_

#include "format/event_chunk.h"

namespace tallymark {

// Fills event.identity, event.content_check and event.ad_hash from the other members (SPEC
// section 3).
//
// identity: with an event_id, XXH3_128 of its bytes plus a constant for the kind. Without one it is the
// whole event: XXH3_128 (another seed) of kind, time, and every attribute sorted by name, each
// name and value with its length before it, revenue as its millionths.
// content_check: 16 bits of a sum, so independent of the order of attributes, of XXH3_64 of every
// present field, extra (name and value), revenue and time; each hash is bound to what it belongs
// to, and the event id enters with half of the identity. Equal content has equal checks; of
// conflicting contents one in 65,536 goes unnoticed, which costs a metric, never a count.
//
// Both are functions of what the event itself carried: what it inherited from its click enters
// neither, so that a resend is known. What a raw block gives back hashes the same.
void ComputeIdentity(const EventChunk& chunk, Event& event);

// Fills event.user and event.address from their texts, inherited or not: what distinct sets hold of them. One
// that is there is left: the scan of lines makes some.
void ComputePeople(const EventChunk& chunk, Event& event);

// The identity of an event of this kind with this event_id: how a conversion finds its click.
Hash128 IdentityOfEventId(EventKind kind, std::string_view event_id);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_EVENT_IDENTITY_H_
