#include <algorithm>
#include <array>
#include <limits>

#include "format/coding.h"
#include "format/column_ads.h"
#include "format/column_ints.h"
#include "format/column_rows.h"
#include "format/column_scaled.h"
#include "format/column_text.h"
#include "format/raw_block.h"
#include "format/raw_block_layout.h"

namespace tallymark {
namespace {

constexpr size_t kExtrasMax = std::numeric_limits<uint8_t>::max();  // Event::extra_count

Status Damaged(const RawColumnView& column) {
  return Status::Corruption("raw block: " + column.Name() + " (encoding " + std::to_string(column.encoding) +
                            ") is damaged");
}

// The rows asked for: [begin, end), of the ads [ad_begin, ad_end) of the block's runs.
struct Rows {
  size_t begin = 0;
  size_t end = 0;
  size_t ad_begin = 0;
  size_t ad_end = 0;

  size_t size() const { return end - begin; }
};

class Reader {
 public:
  Status Open(std::string_view block);
  Rows AllRows() const { return {0, header_.count, 0, runs_.size()}; }
  Rows RowsOf(uint32_t ad) const;

  // Each calls sink(i, value) for the wanted rows, i counting from the first of them.
  template <class Sink>
  Status Ads(const Rows& rows, Sink sink) const;
  template <class Sink>
  Status Times(const Rows& rows, Sink sink) const;
  template <class Sink>
  Status Kinds(const Rows& rows, Sink sink) const;
  template <class Sink>
  Status Revenue(const Rows& rows, Sink sink);
  template <class Sink>
  Status Texts(const RawColumnView& column, const Rows& rows, std::string* text, Sink sink);

  // Calls sink(i, mask of fields, indices among its extras) for the wanted rows that inherited.
  template <class Sink>
  Status Inherited(const Rows& rows, Sink sink);

  // The columns after the numbers.
  std::span<const RawColumnView> TextColumns() const { return std::span(columns_).subspan(numbers_); }
  // Calls sink(i) for the wanted rows that have a value in this column.
  template <class Sink>
  Status Presence(const RawColumnView& column, const Rows& rows, Sink sink);

 private:
  bool HasRevenue() const { return columns_.size() > 3 && columns_[3].Is(RawColumn::kRevenue); }
  bool TakePresence(const RawColumnView& column, const Rows& rows, std::string_view* body);
  Status DecodePlaces(const RawColumnView& column, std::string_view body, size_t count, size_t begin,
                      size_t n, std::string* text);

