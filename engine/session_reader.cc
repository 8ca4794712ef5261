#include "engine/session_reader.h"

#include <xxhash.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "engine/session_tracker.h"
#include "format/coding.h"
#include "format/decimal.h"
#include "format/raw_block.h"
#include "format/text_encoding.h"
#include "format/time_units.h"

namespace tallymark {
namespace {

// Sessions that begin are looked for in this many hours that held blocks; the cursor goes on there.
constexpr int kHoursPerPageMax = 24 * 31;
// The same for bytes of key texts as SessionReader::kRunsMax for runs.
constexpr size_t kTextBytesMax = size_t{64} << 20;

std::string EncodeCursor(const SessionPlace& place) {
  std::string bytes;
  PutFixed(&bytes, place.start_ns);
  PutFixed(&bytes, place.key.hi);
  PutFixed(&bytes, place.key.lo);
  return EncodeHex(bytes);
}

Result<SessionPlace> DecodeCursor(std::string_view cursor) {
  SessionPlace place;
  if (cursor.empty()) return place;
  std::optional<std::string> bytes = DecodeHex(cursor);
  std::string_view in = bytes ? std::string_view(*bytes) : std::string_view();
  if (!GetFixed(&in, &place.start_ns) || !GetFixed(&in, &place.key.hi) || !GetFixed(&in, &place.key.lo) ||
      !in.empty()) {
    return Status::Invalid("the cursor is not one of ours");
  }
  return place;
}

// The attribute that tells sessions apart.
class KeyColumn {
 public:
  KeyColumn(std::string_view name, std::string_view ad_id) : name_(name), ad_id_(ad_id) {
    for (int i = 0; i < kFieldCount; ++i) {
      if (FieldName(static_cast<Field>(i)) == name) field_ = static_cast<Field>(i);
    }
  }

  // Empty when the event does not carry it. The view lasts until the next call.
  std::optional<std::string_view> Of(const EventChunk& chunk, const Event& event) {
    if (field_ == Field::kAdId) return ad_id_;  // left out of blocks
    if (field_) return event.Has(*field_) ? std::optional(chunk.Get(event, *field_)) : std::nullopt;
    if (name_ == "revenue" && event.has_revenue) return money_ = FormatMicros(event.revenue_micros);
    for (uint32_t i = 0; i < event.extra_count; ++i) {
      const Extra& extra = chunk.extras[event.extra_begin + i];
      if (chunk.ExtraName(extra) == name_) return chunk.ExtraValue(extra);
    }
    return std::nullopt;
  }

 private:
  const std::string_view name_;
  const std::string_view ad_id_;
  std::optional<Field> field_;
  std::string money_;
};

// The runs of one stretch of time, at most an hour. When there are too many the stretch is made
// shorter and what lies beyond is read again as the next one.
class Stretch {
 public:
  Stretch(int64_t begin_ns, int64_t end_ns, int64_t slice_ns, size_t runs_max)
      : begin_ns_(begin_ns), end_ns_(end_ns), slice_ns_(slice_ns), runs_max_(runs_max) {}

  int64_t end_ns() const { return end_ns_; }
  bool Has(int64_t time_ns) const { return begin_ns_ <= time_ns && time_ns < end_ns_; }

  // False when one slice alone is too much.
  bool Add(int64_t time_ns, const Hash128& key, std::string_view text) {
    auto [found, fresh] = runs_.try_emplace({(time_ns - begin_ns_) / slice_ns_, key});
    Cell& cell = found->second;
    if (fresh) {
      cell = {time_ns, time_ns, 0, texts_.size(), text.size()};
      texts_.append(text);
    }
    cell.first_ns = std::min(cell.first_ns, time_ns);
    cell.last_ns = std::max(cell.last_ns, time_ns);
    ++cell.clicks;
    return !fresh || (runs_.size() <= runs_max_ && texts_.size() <= kTextBytesMax) || Halve();
  }

  // By slice. Views into the stretch.
  std::vector<ClickRun> Runs() const {
    std::vector<ClickRun> runs;
    runs.reserve(runs_.size());
    for (const auto& [id, cell] : runs_) {
      runs.push_back({id.first, id.second, cell.first_ns, cell.last_ns, cell.clicks,
                      std::string_view(texts_).substr(cell.text_begin, cell.text_size)});
    }
    std::sort(runs.begin(), runs.end(),
              [](const ClickRun& a, const ClickRun& b) { return a.slice < b.slice; });
    return runs;
  }

 private:
  using RunId = std::pair<int64_t, Hash128>;
  struct RunIdBits {
    size_t operator()(const RunId& id) const {
      return static_cast<size_t>(id.second.lo ^ static_cast<uint64_t>(id.first) * 0x9E3779B97F4A7C15ULL);
    }
  };
  struct Cell {
    int64_t first_ns = 0;
    int64_t last_ns = 0;
    uint64_t clicks = 0;
    size_t text_begin = 0;
    size_t text_size = 0;
  };

  bool Halve() {
    std::vector<int64_t> slices;
    slices.reserve(runs_.size());
    for (const auto& [id, cell] : runs_) slices.push_back(id.first);
    std::sort(slices.begin(), slices.end());
    auto cut = slices.begin() + static_cast<ptrdiff_t>(slices.size() / 2);
    if (*cut == slices.front()) cut = std::upper_bound(slices.begin(), slices.end(), *cut);
    if (cut == slices.end()) return false;
    end_ns_ = begin_ns_ + *cut * slice_ns_;
    std::erase_if(runs_, [&](const auto& entry) { return entry.first.first >= *cut; });
    std::string texts;
    for (auto& [id, cell] : runs_) {
      const size_t begin = texts.size();
      texts.append(texts_, cell.text_begin, cell.text_size);
      cell.text_begin = begin;
    }
    texts_ = std::move(texts);
    return true;
  }

