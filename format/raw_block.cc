#include "format/raw_block.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <unordered_map>

#include "format/coding.h"
#include "format/column_ads.h"
#include "format/column_ints.h"
#include "format/column_rows.h"
#include "format/column_scaled.h"
#include "format/column_text.h"
#include "format/prefetch.h"
#include "format/raw_block_layout.h"

namespace tallymark {
namespace {

constexpr size_t kPrefetchAhead = 8;       // events; they lie scattered, sorted by ad
constexpr size_t kKeptExtraColumns = 256;  // memory of more than these is given back

[[noreturn]] void Die(const char* broken_promise) {
  std::fprintf(stderr, "RawBlockEncoder: %s\n", broken_promise);
  std::abort();
}

// The texts of one attribute and the rows that carry it.
struct TextColumn {
  std::string_view name;
  std::vector<std::string_view> texts;
  std::vector<uint16_t> rows;          // empty as long as every row has a text
  std::vector<DistinctElement> known;  // empty, or of each text; see TextEncoder::Encode

  void Clear() {
    texts.clear();
    rows.clear();
    known.clear();
  }
  void Add(std::string_view text, uint16_t row) {
    if (texts.size() != row) AddRow(row);
    texts.push_back(text);
  }
  // Lists the rows so far, of which none was left out.
  void ListRows() {
    if (rows.size() == texts.size()) return;
    rows.resize(texts.size());
    std::iota(rows.begin(), rows.end(), uint16_t{0});
  }
  void AddRow(uint16_t row) {
    ListRows();
    rows.push_back(row);
  }
  bool EndsAt(uint16_t row) const {
    return !texts.empty() && (rows.empty() ? texts.size() - 1 : rows.back()) == row;
  }
};

struct Directory {
  std::string bytes;
  uint32_t column_count = 0;

  void Add(uint8_t column, uint8_t encoding, uint8_t layout, size_t body_size) {
    ++column_count;
    bytes.push_back(static_cast<char>(column));
    bytes.push_back(static_cast<char>(encoding));
    bytes.push_back(static_cast<char>(layout));
    PutVarint64(&bytes, body_size);
  }
  void Add(RawColumn column, uint8_t layout, size_t body_size) {
    Add(static_cast<uint8_t>(column), kNumbersEncoding, layout, body_size);
  }
};

uint64_t Distance(int64_t from, int64_t to) {
  return static_cast<uint64_t>(to) - static_cast<uint64_t>(from);
}

}  // namespace

struct RawBlockEncoder::Scratch {
  AdRuns runs;
  std::vector<uint64_t> numbers;
  std::vector<uint64_t> kinds;
  std::vector<int64_t> revenue;
  std::vector<uint16_t> revenue_rows;
  std::vector<uint16_t> joined_rows;  // of events that inherited something
  std::array<TextColumn, kFieldCount> fields;
  std::vector<TextColumn> extras;  // the first `extra_count` are in use
  size_t extra_count = 0;
  std::unordered_map<std::string_view, size_t> extra_by_name;
  std::vector<size_t> last_extras;  // columns of the row before, by position
  std::vector<std::string_view> per_ad;
  Directory directory;
  TextEncoder text_encoder;

