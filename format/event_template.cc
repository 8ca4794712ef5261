#include "format/event_template.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "format/event_rules.h"

namespace tallymark {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool SetLiteral(std::string_view bytes, Literal* out) {
  if (bytes.size() > kLiteralBytesMax) return false;
  std::memset(out->bytes, 0, sizeof out->bytes);
  std::memcpy(out->bytes, bytes.data(), bytes.size());
  out->size = static_cast<uint8_t>(bytes.size());
  out->first_mask = static_cast<uint16_t>((1u << std::min<size_t>(bytes.size(), 16)) - 1);
  return true;
}

// Walks over a line known to be good; what it does not expect ends the learning.
class Learner {
 public:
  Learner(std::string_view line, EventTemplate* out) : line_(line), out_(out) {}

  bool Run() {
    for (char c : line_) {
      if (c < 0x20 || c > 0x7E || c == '\\') return false;
    }
    at_ = line_.find_first_of(", ");
    if (at_ == std::string_view::npos || !ParseEventKind(line_.substr(0, at_), &out_->kind)) return false;
    out_->slot_count = 0;
    out_->has_time = false;
    while (At(',')) {
      if (!AddSlot(true)) return false;
    }
    bool fields = line_.substr(at_).find('=') != std::string_view::npos;
    while (fields) {
      if (!AddSlot(false)) return false;
      fields = At(',');
    }
    if (At(' ')) {
      out_->has_time = true;
      ++at_;
      std::string_view time = line_.substr(at_);
      if (time.empty() || !std::all_of(time.begin(), time.end(), IsDigit)) return false;
    } else if (at_ != line_.size()) {
      return false;
    }
    RankExtras();
    if (!SetLiteral(line_.substr(literal_begin_, at_ - literal_begin_), &out_->tail)) return false;
    CountStops();
    return true;
  }

 private:
  bool At(char c) const { return at_ < line_.size() && line_[at_] == c; }

  // From the separator before a name to the end of its value.
  bool AddSlot(bool is_tag) {
    if (out_->slot_count == kMaxAttributes) return false;
    size_t name_begin = at_ + 1;
    size_t equals = line_.find('=', name_begin);
    if (equals == std::string_view::npos || line_[name_begin] == ' ') return false;
    TemplateSlot& slot = out_->slots[out_->slot_count++];
    size_t value_begin = equals + 1;
    size_t value_end = 0;
    bool suffix = false;
    if (!is_tag && line_[value_begin] == '"') {
      ++value_begin;
      slot.type = SlotType::kString;
      value_end = line_.find('"', value_begin);
      if (value_end == std::string_view::npos) return false;
      at_ = value_end + 1;
    } else {
      at_ = std::min(line_.find_first_of(", ", value_begin), line_.size());
      slot.type = is_tag ? SlotType::kTag : NumberType(line_.substr(value_begin, at_ - value_begin));
      suffix = slot.type == SlotType::kInt || slot.type == SlotType::kUint;
      value_end = suffix ? at_ - 1 : at_;
    }
    slot.name_begin = static_cast<uint8_t>(name_begin - literal_begin_);
    slot.name_size = static_cast<uint8_t>(equals - name_begin);
    slot.target = TargetOf(line_.substr(name_begin, equals - name_begin));
    slot.value_min = is_tag ? 1 : 0;
    slot.value_span = static_cast<uint16_t>(ValueBytesMax(slot.target) - slot.value_min);
    slot.suffix_size = static_cast<uint8_t>(suffix ? 1 : 0);
    slot.empty_is_absent = EmptyIsAbsent(slot.target);
    slot.extra_rank = 0;
    if (!SetLiteral(line_.substr(literal_begin_, value_begin - literal_begin_), &slot.before)) return false;
    literal_begin_ = value_end;
    return true;
  }

  static SlotType NumberType(std::string_view text) {
    if (!IsDigit(text[0]) && text[0] != '-' && text[0] != '.') return SlotType::kBool;
    return text.back() == 'i' ? SlotType::kInt : text.back() == 'u' ? SlotType::kUint : SlotType::kFloat;
  }

  // The stop that ends a value is the first of what follows it.
  void CountStops() {
    uint16_t stops = 0;
    for (size_t i = 0; i < out_->slot_count; ++i) {
      stops = static_cast<uint16_t>(stops + StopsIn(out_->slots[i].before));
      out_->slots[i].end_stop = stops;
    }
    out_->stop_count = static_cast<uint16_t>(stops + StopsIn(out_->tail) + 1);
  }

  static int StopsIn(const Literal& literal) {
    return static_cast<int>(std::count_if(literal.bytes, literal.bytes + literal.size, IsStop));
  }

  void RankExtras() {
    std::array<uint8_t, kMaxAttributes> extras{};
    size_t count = 0;
    for (uint8_t i = 0; i < out_->slot_count; ++i) {
      if (out_->slots[i].target == kExtraTarget) extras[count++] = i;
    }
    auto name = [&](uint8_t i) {
      const TemplateSlot& slot = out_->slots[i];
      return std::string_view(slot.before.bytes + slot.name_begin, slot.name_size);
    };
    std::sort(extras.begin(), extras.begin() + count,
              [&](uint8_t a, uint8_t b) { return name(a) < name(b); });
    for (size_t rank = 0; rank < count; ++rank)
      out_->slots[extras[rank]].extra_rank = static_cast<uint8_t>(rank);
    out_->extra_count = static_cast<uint8_t>(count);
  }

  std::string_view line_;
  EventTemplate* out_;
  size_t at_ = 0;
  size_t literal_begin_ = 0;
};

bool SameLiteral(const Literal& a, const Literal& b) {
  return a.size == b.size && std::memcmp(a.bytes, b.bytes, a.size) == 0;
}

}  // namespace

bool LearnTemplate(std::string_view line, EventTemplate* out) { return Learner(line, out).Run(); }

bool SameShape(const EventTemplate& a, const EventTemplate& b) {
  if (a.slot_count != b.slot_count || a.has_time != b.has_time || !SameLiteral(a.tail, b.tail)) return false;
  for (size_t i = 0; i < a.slot_count; ++i) {
    if (a.slots[i].type != b.slots[i].type || !SameLiteral(a.slots[i].before, b.slots[i].before))
      return false;
  }
  return true;
}

}  // namespace tallymark
