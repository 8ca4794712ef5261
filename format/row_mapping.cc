#include "format/row_mapping.h"

#include <algorithm>

#include "format/decimal.h"
#include "format/event_chunk.h"
#include "format/event_utf8.h"
#include "format/ip_address.h"
#include "format/line_writer.h"
#include "format/text_encoding.h"

namespace tallymark {
namespace {

constexpr std::string_view kTime = "time";
constexpr std::string_view kEvent = "event";
constexpr std::string_view kRevenue = "revenue";
constexpr size_t kShownValueBytes = 80;

bool IsKind(std::string_view text) { return text == "impression" || text == "click" || text == "conversion"; }

std::string Place(size_t line, size_t column) {
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

std::string NamesOf(std::span<const CsvCell> header) {
  std::string names;
  for (const CsvCell& cell : header) {
    if (!names.empty()) names += ", ";
    names += cell.text;
  }
  return names;
}

RowProblem MakeProblem(bool bad_type, const CsvCell& cell, std::string reason, std::string_view value) {
  return {bad_type, cell.line, cell.column, std::move(reason),
          std::string(value.substr(0, kShownValueBytes))};
}

}  // namespace

Result<size_t> RowMapping::FindColumn(std::string_view name, std::span<const CsvCell> header) {
  for (size_t i = 0; i < header.size(); ++i) {
    if (header[i].text == name) {
      used_columns_[i] = true;
      return i;
    }
  }
  return Status::Invalid("line 1, column 1: there is no column \"" + std::string(name) +
                         "\"; the columns are " + NamesOf(header));
}

Status RowMapping::SplitTemplate(std::string_view text, std::span<const CsvCell> header,
                                 std::vector<Part>* parts) {
  while (!text.empty()) {
    size_t brace = text.find_first_of("{}");
    if (brace > 0) parts->push_back({std::string(text.substr(0, brace)), kNoColumn});
    if (brace == std::string_view::npos) break;
    size_t close = text.find('}', brace);
    if (text[brace] == '}' || close == std::string_view::npos) {
      return Status::Invalid("a brace without its partner in the template \"" + std::string(text) + "\"");
    }
    auto column = FindColumn(text.substr(brace + 1, close - brace - 1), header);
    if (!column.ok()) return column.status();
    parts->push_back({"", *column});
    text.remove_prefix(close + 1);
  }
  return Status::Ok();
}

Status RowMapping::AddSource(Source source, const std::string& place) {
  if (!IsWritableName(source.name)) {
    return Status::Invalid(place + ": \"" + source.name + "\" cannot be the name of an attribute");
  }
  bool taken =
      std::any_of(sources_.begin(), sources_.end(), [&](const Source& s) { return s.name == source.name; });
  taken = taken || (source.name == kTime && time_) || (source.name == kEvent && event_);
  if (taken) return Status::Invalid(place + ": \"" + source.name + "\" comes from two places");
  const bool of_event = kind_ != kAdKind;  // an ad has neither a time nor a kind
  if (of_event && source.name == kTime) {
    time_ = std::move(source);
  } else if (of_event && source.name == kEvent) {
    event_ = std::move(source);
  } else {
    sources_.push_back(std::move(source));
  }
  return Status::Ok();
}

Status RowMapping::AddMap(std::string_view entry, std::span<const CsvCell> header) {
  size_t sign = entry.find_first_of(":=");
  std::string place = "map \"" + std::string(entry) + "\"";
  if (sign == std::string_view::npos || sign == 0 || sign + 1 == entry.size()) {
    return Status::Invalid(place + " is neither ours:column nor ours=template");
  }
  Source source;
  source.name = entry.substr(0, sign);
  std::string_view from = entry.substr(sign + 1);
  if (entry[sign] == ':') {
    auto column = FindColumn(from, header);
    if (!column.ok()) return column.status();
    source.parts.push_back({"", *column});
  } else if (Status s = SplitTemplate(from, header, &source.parts); !s.ok()) {
    return s;
  }
  return AddSource(std::move(source), place);
}

Status RowMapping::AddConstant(std::string_view entry) {
  size_t sign = entry.find('=');
  std::string place = "set \"" + std::string(entry) + "\"";
  if (sign == std::string_view::npos || sign == 0 || sign + 1 == entry.size()) {
    return Status::Invalid(place + " is not name=value");
  }
  return AddSource(
      {std::string(entry.substr(0, sign)), {{std::string(entry.substr(sign + 1)), kNoColumn}}, true}, place);
}

Status RowMapping::AddOtherColumns(std::span<const CsvCell> header) {
  for (size_t i = 0; i < header.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (header[j].text == header[i].text) {
        return Status::Invalid(Place(header[i].line, header[i].column) + ": the column \"" +
                               std::string(header[i].text) + "\" stands twice");
      }
    }
    if (used_columns_[i]) continue;
    Status s =
        AddSource({std::string(header[i].text), {{"", i}}, false}, Place(header[i].line, header[i].column));
    if (!s.ok()) return s;
  }
  return Status::Ok();
}

Status RowMapping::CheckAds(const MappingOptions& options) const {
  const bool has_id = std::any_of(sources_.begin(), sources_.end(), [](const Source& source) {
    return source.name == FieldName(Field::kAdId);
  });
  if (!has_id) {
    return Status::Invalid(
        "line 1, column 1: no column is the ad; name one (map ad_id:COLUMN) or set it (set ad_id=VALUE)");
  }
  if (options.identity_by_row) return Status::Invalid("an ad is known by its ad_id, not by its row");
  return Status::Ok();
}

Status RowMapping::TakeSpecials(const MappingOptions& options) {
  auto is_constant = [](const Source& source) {
    return std::all_of(source.parts.begin(), source.parts.end(),
                       [](const Part& part) { return part.column == kNoColumn; });
  };
  std::string scratch;
  if (time_ && is_constant(*time_)) {
    std::string_view text = *Evaluate(*time_, {}, &scratch);
    constant_time_ns_ = ParseFileTime(text, time_unit_);
    if (!constant_time_ns_) return Status::Invalid("\"" + std::string(text) + "\" is not a time");
  }
  if (event_ && is_constant(*event_)) {
    std::string_view text = *Evaluate(*event_, {}, &scratch);
    if (!IsKind(text)) return Status::Invalid("event: \"" + std::string(text) + "\" is not a kind of event");
  }
  for (const Source& source : sources_) {
    if (source.name != kRevenue || !is_constant(source)) continue;
    std::string_view text = *Evaluate(source, {}, &scratch);
    if (!ParseMicros(text)) return Status::Invalid("\"" + std::string(text) + "\" is not an amount of money");
  }
  if (!options.identity_by_row) return Status::Ok();
  row_id_prefix_ = options.name + "#";
  for (const Source& source : sources_) {
    if (source.name != FieldName(Field::kEventId)) continue;
    return Status::Invalid("event_id comes from a column, so it cannot be the row's number as well");
  }
  return Status::Ok();
}

Status RowMapping::CheckComplete(const MappingOptions& options) {
  if (!time_) {
    return Status::Invalid(
        "line 1, column 1: no column is the time; name one (map time:COLUMN) or set it (set time=VALUE)");
  }
  if (!options.kind.empty() && !IsKind(options.kind)) {
    return Status::Invalid("\"" + options.kind + "\" is not a kind of event (impression, click, conversion)");
  }
  if (options.kind.empty() && !event_) {
    return Status::Invalid(
        "line 1, column 1: there is no column \"event\", so the kind must be given (impression, click, "
        "conversion)");
  }
  auto has = [this](Field field) {
    return std::any_of(sources_.begin(), sources_.end(),
                       [field](const Source& source) { return source.name == FieldName(field); });
  };
  if (has(Field::kAdId)) return Status::Ok();
  bool conversions = options.kind.empty() || event_ || options.kind == "conversion";
  if (conversions && has(Field::kClickId)) return Status::Ok();
  return Status::Invalid(
      "line 1, column 1: no column is the ad; name one (map ad_id:COLUMN) or set it (set ad_id=VALUE)");
}

Result<RowMapping> RowMapping::Build(const MappingOptions& options, std::span<const CsvCell> header) {
  RowMapping mapping;
  mapping.used_columns_.resize(header.size());
  mapping.kind_ = options.kind;
  mapping.time_unit_ = options.time_unit;
  for (std::string_view list : options.maps) {
    while (!list.empty()) {
      size_t comma = list.find(',');
      if (Status s = mapping.AddMap(list.substr(0, comma), header); !s.ok()) return s;
      list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    }
  }
  for (const std::string& entry : options.constants) {
    if (Status s = mapping.AddConstant(entry); !s.ok()) return s;
  }
  if (Status s = mapping.AddOtherColumns(header); !s.ok()) return s;
  if (options.kind == kAdKind) {
    if (Status s = mapping.CheckAds(options); !s.ok()) return s;
    return mapping;
  }
  if (Status s = mapping.CheckComplete(options); !s.ok()) return s;
  if (Status s = mapping.TakeSpecials(options); !s.ok()) return s;
  return mapping;
}

std::optional<std::string_view> RowMapping::Evaluate(const Source& source, std::span<const CsvCell> cells,
                                                     std::string* scratch) {
  if (source.parts.size() == 1) {
    const Part& part = source.parts.front();
    if (part.column == kNoColumn) return part.literal;
    if (cells[part.column].text.empty()) return {};
    return cells[part.column].text;
  }
  scratch->clear();
  for (const Part& part : source.parts) {
    if (part.column == kNoColumn) {
      scratch->append(part.literal);
    } else if (cells[part.column].text.empty()) {
      return {};
    } else {
      scratch->append(cells[part.column].text);
    }
  }
  return *scratch;
}

const CsvCell& RowMapping::CellToBlame(const Source& source, std::span<const CsvCell> cells, bool empty) {
  for (const Part& part : source.parts) {
    if (part.column != kNoColumn && cells[part.column].text.empty() == empty) return cells[part.column];
  }
  return cells.front();
}

bool RowMapping::KindOf(std::span<const CsvCell> cells, std::string* scratch, std::string_view* kind,
                        RowProblem* problem) const {
  *kind = kind_;
  if (!event_) return true;
  auto text = Evaluate(*event_, cells, scratch);
  if (!text) {
    if (!kind_.empty() && !event_->required) return true;
    *problem = MakeProblem(false, CellToBlame(*event_, cells, true), "no value for event", "");
    return false;
  }
  if (!IsKind(*text)) {
    *problem = MakeProblem(true, CellToBlame(*event_, cells, false),
                           "event is none of impression, click, conversion", *text);
    return false;
  }
  // The caller reuses the scratch text, so the kind must not point into it.
  *kind = *text == "click" ? "click" : *text == "impression" ? "impression" : "conversion";
  return true;
}

bool RowMapping::TimeOf(std::span<const CsvCell> cells, std::string* scratch, int64_t* time_ns,
                        RowProblem* problem) const {
  if (constant_time_ns_) {
    *time_ns = *constant_time_ns_;
    return true;
  }
  auto text = Evaluate(*time_, cells, scratch);
  if (!text) {
    *problem = MakeProblem(false, CellToBlame(*time_, cells, true), "no value for time", "");
    return false;
  }
  auto parsed = ParseFileTime(*text, time_unit_);
  if (!parsed) {
    *problem = MakeProblem(true, CellToBlame(*time_, cells, false),
                           "not a time (epoch number, RFC 3339 or YYYY-MM-DD HH:MM:SS)", *text);
    return false;
  }
  *time_ns = *parsed;
  return true;
}

bool RowMapping::TakeAd(std::span<const CsvCell> cells, std::string* ad_id, std::string* json,
                        RowProblem* problem) const {
  std::string scratch;
  ad_id->clear();
  *json = "{";
  for (const Source& source : sources_) {
    const bool is_id = source.name == FieldName(Field::kAdId);
    auto text = Evaluate(source, cells, &scratch);
    if (!text && (source.required || is_id)) {
      *problem = MakeProblem(false, CellToBlame(source, cells, true), "no value for " + source.name, "");
      return false;
    }
    if (!text) continue;
    if (!IsUtf8(*text)) {
      *problem = MakeProblem(false, CellToBlame(source, cells, false), "not UTF-8", "");
      return false;
    }
    if (is_id) *ad_id = *text;
    if (json->size() > 1) json->push_back(',');
    AppendJsonString(source.name, json);
    json->push_back(':');
    AppendJsonString(*text, json);
  }
  json->push_back('}');
  return true;
}

bool RowMapping::AppendLine(std::span<const CsvCell> cells, uint64_t row, std::string* out,
                            RowProblem* problem) const {
  size_t begin = out->size();
  std::string scratch;
  std::string_view kind;
  int64_t time_ns = 0;
  if (!KindOf(cells, &scratch, &kind, problem) || !TimeOf(cells, &scratch, &time_ns, problem)) return false;
  LineWriter line(kind, out);
  for (const Source& source : sources_) {
    auto text = Evaluate(source, cells, &scratch);
    if (!text) {
      if (!source.required) continue;
      *problem = MakeProblem(false, CellToBlame(source, cells, true), "no value for " + source.name, "");
      out->resize(begin);
      return false;
    }
    if (source.name == FieldName(Field::kIp) && !CanonicalIp(*text)) {
      *problem =
          MakeProblem(true, CellToBlame(source, cells, false), "neither an IPv4 nor an IPv6 address", *text);
      out->resize(begin);
      return false;
    }
    if (source.name != kRevenue) {
      line.AddText(source.name, *text);
      continue;
    }
    auto micros = ParseMicros(*text);
    if (!micros) {
      *problem = MakeProblem(true, CellToBlame(source, cells, false),
                             "revenue is not a decimal with at most six decimals", *text);
      out->resize(begin);
      return false;
    }
    line.AddMicros(kRevenue, *micros);
  }
  if (line.empty()) {
    *problem = MakeProblem(false, cells.front(), "no value in any column", "");
    out->resize(begin);
    return false;
  }
  if (!row_id_prefix_.empty()) line.AddText(FieldName(Field::kEventId), row_id_prefix_ + std::to_string(row));
  line.Finish(time_ns);
  return true;
}

}  // namespace tallymark