  RawBlockHeader header_;
  std::vector<RawColumnView> columns_;
  size_t numbers_ = 0;  // columns that are not texts: they come first
  AdRuns runs_;
  // Of the column read last: the rows that carry it, and which of them are wanted.
  std::vector<uint16_t> present_;
  size_t present_begin_ = 0;
  size_t present_end_ = 0;
  std::vector<TextPlace> places_;
};

Status Reader::Open(std::string_view block) {
  Status status = OpenRawBlock(block, &header_, &columns_);
  if (!status.ok()) return status;
  while (numbers_ < columns_.size() && columns_[numbers_].column < static_cast<uint8_t>(RawColumn::kField)) {
    ++numbers_;
  }
  for (size_t i = 0; i < numbers_; ++i) {
    if (columns_[i].encoding != kNumbersEncoding) return Damaged(columns_[i]);
  }
  if (!DecodeAdRuns(columns_[0].body, header_.ad_min, header_.ad_max, header_.count, &runs_)) {
    return Damaged(columns_[0]);
  }
  return Status::Ok();
}

Rows Reader::RowsOf(uint32_t ad) const {
  auto at = std::lower_bound(runs_.ad.begin(), runs_.ad.end(), ad);
  auto run = static_cast<size_t>(at - runs_.ad.begin());
  if (at == runs_.ad.end() || *at != ad) return {};
  return {runs_.begin[run], runs_.begin[run + 1], run, run + 1};
}

template <class Sink>
Status Reader::Ads(const Rows& rows, Sink sink) const {
  for (size_t run = rows.ad_begin; run < rows.ad_end; ++run) {
    for (size_t row = runs_.begin[run]; row < runs_.begin[run + 1]; ++row)
      sink(row - rows.begin, runs_.ad[run]);
  }
  return Status::Ok();
}

// Calls sink(i, number) for the `n` numbers from `begin` on; false as soon as it returns false.
template <class Sink>
bool ForEachInt(const IntsReader& ints, size_t begin, size_t n, Sink sink) {
  std::array<uint64_t, kIntsPiece> piece;
  for (size_t done = 0; done < n; done += kIntsPiece) {
    size_t size = std::min(kIntsPiece, n - done);
    ints.Read(begin + done, {piece.data(), size});
    for (size_t i = 0; i < size; ++i) {
      if (!sink(done + i, piece[i])) return false;
    }
  }
  return true;
}

template <class Sink>
Status Reader::Times(const Rows& rows, Sink sink) const {
  const RawColumnView& column = columns_[1];
  std::string_view body = column.body;
  uint8_t divisor_index = 0;
  IntsReader ints;
  if (!GetFixed(&body, &divisor_index) || divisor_index >= kTimeDivisors.size() ||
      !ints.Open(&body, header_.count) || !body.empty()) {
    return Damaged(column);
  }
  uint64_t divisor = kTimeDivisors[divisor_index];
  auto least = static_cast<uint64_t>(header_.time_min_ns);
  uint64_t most = (static_cast<uint64_t>(header_.time_max_ns) - least) / divisor;
  bool sound = ForEachInt(ints, rows.begin, rows.size(), [&](size_t i, uint64_t number) {
    sink(i, static_cast<int64_t>(least + number * divisor));
    return number <= most;
  });
  return sound ? Status::Ok() : Damaged(column);
}

template <class Sink>
Status Reader::Kinds(const Rows& rows, Sink sink) const {
  const RawColumnView& column = columns_[2];
  std::string_view body = column.body;
  IntsReader ints;
  if (!ints.Open(&body, header_.count) || !body.empty()) return Damaged(column);
  bool sound = ForEachInt(ints, rows.begin, rows.size(), [&](size_t i, uint64_t number) {
    sink(i, static_cast<EventKind>(number));
    return number >= 1 && number <= kEventKindCount;
  });
  return sound ? Status::Ok() : Damaged(column);
}

// Sets present_ and what of it is wanted, and leaves the values' bytes in *body. Not for columns
// that have a value an ad.
bool Reader::TakePresence(const RawColumnView& column, const Rows& rows, std::string_view* body) {
  *body = column.body;
  if (!DecodeRowSet(static_cast<RowSetForm>(column.layout), body, header_.count, &present_)) return false;
  auto rank = [this](size_t row) {
    return static_cast<size_t>(std::lower_bound(present_.begin(), present_.end(), row) - present_.begin());
  };
  present_begin_ = rank(rows.begin);
  present_end_ = rank(rows.end);
  return true;
}

template <class Sink>
Status Reader::Presence(const RawColumnView& column, const Rows& rows, Sink sink) {
  if (column.layout == static_cast<uint8_t>(RowSetForm::kAll) || column.layout == kLayoutPerAd) {
    for (size_t i = 0; i < rows.size(); ++i) sink(i);
    return Status::Ok();
  }
  std::string_view body;
  if (!TakePresence(column, rows, &body)) return Damaged(column);
  for (size_t i = present_begin_; i < present_end_; ++i) sink(present_[i] - rows.begin);
  return Status::Ok();
}

template <class Sink>
Status Reader::Revenue(const Rows& rows, Sink sink) {
  if (!HasRevenue()) return Status::Ok();
  const RawColumnView& column = columns_[3];
  std::string_view body;
  uint8_t divisor_index = 0;
  uint64_t least = 0;
  IntsReader ints;
  if (!TakePresence(column, rows, &body) || !GetFixed(&body, &divisor_index) ||
      divisor_index >= kRevenueDivisors.size() || !GetVarint64(&body, &least) ||
      !ints.Open(&body, present_.size()) || !body.empty()) {
    return Damaged(column);
  }
  uint64_t divisor = kRevenueDivisors[divisor_index];
  least = static_cast<uint64_t>(UnZigZag(least));
  uint64_t most = (static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) - least) / divisor;
  bool sound =
      ForEachInt(ints, present_begin_, present_end_ - present_begin_, [&](size_t i, uint64_t number) {
        sink(present_[present_begin_ + i] - rows.begin, static_cast<int64_t>(least + number * divisor));
        return number <= most;
      });
  return sound ? Status::Ok() : Damaged(column);
}

template <class Sink>
Status Reader::Inherited(const Rows& rows, Sink sink) {
  if (!columns_[numbers_ - 1].Is(RawColumn::kInherited)) return Status::Ok();
  const RawColumnView& column = columns_[numbers_ - 1];
  std::string_view body;
  IntsReader masks;
  if (!TakePresence(column, rows, &body) || !masks.Open(&body, present_.size())) return Damaged(column);
  std::vector<uint32_t> extras;
  for (size_t i = 0; i < present_.size(); ++i) {
    uint64_t mask = 0;
    masks.Read(i, {&mask, 1});
    const bool sound_mask = (mask & ~uint64_t{kInheritableFields}) == 0 && (mask & 1) != 0;
    uint64_t count = 0;
    if (!sound_mask || !GetVarint64(&body, &count) || count > kExtrasMax) return Damaged(column);
    extras.clear();
    uint64_t next = 0;
    for (uint64_t k = 0; k < count; ++k, ++next) {
      uint64_t distance = 0;
      if (!GetVarint64(&body, &distance) || distance > kExtrasMax) return Damaged(column);
      next += distance;
      extras.push_back(static_cast<uint32_t>(next));
    }
    if (i < present_begin_ || i >= present_end_) continue;
    if (!sink(present_[i] - rows.begin, static_cast<uint8_t>(mask), extras)) return Damaged(column);
  }
  return body.empty() ? Status::Ok() : Damaged(column);
}

// Fills places_ with `n` of the column's texts.
Status Reader::DecodePlaces(const RawColumnView& column, std::string_view body, size_t count, size_t begin,
                            size_t n, std::string* text) {
  places_.resize(n);
  Status status = DecodeTexts(column.encoding, body, count, begin, places_, text);
  return status.ok() ? status : status.WithContext("raw block: " + column.Name());
}

template <class Sink>
Status Reader::Texts(const RawColumnView& column, const Rows& rows, std::string* text, Sink sink) {
  if (column.layout == kLayoutPerAd) {
    size_t n = rows.ad_end - rows.ad_begin;
    Status status = DecodePlaces(column, column.body, runs_.size(), rows.ad_begin, n, text);
    if (!status.ok()) return status;
    for (size_t run = rows.ad_begin; run < rows.ad_end; ++run) {
      const TextPlace& place = places_[run - rows.ad_begin];
      for (size_t row = runs_.begin[run]; row < runs_.begin[run + 1]; ++row) sink(row - rows.begin, place);
    }
    return status;
  }
  if (column.layout == static_cast<uint8_t>(RowSetForm::kAll)) {
    Status status = DecodePlaces(column, column.body, header_.count, rows.begin, rows.size(), text);
    if (!status.ok()) return status;
    for (size_t i = 0; i < places_.size(); ++i) sink(i, places_[i]);
    return status;
  }
  std::string_view body;
  if (!TakePresence(column, rows, &body)) return Damaged(column);
  size_t n = present_end_ - present_begin_;
  Status status = DecodePlaces(column, body, present_.size(), present_begin_, n, text);
  if (!status.ok()) return status;
  for (size_t i = 0; i < n; ++i) sink(present_[present_begin_ + i] - rows.begin, places_[i]);
  return status;
}

// Extras of one event lie side by side in chunk->extras while columns are read one by one: the
// first pass counts, the second puts each at its event's next place.
Status DecodeExtras(Reader& reader, std::span<const RawColumnView> columns, const Rows& rows,
                    std::span<Event> events, EventChunk* chunk) {
  std::vector<uint32_t> counts(events.size());
  for (const RawColumnView& column : columns) {
    bool too_many = false;
    Status status = reader.Presence(column, rows, [&](size_t i) { too_many |= ++counts[i] > kExtrasMax; });
    if (!status.ok()) return status;
    if (too_many) return Status::Corruption("raw block: an event with over 255 attributes");
  }
  size_t next = chunk->extras.size();
  for (size_t i = 0; i < events.size(); ++i) {
    events[i].extra_begin = static_cast<uint32_t>(next);
    events[i].extra_count = 0;
    next += counts[i];
  }
  chunk->extras.resize(next);
  for (const RawColumnView& column : columns) {
    if (column.name.size() > std::numeric_limits<uint16_t>::max()) return Damaged(column);
    if (column.name.size() > std::numeric_limits<uint32_t>::max() - chunk->text.size()) {
      return Status::Exhausted("the decoded text would pass 4 GiB");
    }
    Extra extra;
    extra.name_offset = chunk->Append(column.name);
    extra.name_size = static_cast<uint16_t>(column.name.size());
    Status status = reader.Texts(column, rows, &chunk->text, [&](size_t i, const TextPlace& place) {
      extra.value_offset = place.offset;
      extra.value_size = place.size;
      chunk->extras[events[i].extra_begin + events[i].extra_count++] = extra;
    });
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

// After everything else is there: a field or an extra that is said to be inherited must be.
Status MarkInherited(Reader& reader, const Rows& rows, std::span<Event> events, EventChunk* chunk) {
  return reader.Inherited(rows, [&](size_t i, uint8_t mask, const std::vector<uint32_t>& extras) {
    Event& event = events[i];
    event.inherited = mask;
    for (size_t f = static_cast<size_t>(Field::kAdId) + 1; f < kFieldCount; ++f) {
      const auto field = static_cast<Field>(f);
      if (event.Inherited(field) && !event.Has(field)) return false;
    }
    for (uint32_t x : extras) {
      if (x >= event.extra_count) return false;
      chunk->extras[event.extra_begin + x].inherited = true;
    }
    return true;
  });
}

// Columns before events: each is read into an array of its own, and every event is then written
// once, since the events of a block do not fit the near caches.
struct DenseColumns {
  std::vector<int64_t> times_ns;
  std::vector<EventKind> kinds;
  std::array<std::vector<TextPlace>, kFieldCount> places;  // empty where no event has the field
  std::vector<Field> fields;                               // the others
};

constexpr TextPlace kNoPlace{0, kAbsent};

Status ReadDense(Reader& reader, const Rows& rows, std::span<const RawColumnView> columns, std::string* text,
                 DenseColumns* dense) {
  dense->times_ns.resize(rows.size());
  dense->kinds.resize(rows.size());
  Status status = reader.Times(rows, [&](size_t i, int64_t time_ns) { dense->times_ns[i] = time_ns; });
  if (!status.ok()) return status;
  status = reader.Kinds(rows, [&](size_t i, EventKind kind) { dense->kinds[i] = kind; });
  if (!status.ok()) return status;
  for (const RawColumnView& column : columns) {
    auto f = static_cast<size_t>(column.column) - static_cast<size_t>(RawColumn::kField);
    dense->fields.push_back(static_cast<Field>(f));
    std::vector<TextPlace>& places = dense->places[f];
    places.assign(rows.size(), kNoPlace);
    status = reader.Texts(column, rows, text, [&](size_t i, const TextPlace& place) { places[i] = place; });
    if (!status.ok()) return status;
  }
  return Status::Ok();
}

void AppendEvents(const DenseColumns& dense, std::vector<Event>* events) {
  for (size_t i = 0; i < dense.times_ns.size(); ++i) {
    Event& event = events->emplace_back();
    event.time_ns = dense.times_ns[i];
    event.kind = dense.kinds[i];
    for (Field field : dense.fields) {
      auto f = static_cast<size_t>(field);
      event.offset[f] = dense.places[f][i].offset;
      event.size[f] = dense.places[f][i].size;
    }
  }
}

Status DecodeRows(Reader& reader, const Rows& rows, EventChunk* chunk) {
  std::span<const RawColumnView> columns = reader.TextColumns();
  size_t fields = 0;
  while (fields < columns.size() && !columns[fields].Is(RawColumn::kExtra)) ++fields;
  DenseColumns dense;
  Status status = ReadDense(reader, rows, columns.first(fields), &chunk->text, &dense);
  if (!status.ok()) return status;
  size_t first = chunk->events.size();
  AppendEvents(dense, &chunk->events);
  std::span<Event> events(chunk->events.data() + first, rows.size());
  status = reader.Revenue(rows, [&](size_t i, int64_t micros) {
    events[i].revenue_micros = micros;
    events[i].has_revenue = true;
  });
  if (status.ok() && fields < columns.size())
    status = DecodeExtras(reader, columns.subspan(fields), rows, events, chunk);
  return status.ok() ? MarkInherited(reader, rows, events, chunk) : status;
}

}  // namespace

Result<RawBlockInfo> ReadRawBlockInfo(std::string_view block) {
  RawBlockHeader header;
  Status status = CheckRawBlock(block, &header);
  if (!status.ok()) return status;
  return RawBlockInfo{header.count, header.time_min_ns, header.time_max_ns, header.ad_min, header.ad_max};
}

Result<bool> RawBlockCarries(std::string_view block, std::span<const Field> fields) {
  RawBlockHeader header;
  std::vector<RawColumnView> columns;
  Status status = OpenRawBlock(block, &header, &columns);
  if (!status.ok()) return status;
  return std::any_of(columns.begin(), columns.end(), [&](const RawColumnView& column) {
    return std::any_of(fields.begin(), fields.end(),
                       [&](Field field) { return column.column == FieldColumn(field); });
  });
}

Status DecodeCountColumns(std::string_view block, CountColumns* out) {
  Reader reader;
  Status status = reader.Open(block);
  if (!status.ok()) return status;
  Rows rows = reader.AllRows();
  out->ads.resize(rows.size());
  out->times_ns.resize(rows.size());
  out->kinds.resize(rows.size());
  out->revenue_micros.assign(rows.size(), 0);
  status = reader.Ads(rows, [&](size_t i, uint32_t ad) { out->ads[i] = ad; });
  if (!status.ok()) return status;
  status = reader.Times(rows, [&](size_t i, int64_t time_ns) { out->times_ns[i] = time_ns; });
  if (!status.ok()) return status;
  status = reader.Kinds(rows, [&](size_t i, EventKind kind) { out->kinds[i] = kind; });
  if (!status.ok()) return status;
  return reader.Revenue(rows, [&](size_t i, int64_t micros) { out->revenue_micros[i] = micros; });
}

Status DecodePeopleColumns(std::string_view block, PeopleColumns* out) {
  Reader reader;
  Status status = reader.Open(block);
  if (!status.ok()) return status;
  Rows rows = reader.AllRows();
  out->ads.resize(rows.size());
  out->times_ns.resize(rows.size());
  out->users.assign(rows.size(), {});
  out->ips.assign(rows.size(), {});
  out->text.clear();
  status = reader.Ads(rows, [&](size_t i, uint32_t ad) { out->ads[i] = ad; });
  if (!status.ok()) return status;
  status = reader.Times(rows, [&](size_t i, int64_t time_ns) { out->times_ns[i] = time_ns; });
  if (!status.ok()) return status;
  // Places first: the text moves while it grows.
  std::array<std::vector<TextPlace>, 2> places;
  for (const RawColumnView& column : reader.TextColumns()) {
    const bool users = column.column == FieldColumn(Field::kUserId);
    if (!users && column.column != FieldColumn(Field::kIp)) continue;
    std::vector<TextPlace>& of_rows = places[users ? 0 : 1];
    of_rows.resize(rows.size());
    status =
        reader.Texts(column, rows, &out->text, [&](size_t i, const TextPlace& place) { of_rows[i] = place; });
    if (!status.ok()) return status;
  }
  const std::string_view text = out->text;
  for (size_t i = 0; i < places[0].size(); ++i)
    out->users[i] = text.substr(places[0][i].offset, places[0][i].size);
  for (size_t i = 0; i < places[1].size(); ++i)
    out->ips[i] = text.substr(places[1][i].offset, places[1][i].size);
  return Status::Ok();
}

Status DecodeRawBlock(std::string_view block, const uint32_t* only_ad, EventChunk* chunk,
                      std::vector<uint32_t>* ads) {
  Reader reader;
  Status status = reader.Open(block);
  if (!status.ok()) return status;
  Rows rows = only_ad == nullptr ? reader.AllRows() : reader.RowsOf(*only_ad);
  if (rows.size() == 0) return Status::Ok();
  size_t first = ads->size();
  ads->resize(first + rows.size());
  status = reader.Ads(rows, [&](size_t i, uint32_t ad) { (*ads)[first + i] = ad; });
  if (!status.ok()) return status;
  return DecodeRows(reader, rows, chunk);
}

}  // namespace tallymark
