#include "engine/identity_generation.h"

#include <algorithm>
#include <bit>

namespace tallymark {

namespace {

constexpr size_t kFirstSlots = size_t{1} << 12;
// A generation begins with as many slots as leave half of them free with as many entries as the one before
// had. One that is sealed late has more, and placing millions of entries anew just before it goes
// would hold the sequencer up.
constexpr size_t kFullNumerator = 5;
constexpr size_t kFullDenominator = 8;

}  // namespace

IdentityGeneration::IdentityGeneration(PiecePool* pool, uint32_t expected)
    : pool_(pool), slots_(std::max(kFirstSlots, std::bit_ceil(size_t{expected} * 2 + 2))) {
  pieces_.reserve(kEntriesMax / kPerPiece + kLanes + 1);
}

IdentityGeneration::~IdentityGeneration() {
  for (LiveIdentity* piece : pieces_) pool_->Give(reinterpret_cast<char*>(piece));
}

void IdentityGeneration::AddPiece(Lane* lane) {
  const auto piece = static_cast<uint32_t>(pieces_.size());
  pieces_.push_back(reinterpret_cast<LiveIdentity*>(pool_->Take()));
  lane->pieces.push_back(piece);
  lane->next = piece * kPerPiece;
  lane->end = lane->next + kPerPiece;
}

uint32_t IdentityGeneration::Insert(const LiveIdentity& entry) {
  if (size_t{size_} * kFullDenominator >= slots_.size() * kFullNumerator) Grow();
  Lane& lane = lanes_[LaneOf(entry.id)];
  if (lane.next == lane.end) AddPiece(&lane);
  const uint32_t number = lane.next++;
  LiveIdentity& stored = At(number);
  stored = entry;
  if (entry.sequence == 0) stored.sequence = kUnderway | size_;
  Place(entry.id, number);
  ++size_;
  return number;
}

void IdentityGeneration::Place(const Hash128& id, uint32_t number) {
  size_t s = SlotOf(id);
  while (slots_[s] != 0) s = (s + 1) & (slots_.size() - 1);
  slots_[s] = TagOf(id) | (number + 1);
}

void IdentityGeneration::Grow() {
  slots_.assign(slots_.size() * 2, 0);
  ForEach([this](uint32_t number, const LiveIdentity& entry) { Place(entry.id, number); });
}

}  // namespace tallymark