  void Clear();
  void Gather(std::span<const EventRef> rows, RawBlockHeader* header);
  void GatherRow(const EventRef& ref, uint16_t row);
  void GatherExtras(const EventRef& ref, uint16_t row);
  size_t FindExtra(std::string_view name, size_t position);
  bool OneTextAnAd(const TextColumn& column);
  void PutNumbers(const RawBlockHeader& header, std::string* out);
  void PutRevenue(size_t count, std::string* out);
  void PutInherited(std::span<const EventRef> rows, std::string* out);
  void PutText(uint8_t id, TextColumn& column, size_t count, std::string* out);
  void PutExtras(size_t count, std::string* out);
};

void RawBlockEncoder::Scratch::Clear() {
  runs.ad.clear();
  runs.begin.clear();
  revenue.clear();
  revenue_rows.clear();
  joined_rows.clear();
  for (TextColumn& column : fields) column.Clear();
  if (extras.size() > kKeptExtraColumns) extras.resize(kKeptExtraColumns);
  for (TextColumn& column : extras) column.Clear();
  extra_count = 0;
  extra_by_name.clear();
  last_extras.clear();
  directory.bytes.clear();
  directory.column_count = 0;
}

// Events of one source tend to carry the same extras in the same places.
size_t RawBlockEncoder::Scratch::FindExtra(std::string_view name, size_t position) {
  if (position < last_extras.size() && extras[last_extras[position]].name == name)
    return last_extras[position];
  auto [at, is_new] = extra_by_name.try_emplace(name, extra_count);
  if (is_new) {
    if (extra_count == extras.size()) extras.emplace_back();
    extras[extra_count++].name = name;
  }
  if (position >= last_extras.size()) last_extras.resize(position + 1);
  last_extras[position] = at->second;
  return at->second;
}

void RawBlockEncoder::Scratch::GatherExtras(const EventRef& ref, uint16_t row) {
  for (size_t i = 0; i < ref.event->extra_count; ++i) {
    const Extra& extra = ref.chunk->extras[ref.event->extra_begin + i];
    TextColumn& column = extras[FindExtra(ref.chunk->ExtraName(extra), i)];
    if (column.EndsAt(row)) Die("an event carries an attribute twice");
    column.Add(ref.chunk->ExtraValue(extra), row);
  }
}

void RawBlockEncoder::Scratch::GatherRow(const EventRef& ref, uint16_t row) {
  const Event& event = *ref.event;
  const char* text = ref.chunk->text.data();
  for (size_t f = static_cast<size_t>(Field::kAdId) + 1; f < kFieldCount; ++f) {
    if (event.size[f] == kAbsent) continue;
    fields[f].Add({text + event.offset[f], event.size[f]}, row);
  }
  if (event.Has(Field::kUserId)) fields[static_cast<size_t>(Field::kUserId)].known.push_back(event.user);
  if (event.Has(Field::kIp)) fields[static_cast<size_t>(Field::kIp)].known.push_back(event.address);
  if (event.has_revenue) {
    revenue.push_back(event.revenue_micros);
    revenue_rows.push_back(row);
  }
  if (event.inherited != 0) joined_rows.push_back(row);
  if (event.extra_count > 0) GatherExtras(ref, row);
}

// One pass over the events, since each costs a cache miss.
void RawBlockEncoder::Scratch::Gather(std::span<const EventRef> rows, RawBlockHeader* header) {
  header->count = static_cast<uint32_t>(rows.size());
  header->ad_min = rows.front().ad;
  header->ad_max = rows.back().ad;
  header->time_min_ns = header->time_max_ns = rows.front().event->time_ns;
  numbers.resize(rows.size());
  kinds.resize(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i + kPrefetchAhead < rows.size()) PrefetchObject(*rows[i + kPrefetchAhead].event);
    const Event& event = *rows[i].event;
    if (i == 0 || rows[i].ad != rows[i - 1].ad) {
      if (i > 0 && rows[i].ad < rows[i - 1].ad) Die("rows are not sorted by ad");
      runs.ad.push_back(rows[i].ad);
      runs.begin.push_back(static_cast<uint32_t>(i));
    }
    header->time_min_ns = std::min(header->time_min_ns, event.time_ns);
    header->time_max_ns = std::max(header->time_max_ns, event.time_ns);
    numbers[i] = static_cast<uint64_t>(event.time_ns);
    kinds[i] = static_cast<uint64_t>(event.kind);
    GatherRow(rows[i], static_cast<uint16_t>(i));
  }
  runs.begin.push_back(header->count);
}

void RawBlockEncoder::Scratch::PutNumbers(const RawBlockHeader& header, std::string* out) {
  size_t start = out->size();
  EncodeAdRuns(runs, out);
  directory.Add(RawColumn::kAds, 0, out->size() - start);

  start = out->size();
  for (uint64_t& time : numbers) time -= static_cast<uint64_t>(header.time_min_ns);
  out->push_back(static_cast<char>(ScaleDown(kTimeDivisors, numbers)));
  EncodeInts(numbers, out);
  directory.Add(RawColumn::kTimes, 0, out->size() - start);

  start = out->size();
  EncodeInts(kinds, out);
  directory.Add(RawColumn::kKinds, 0, out->size() - start);
}

void RawBlockEncoder::Scratch::PutRevenue(size_t count, std::string* out) {
  if (revenue.empty()) return;
  size_t start = out->size();
  RowSetForm form = EncodeRowSet(revenue_rows, count, out);
  int64_t least = *std::min_element(revenue.begin(), revenue.end());
  numbers.clear();
  for (int64_t micros : revenue) numbers.push_back(Distance(least, micros));
  out->push_back(static_cast<char>(ScaleDown(kRevenueDivisors, numbers)));
  PutVarint64(out, ZigZag(least));
  EncodeInts(numbers, out);
  directory.Add(RawColumn::kRevenue, static_cast<uint8_t>(form), out->size() - start);
}