  const int64_t begin_ns_;
  int64_t end_ns_;
  const int64_t slice_ns_;
  const size_t runs_max_;
  std::unordered_map<RunId, Cell, RunIdBits> runs_;
  std::string texts_;
};

Status TooManyKeys() {
  return Status::Exhausted("more than " + std::to_string(kSessionKeysMax) +
                           " keys have a session at one time; take a shorter gap");
}

class PageScan {
 public:
  PageScan(Storage* storage, const EventReader* events, uint32_t ad, std::string_view ad_id,
           const SessionQuery& query, const SessionPlace& after, size_t runs_max)
      : storage_(storage),
        events_(events),
        ad_(ad),
        query_(query),
        runs_max_(runs_max),
        key_(query.by, ad_id),
        tracker_(query.gap_ns, query.limit, after) {}

  Result<SessionPage> Run(int64_t first_ns) {
    SessionPage page;
    int32_t hour = HourOf(first_ns);
    for (int looked_at = 0;; ++looked_at, ++hour) {
      Result<std::optional<int32_t>> next = events_->NextHour(hour);
      if (!next.ok()) return next.status();
      if (!next->has_value() || **next * kNsPerHour >= query_.to_ns) break;
      hour = **next;
      tracker_.AdvanceTo(hour * kNsPerHour);
      if (looked_at == kHoursPerPageMax && !tracker_.ended_starts()) {
        tracker_.EndStarts();
        page.cursor = EncodeCursor({hour * kNsPerHour - 1, {UINT64_MAX, UINT64_MAX}});
      }
      if (tracker_.ended_starts() && tracker_.open() == 0) break;
      Status read = ReadHour(hour, std::max(first_ns, hour * kNsPerHour));
      if (!read.ok()) return read;
    }
    if (!page.cursor && tracker_.full()) page.cursor = EncodeCursor(tracker_.last());
    page.sessions = tracker_.Take();
    return page;
  }

 private:
  Status ReadHour(int32_t hour, int64_t begin_ns) {
    const int64_t end_ns = std::min(query_.to_ns, (int64_t{hour} + 1) * kNsPerHour);
    while (begin_ns < end_ns) {
      Stretch stretch(begin_ns, end_ns, std::min(query_.gap_ns, kNsPerHour), runs_max_);
      Status read = ReadStretch(hour, &stretch);
      if (!read.ok()) return read;
      const std::vector<ClickRun> runs = stretch.Runs();
      for (auto begin = runs.begin(); begin != runs.end();) {
        auto end =
            std::find_if(begin, runs.end(), [&](const ClickRun& r) { return r.slice != begin->slice; });
        tracker_.AddSlice(begin, end);
        begin = end;
      }
      begin_ns = stretch.end_ns();
      if (tracker_.open() <= kSessionKeysMax) continue;
      tracker_.AdvanceTo(begin_ns);
      if (tracker_.open() > kSessionKeysMax) return TooManyKeys();
    }
    return Status::Ok();
  }

  Status ReadStretch(int32_t hour, Stretch* stretch) {
    ReadGate::Pass pass = storage_->raw_gate().Enter();
    return events_->ForEachBlock(hour, &ad_, [&](std::string_view block) {
      EventChunk chunk;
      std::vector<uint32_t> ads;
      Status decoded = DecodeRawBlock(block, &ad_, &chunk, &ads);
      for (const Event& event : chunk.events) {
        if (!decoded.ok()) break;
        if (event.kind != EventKind::kClick || !stretch->Has(event.time_ns)) continue;
        std::optional<std::string_view> text = key_.Of(chunk, event);
        if (!text) continue;
        const XXH128_hash_t hash = XXH3_128bits(text->data(), text->size());
        const Hash128 key{hash.high64, hash.low64};
        if (tracker_.Follows(key) && !stretch->Add(event.time_ns, key, *text)) return TooManyKeys();
      }
      return decoded;
    });
  }

  Storage* const storage_;
  const EventReader* const events_;
  const uint32_t ad_;
  const SessionQuery& query_;
  const size_t runs_max_;
  KeyColumn key_;
  SessionTracker tracker_;
};

}  // namespace

Result<int64_t> SessionReader::FirstNeededNs(const SessionQuery& query) {
  Result<SessionPlace> after = DecodeCursor(query.cursor);
  if (!after.ok()) return after.status();
  if (query.cursor.empty() || after->start_ns < query.from_ns) return query.from_ns;
  return std::max(query.from_ns, after->start_ns - query.gap_ns);
}

Result<SessionPage> SessionReader::Page(uint32_t ad, const SessionQuery& query) const {
  Result<SessionPlace> after = DecodeCursor(query.cursor);
  if (!after.ok()) return after.status();
  Result<int64_t> first_ns = FirstNeededNs(query);
  if (!first_ns.ok()) return first_ns.status();
  return PageScan(storage_, events_, ad, ads_->Name(ad), query, *after, runs_max_).Run(*first_ns);
}

}  // namespace tallymark
