#include "format/distinct_set.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <functional>

#include "format/coding.h"
#include "format/row_envelope.h"

namespace tallymark {
namespace {

constexpr uint8_t kRowForm = 0x10;
constexpr uint8_t kRowFormMask = 0xF0;
constexpr unsigned kSetBits = 2;
constexpr unsigned kSetMask = 3;

// What a set is. Stored.
enum SetForm : unsigned { kEmpty = 0, kList = 1, kSketch = 2 };
// What a list holds. Stored in the low bits of its count.
enum ListForm : unsigned { kHashes = 0, kSmalls = 1, kMixed = 2 };
constexpr unsigned kListBits = 2;
constexpr unsigned kListMask = 3;

constexpr size_t kSmallBytes = 4;
constexpr size_t kHashBytes = sizeof(DistinctElement);

// A set whose bytes have been checked.
struct ParsedSet {
  std::vector<DistinctElement> elements;
  std::string_view sketch;
};
struct ParsedRow {
  ParsedSet users;
  ParsedSet ips;
};

bool TakeBytes(std::string_view* in, size_t size, std::string_view* bytes) {
  if (in->size() < size) return false;
  *bytes = in->substr(0, size);
  in->remove_prefix(size);
  return true;
}

bool ParseList(std::string_view* in, std::vector<DistinctElement>* elements) {
  uint64_t head = 0;
  if (!GetVarint64(in, &head)) return false;
  const uint64_t count = head >> kListBits;
  const auto form = static_cast<unsigned>(head & kListMask);
  if (count == 0 || count > kDistinctExactMax || form > kMixed) return false;
  uint64_t smalls = form == kSmalls ? count : 0;
  if (form == kMixed && (!GetVarint64(in, &smalls) || smalls == 0 || smalls >= count)) return false;
  std::string_view small_bytes;
  std::string_view hash_bytes;
  if (!TakeBytes(in, smalls * kSmallBytes, &small_bytes)) return false;
  if (!TakeBytes(in, (count - smalls) * kHashBytes, &hash_bytes)) return false;
  elements->resize(count);
  for (size_t i = 0; i < smalls; ++i) {
    (*elements)[i] = {};
    std::memcpy(&(*elements)[i].word[2], small_bytes.data() + i * kSmallBytes, kSmallBytes);
  }
  std::memcpy(elements->data() + smalls, hash_bytes.data(), hash_bytes.size());
  for (size_t i = 0; i < count; ++i) {
    if (i > 0 && !((*elements)[i - 1] < (*elements)[i])) return false;
    if (i >= smalls && (*elements)[i].word[0] >> 31 == 0) return false;
  }
  return true;
}

bool ParseSet(unsigned form, std::string_view* in, ParsedSet* set) {
  set->elements.clear();
  set->sketch = {};
  if (form == kEmpty) return true;
  if (form == kList) return ParseList(in, &set->elements);
  return form == kSketch && TakeBytes(in, HyperLogLog::kPackedBytes, &set->sketch) &&
         HyperLogLog::IsPacked(set->sketch);
}

bool ParseRow(std::string_view bytes, ParsedRow* row) {
  uint8_t head = 0;
  if (!GetFixed(&bytes, &head) || (head & kRowFormMask) != kRowForm) return false;
  return ParseSet(head & kSetMask, &bytes, &row->users) &&
         ParseSet(head >> kSetBits & kSetMask, &bytes, &row->ips) && bytes.empty();
}

void AddParsed(const ParsedSet& parsed, DistinctSet* set) {
  if (!parsed.sketch.empty()) {
    set->AddSketch(parsed.sketch);
  } else {
    set->AddSorted(parsed.elements);
  }
}

void AddParsed(const ParsedRow& parsed, DistinctRow* row) {
  AddParsed(parsed.users, &row->users);
  AddParsed(parsed.ips, &row->ips);
}

unsigned FormOf(DistinctSet* set) {
  if (set->sketch() != nullptr) return kSketch;
  return set->elements().empty() ? kEmpty : kList;
}

void EncodeSet(DistinctSet* set, std::string* out) {
  if (const HyperLogLog* sketch = set->sketch()) return sketch->AppendPacked(out);
  const std::span<const DistinctElement> elements = set->elements();
  if (elements.empty()) return;
  if (elements.size() > kDistinctExactMax) std::abort();  // a set made for queries
  size_t smalls = 0;
  while (smalls < elements.size() && elements[smalls].IsSmall()) ++smalls;
  const unsigned form = smalls == 0 ? kHashes : smalls == elements.size() ? kSmalls : kMixed;
  PutVarint64(out, elements.size() << kListBits | form);
  if (form == kMixed) PutVarint64(out, smalls);
  for (const DistinctElement& e : elements.first(smalls)) PutFixed(out, e.word[2]);
  const std::span<const DistinctElement> hashes = elements.subspan(smalls);
  out->append(reinterpret_cast<const char*>(hashes.data()), hashes.size_bytes());
}

// From so many elements on their being uniform pays (bench/README.md).
constexpr size_t kUniformSortMin = 24;

// As elements are ordered: addresses, spread over the lower half, then hashes, over the upper one.
// Precondition: not kNoElement, which no set has.
uint64_t UniformKey(const DistinctElement& e) { return e.IsSmall() ? uint64_t{e.word[2]} << 31 : e.high(); }

bool OpenEnvelope(std::string_view bytes, ParsedRow* good, std::vector<std::string_view>* bad) {
  std::string_view row;
  return ReadRowEnvelope(bytes, &row, bad) && ParseRow(row, good);
}

}  // namespace

void DistinctSet::Add(std::span<const DistinctElement> elements) {
  // In portions, so that a flood of repetitions takes no more memory than a full set.
  while (!elements.empty()) {
    if (is_sketch_) {
      for (const DistinctElement& e : elements) sketch_->Add(SketchHash(e));
      return;
    }
    const size_t portion = std::min(elements.size(), 2 * exact_max_ + 1 - elements_.size());
    elements_.insert(elements_.end(), elements.begin(), elements.begin() + static_cast<ptrdiff_t>(portion));
    elements = elements.subspan(portion);
    if (elements_.size() > 2 * exact_max_) Settle();
  }
}

void DistinctSet::AddSorted(std::span<const DistinctElement> elements) {
  if (is_sketch_ || settled_ != elements_.size() || elements.size() * 8 < elements_.size())
    return Add(elements);
  if (elements_.empty()) {
    elements_.assign(elements.begin(), elements.end());
  } else {
    scratch_.clear();
    std::set_union(elements_.begin(), elements_.end(), elements.begin(), elements.end(),
                   std::back_inserter(scratch_));
    elements_.swap(scratch_);
  }
  settled_ = elements_.size();
  if (settled_ > exact_max_) BecomeSketch();
}

void DistinctSet::AddSketch(std::string_view packed) {
  if (!is_sketch_) BecomeSketch();
  sketch_->MergePacked(packed);
}

void DistinctSet::BecomeSketch() {
  if (sketch_) {
    *sketch_ = HyperLogLog();
  } else {
    sketch_ = std::make_unique<HyperLogLog>();
  }
  for (const DistinctElement& e : elements_) sketch_->Add(SketchHash(e));
  elements_.clear();
  settled_ = 0;
  is_sketch_ = true;
}

void DistinctSet::Settle() {
  if (is_sketch_ || settled_ == elements_.size()) return;
  if (settled_ == 0 && elements_.size() >= kUniformSortMin) {
    sort_.Sort(&elements_, &scratch_, 0, UniformKey, std::less<>());
  } else {
    const auto middle = elements_.begin() + static_cast<ptrdiff_t>(settled_);
    std::sort(middle, elements_.end());
    std::inplace_merge(elements_.begin(), middle, elements_.end());
  }
  elements_.erase(std::unique(elements_.begin(), elements_.end()), elements_.end());
  settled_ = elements_.size();
  if (settled_ > exact_max_) BecomeSketch();
}

DistinctCount DistinctSet::Count() {
  Settle();
  if (!is_sketch_) return {static_cast<int64_t>(elements_.size()), true};
  // That there are more than this is known.
  return {std::max<int64_t>(std::llround(sketch_->Estimate()), kDistinctExactMax + 1), false};
}

const HyperLogLog* DistinctSet::sketch() {
  Settle();
  return is_sketch_ ? sketch_.get() : nullptr;
}

std::span<const DistinctElement> DistinctSet::elements() {
  Settle();
  return elements_;
}

void DistinctSet::Clear() {
  elements_.clear();
  settled_ = 0;
  is_sketch_ = false;
}

void EncodeDistinctRow(DistinctRow* row, std::string* out) {
  out->push_back(static_cast<char>(kRowForm | FormOf(&row->users) | FormOf(&row->ips) << kSetBits));
  EncodeSet(&row->users, out);
  EncodeSet(&row->ips, out);
}

Status AddDistinctRow(std::string_view bytes, DistinctRow* row) {
  ParsedRow parsed;
  if (!ParseRow(bytes, &parsed)) return NotARow("distinct row", bytes);
  AddParsed(parsed, row);
  return Status::Ok();
}

void MergeDistinctRows(std::span<const std::string_view> operands, std::string* out) {
  DistinctRow sum;
  ParsedRow parsed;
  std::vector<std::string_view> bad;
  std::vector<std::string_view> inner;
  for (std::string_view operand : operands) {
    if (ParseRow(operand, &parsed)) {
      AddParsed(parsed, &sum);
    } else if (OpenEnvelope(operand, &parsed, &inner)) {
      AddParsed(parsed, &sum);
      bad.insert(bad.end(), inner.begin(), inner.end());
    } else {
      bad.push_back(operand);
    }
  }
  if (bad.empty()) return EncodeDistinctRow(&sum, out);
  // Each once, so that repetition of merges leaves no trace.
  std::ranges::sort(bad);
  bad.erase(std::unique(bad.begin(), bad.end()), bad.end());
  std::string good;
  EncodeDistinctRow(&sum, &good);
  AppendRowEnvelope(good, &bad, out);
}

Status ReadDistinctEnvelope(std::string_view bytes, DistinctRow* good, std::vector<std::string_view>* bad) {
  ParsedRow parsed;
  if (!OpenEnvelope(bytes, &parsed, bad)) return Status::Invalid("distinct row: no error envelope");
  AddParsed(parsed, good);
  return Status::Ok();
}

}  // namespace tallymark
