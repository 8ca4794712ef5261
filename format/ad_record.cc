#include "format/ad_record.h"

#include "format/checksum.h"
#include "format/coding.h"

namespace tallymark {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kOwnersMask = (1U << kAdOwnerCount) - 1;
constexpr uint8_t kHasRedirect = 1U << kAdOwnerCount;

Status Damaged(const char* record, const char* what) {
  return Status::Corruption(std::string(record) + ": " + what);
}

void Seal(std::string* out) { PutFixed(out, Checksum32(*out)); }

// Takes version, mask and checksum off; what is left are the parts.
Status Open(const char* record, std::string_view* in, uint8_t mask_max, uint8_t* mask) {
  uint32_t checksum = 0;
  if (in->size() < sizeof checksum) return Damaged(record, "shorter than its checksum");
  std::string_view tail = in->substr(in->size() - sizeof checksum);
  in->remove_suffix(sizeof checksum);
  if (!GetFixed(&tail, &checksum) || checksum != Checksum32(*in))
    return Damaged(record, "checksum does not match");
  uint8_t version = 0;
  if (!GetFixed(in, &version) || version != kVersion) return Damaged(record, "unknown version");
  if (!GetFixed(in, mask) || *mask > mask_max) return Damaged(record, "unknown parts");
  return Status::Ok();
}

bool TakeText(std::string_view* in, std::string* text) {
  std::string_view bytes;
  if (!GetLengthPrefixed(in, &bytes)) return false;
  text->assign(bytes);
  return true;
}

template <class Value>
uint8_t MaskOf(const std::array<std::optional<Value>, kAdOwnerCount>& owners) {
  unsigned mask = 0;
  for (size_t i = 0; i < kAdOwnerCount; ++i) mask |= (owners[i] ? 1U : 0U) << i;
  return static_cast<uint8_t>(mask);
}

bool TakeOthers(std::string_view* in, std::vector<std::pair<std::string, std::string>>* others) {
  uint64_t count = 0;
  if (!GetVarint64(in, &count)) return false;
  others->clear();
  for (uint64_t i = 0; i < count; ++i) {
    std::string name;
    std::string value;
    if (!TakeText(in, &name) || !TakeText(in, &value)) return false;
    if (i > 0 && others->back().first >= name) return false;
    others->emplace_back(std::move(name), std::move(value));
  }
  return true;
}

}  // namespace

std::string EncodeLearnedAd(const LearnedAd& ad) {
  std::string out;
  PutFixed<uint8_t>(&out, kVersion);
  PutFixed<uint8_t>(&out, MaskOf(ad));
  for (const auto& owner : ad) {
    if (!owner) continue;
    PutFixed(&out, owner->time_ns);
    PutLengthPrefixed(&out, owner->event_id);
    PutLengthPrefixed(&out, owner->value);
  }
  Seal(&out);
  return out;
}

Status DecodeLearnedAd(std::string_view bytes, LearnedAd* ad) {
  constexpr char kRecord[] = "learned ad";
  uint8_t mask = 0;
  Status opened = Open(kRecord, &bytes, kOwnersMask, &mask);
  if (!opened.ok()) return opened;
  for (size_t i = 0; i < kAdOwnerCount; ++i) {
    (*ad)[i].reset();
    if ((mask >> i & 1U) == 0) continue;
    LearnedOwner& owner = (*ad)[i].emplace();
    if (!GetFixed(&bytes, &owner.time_ns) || !TakeText(&bytes, &owner.event_id) ||
        !TakeText(&bytes, &owner.value)) {
      return Damaged(kRecord, "cut short");
    }
  }
  return bytes.empty() ? Status::Ok() : Damaged(kRecord, "bytes that belong to nothing");
}

std::string EncodeAdSettings(const AdSettings& settings) {
  std::string out;
  PutFixed<uint8_t>(&out, kVersion);
  const unsigned mask = MaskOf(settings.owners) | (settings.redirect_url ? kHasRedirect : 0U);
  PutFixed<uint8_t>(&out, static_cast<uint8_t>(mask));
  for (const auto& owner : settings.owners) {
    if (owner) PutLengthPrefixed(&out, *owner);
  }
  if (settings.redirect_url) PutLengthPrefixed(&out, *settings.redirect_url);
  PutVarint64(&out, settings.others.size());
  for (const auto& [name, value] : settings.others) {
    PutLengthPrefixed(&out, name);
    PutLengthPrefixed(&out, value);
  }
  Seal(&out);
  return out;
}

Status DecodeAdSettings(std::string_view bytes, AdSettings* settings) {
  constexpr char kRecord[] = "ad settings";
  uint8_t mask = 0;
  Status opened = Open(kRecord, &bytes, kOwnersMask | kHasRedirect, &mask);
  if (!opened.ok()) return opened;
  *settings = AdSettings();
  for (size_t i = 0; i < kAdOwnerCount; ++i) {
    if ((mask >> i & 1U) != 0 && !TakeText(&bytes, &settings->owners[i].emplace()))
      return Damaged(kRecord, "cut short");
  }
  if ((mask & kHasRedirect) != 0 && !TakeText(&bytes, &settings->redirect_url.emplace()))
    return Damaged(kRecord, "cut short");
  if (!TakeOthers(&bytes, &settings->others)) return Damaged(kRecord, "its attributes do not add up");
  return bytes.empty() ? Status::Ok() : Damaged(kRecord, "bytes that belong to nothing");
}

}  // namespace tallymark
