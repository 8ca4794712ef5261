#include "format/table_import.h"

#include <algorithm>
#include <cstring>

#include "format/event_utf8.h"

namespace tallymark {
namespace {

constexpr uint64_t kRowsBetweenProgress = 4096;

std::string At(size_t line, size_t column) {
  return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
}

// A header of a file that is no text at all would give puzzling messages about its columns.
Status CheckHeader(const std::vector<CsvCell>& header) {
  for (const CsvCell& cell : header) {
    auto is_control = [](char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7F; };
    if (IsUtf8(cell.text) && std::none_of(cell.text.begin(), cell.text.end(), is_control)) continue;
    return Status::Invalid(At(cell.line, cell.column) +
                           "the name of a column is no text in UTF-8; this is no CSV or TSV file");
  }
  return Status::Ok();
}

}  // namespace

Status CheckTableBytes(std::string_view begin) {
  if (begin.empty()) return Status::Invalid("line 1, column 1: the file is empty");
  const void* zero = std::memchr(begin.data(), 0, begin.size());
  if (zero == nullptr) return Status::Ok();
  auto place = static_cast<size_t>(static_cast<const char*>(zero) - begin.data());
  std::string_view before = begin.substr(0, place);
  auto line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return Status::Invalid(At(line, place - line_begin + 1) +
                         "a zero byte; this is no CSV or TSV text in UTF-8");
}

Status TableImport::Open(const MappingOptions& options) {
  constexpr size_t kLookedAt = 64 << 10;
  if (Status s = CheckTableBytes(bytes_.substr(0, kLookedAt)); !s.ok()) return s;
  CsvReader reader(bytes_, delimiter_);
  CsvError error;
  switch (reader.Next(&header_, &error)) {
    case CsvReader::Outcome::kEnd:
      return Status::Invalid("line 1, column 1: the file has no header");
    case CsvReader::Outcome::kError:
      return Status::Invalid(At(error.line, error.column) + error.reason);
    case CsvReader::Outcome::kRow:
      break;
  }
  if (Status s = CheckHeader(header_); !s.ok()) return s;
  auto mapping = RowMapping::Build(options, header_);
  if (!mapping.ok()) return mapping.status();
  mapping_ = std::move(*mapping);
  return Status::Ok();
}

Status TableImport::Check(ImportSink* sink) {
  CsvReader reader(bytes_, delimiter_);
  std::vector<CsvCell> cells;
  CsvError error;
  std::string line;
  RowProblem problem;
  size_t clean = 0;  // no zero byte up to here
  Status wrong;
  CsvReader::Outcome outcome = reader.Next(&cells, &error);
  for (uint64_t row = 0; outcome == CsvReader::Outcome::kRow; ++row, outcome = reader.Next(&cells, &error)) {
    if (row % kRowsBetweenProgress == 0) {
      std::string_view next = bytes_.substr(clean, reader.position() - clean);
      if (std::memchr(next.data(), 0, next.size()) != nullptr) return CheckTableBytes(bytes_);
      clean = reader.position();
      if (Status s = sink->OnChecked(reader.position()); !s.ok()) return s;
    }
    if (row == 0) continue;  // the header
    line.clear();
    if (mapping_->AppendLine(cells, row, &line, &problem) || !problem.bad_type) continue;
    wrong =
        Status::Invalid(At(problem.line, problem.column) + problem.reason + ": \"" + problem.value + "\"");
    break;
  }
  if (outcome == CsvReader::Outcome::kError) {
    wrong = Status::Invalid(At(error.line, error.column) + error.reason);
  }
  // A byte that no text has explains more than what it broke.
  std::string_view rest = bytes_.substr(clean, reader.position() - clean);
  if (std::memchr(rest.data(), 0, rest.size()) != nullptr) return CheckTableBytes(bytes_);
  return wrong;
}

// The lines without those that the rules of events refuse, which are reported with their rows.
std::string TableImport::KeptLines(const Pending& pending, const ParseReport& parsed, ImportReport* report) {
  std::string kept;
  size_t kept_from = 0;
  for (const RejectedLine& rejected : parsed.rejected) {
    auto after = std::upper_bound(pending.begins.begin(), pending.begins.end(), rejected.text_offset);
    auto index = static_cast<size_t>(after - pending.begins.begin()) - 1;
    size_t begin = pending.begins[index];
    size_t end = index + 1 < pending.begins.size() ? pending.begins[index + 1] : pending.lines.size();
    report->Reject(
        {pending.file_lines[index], 0, std::string(RejectReasonName(rejected.reason)), rejected.detail});
    kept.append(pending.lines, kept_from, begin - kept_from);
    kept_from = end;
  }
  return kept.append(pending.lines, kept_from);
}

void TableImport::AddCounts(const BatchCounts& counts, ImportReport* report) {
  report->accepted += counts.accepted;
  report->duplicates += counts.duplicates;
  if (counts.unsure) report->unsure_duplicates += counts.duplicates;
  if (counts.rejected == 0) return;
  // What the rules of events allow, only the server's own limits (its clock) refuse.
  report->Reject({0, 0, "refused by the server", counts.first_rejection});
  report->rejected += counts.rejected - 1;
  report->reasons["refused by the server"] += counts.rejected - 1;
}

Status TableImport::Send(Pending* pending, ImportSink* sink, size_t position, ImportReport* report) {
  ParseReport parsed;
  auto chunk = std::make_shared<EventChunk>();
  if (!pending->lines.empty()) {
    chunk->text = pending->lines;
    parser_.Parse(sink->Rules(), false, chunk.get(), &parsed);
    std::string kept = KeptLines(*pending, parsed, &pending->report);
    auto counts = sink->Store({kept, chunk, parsed});
    if (!counts.ok()) return counts.status();
    AddCounts(*counts, &pending->report);
  }
  *report = pending->report;
  pending->lines.clear();
  pending->begins.clear();
  pending->file_lines.clear();
  return sink->OnStored(position, *report);
}

Status TableImport::Load(ImportSink* sink, ImportReport* report) {
  CsvReader reader(bytes_, delimiter_);
  std::vector<CsvCell> cells;
  CsvError error;
  RowProblem problem;
  Pending pending;
  pending.report = *report;
  uint64_t row = 0;  // data rows passed
  reader.Next(&cells, &error);
  while (row < report->rows && reader.Next(&cells, &error) == CsvReader::Outcome::kRow) ++row;
  while (reader.Next(&cells, &error) == CsvReader::Outcome::kRow) {
    ++row;
    ++pending.report.rows;
    size_t begin = pending.lines.size();
    if (mapping_->AppendLine(cells, row, &pending.lines, &problem)) {
      pending.begins.push_back(begin);
      pending.file_lines.push_back(cells.front().line);
    } else {
      pending.report.Reject({problem.line, problem.column, problem.reason, problem.value});
    }
    if (pending.lines.size() < kBatchBytes && row - report->rows < kBatchRows) continue;
    if (Status s = Send(&pending, sink, reader.position(), report); !s.ok()) return s;
  }
  if (row == report->rows) return Status::Ok();
  return Send(&pending, sink, reader.position(), report);
}

}  // namespace tallymark