void RawBlockEncoder::Scratch::PutInherited(std::span<const EventRef> rows, std::string* out) {
  if (joined_rows.empty()) return;
  size_t start = out->size();
  RowSetForm form = EncodeRowSet(joined_rows, rows.size(), out);
  numbers.clear();
  for (uint16_t row : joined_rows) numbers.push_back(rows[row].event->inherited);
  EncodeInts(numbers, out);
  for (uint16_t row : joined_rows) {
    const Event& event = *rows[row].event;
    numbers.clear();
    for (uint32_t i = 0; i < event.extra_count; ++i) {
      if (rows[row].chunk->extras[event.extra_begin + i].inherited) numbers.push_back(i);
    }
    PutVarint64(out, numbers.size());
    uint64_t next = 0;
    for (uint64_t i : numbers) {
      PutVarint64(out, i - next);
      next = i + 1;
    }
  }
  directory.Add(RawColumn::kInherited, static_cast<uint8_t>(form), out->size() - start);
}

// Many attributes belong to the ad (campaign, advertiser): fills per_ad when each run of rows has
// one text and that is fewer texts.
bool RawBlockEncoder::Scratch::OneTextAnAd(const TextColumn& column) {
  if (runs.size() == column.texts.size()) return false;
  per_ad.clear();
  for (size_t run = 0; run < runs.size(); ++run) {
    std::string_view text = column.texts[runs.begin[run]];
    for (size_t row = runs.begin[run] + 1; row < runs.begin[run + 1]; ++row) {
      if (column.texts[row] != text) return false;
    }
    per_ad.push_back(text);
  }
  return true;
}

void RawBlockEncoder::Scratch::PutText(uint8_t id, TextColumn& column, size_t count, std::string* out) {
  if (column.texts.empty()) return;
  size_t start = out->size();
  bool everywhere = column.texts.size() == count;
  bool by_ad = everywhere && OneTextAnAd(column);
  auto layout = by_ad ? kLayoutPerAd : static_cast<uint8_t>(RowSetForm::kAll);
  if (!everywhere) {
    column.ListRows();
    layout = static_cast<uint8_t>(EncodeRowSet(column.rows, count, out));
  }
  const TextEncoding encoding =
      by_ad ? text_encoder.Encode(per_ad, {}, out) : text_encoder.Encode(column.texts, column.known, out);
  directory.Add(id, static_cast<uint8_t>(encoding), layout, out->size() - start);
}

void RawBlockEncoder::Scratch::PutExtras(size_t count, std::string* out) {
  std::sort(extras.begin(), extras.begin() + static_cast<std::ptrdiff_t>(extra_count),
            [](const TextColumn& a, const TextColumn& b) { return a.name < b.name; });
  for (size_t i = 0; i < extra_count; ++i) {
    PutText(static_cast<uint8_t>(RawColumn::kExtra), extras[i], count, out);
    PutLengthPrefixed(&directory.bytes, extras[i].name);
  }
}

RawBlockEncoder::RawBlockEncoder() : scratch_(std::make_unique<Scratch>()) {}
RawBlockEncoder::~RawBlockEncoder() = default;

void RawBlockEncoder::Encode(std::span<const EventRef> rows, std::string* out) {
  if (rows.empty() || rows.size() > kRawBlockEventsMax) Die("a block holds 1 to 8192 events");
  Scratch& s = *scratch_;
  RawBlockHeader header;
  s.Clear();
  s.Gather(rows, &header);
  size_t start = out->size();
  out->resize(start + sizeof header);
  s.PutNumbers(header, out);
  s.PutRevenue(rows.size(), out);
  s.PutInherited(rows, out);
  if (!s.joined_rows.empty()) header.version = kRawBlockVersion;
  for (size_t f = 0; f < kFieldCount; ++f) {
    s.PutText(FieldColumn(static_cast<Field>(f)), s.fields[f], rows.size(), out);
  }
  s.PutExtras(rows.size(), out);
  header.column_count = s.directory.column_count;
  header.directory_size = static_cast<uint32_t>(s.directory.bytes.size());
  out->append(s.directory.bytes);
  std::memcpy(out->data() + start, &header, sizeof header);
  SealRawBlock(out->data() + start, out->size() - start);
}

}  // namespace tallymark
