#include "tools/import_file.h"

#include <algorithm>
#include <cstring>

#include "format/event_utf8.h"
#include "format/text_encoding.h"

namespace tallymark {
namespace {

constexpr uint64_t kRowsBetweenProgress = 4096;

std::string At(size_t line, size_t column) {
  return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
}

// Files that are no text at all, before their rows give puzzling messages.
Status CheckBytes(std::string_view bytes) {
  if (bytes.empty()) return Status::Invalid("line 1, column 1: the file is empty");
  const void* zero = std::memchr(bytes.data(), 0, bytes.size());
  if (zero == nullptr) return Status::Ok();
  auto place = static_cast<size_t>(static_cast<const char*>(zero) - bytes.data());
  std::string_view before = bytes.substr(0, place);
  auto line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  size_t line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return Status::Invalid(At(line, place - line_begin + 1) +
                         "a zero byte; this is no CSV or TSV text in UTF-8");
}

}  // namespace

Status ImportFile::Check(const MappingOptions& options, const ProgressSink& progress) {
  if (Status s = CheckBytes(bytes_); !s.ok()) return s;
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
  auto mapping = RowMapping::Build(options, header_);
  if (!mapping.ok()) return mapping.status();
  mapping_ = std::move(*mapping);
  return CheckRows(progress);
}

Status ImportFile::CheckRows(const ProgressSink& progress) {
  CsvReader reader(bytes_, delimiter_);
  std::vector<CsvCell> cells;
  CsvError error;
  std::string line;
  RowProblem problem;
  CsvReader::Outcome outcome = reader.Next(&cells, &error);
  for (uint64_t row = 0; outcome == CsvReader::Outcome::kRow; ++row, outcome = reader.Next(&cells, &error)) {
    if (row == 0) continue;  // the header
    line.clear();
    if (!mapping_->AppendLine(cells, row, &line, &problem) && problem.bad_type) {
      return Status::Invalid(At(problem.line, problem.column) + problem.reason + ": \"" + problem.value +
                             "\"");
    }
    if (row % kRowsBetweenProgress == 0) {
      progress(static_cast<double>(reader.position()) / static_cast<double>(bytes_.size()), {});
    }
  }
  if (outcome == CsvReader::Outcome::kEnd) return Status::Ok();
  return Status::Invalid(At(error.line, error.column) + error.reason);
}

void ImportFile::Reject(RejectedRow row, ImportReport* report) {
  ++report->rejected;
  ++report->reasons[row.reason];
  if (report->listed.size() < ImportReport::kListedRowsMax) report->listed.push_back(std::move(row));
}

void ImportFile::Sift(Batch* batch, ImportReport* report) {
  EventChunk chunk;
  ParseReport parsed;
  chunk.text = batch->lines;
  parser_.Parse({}, false, &chunk, &parsed);
  if (parsed.rejected.empty()) return;
  std::string kept;
  size_t kept_from = 0;
  for (const RejectedLine& rejected : parsed.rejected) {
    auto after = std::upper_bound(batch->begins.begin(), batch->begins.end(), rejected.text_offset);
    auto index = static_cast<size_t>(after - batch->begins.begin()) - 1;
    size_t begin = batch->begins[index];
    size_t end = index + 1 < batch->begins.size() ? batch->begins[index + 1] : batch->lines.size();
    Reject({batch->file_lines[index], 0, std::string(RejectReasonName(rejected.reason)), rejected.detail},
           report);
    kept.append(batch->lines, kept_from, begin - kept_from);
    kept_from = end;
  }
  kept.append(batch->lines, kept_from);
  batch->lines = std::move(kept);
}

Status ImportFile::Send(Batch* batch, WriteClient* client, ImportReport* report) {
  Sift(batch, report);
  if (!batch->lines.empty()) {
    auto counts = client->Write(batch->lines);
    if (!counts.ok()) return counts.status();
    report->accepted += counts->accepted;
    report->duplicates += counts->duplicates;
    report->rejected += counts->rejected;
    if (counts->answer_was_lost) report->unsure_duplicates += counts->duplicates;
    if (counts->rejected > 0) {
      // What the rules of events allow, only the server's own limits (its clock) refuse.
      report->reasons["refused by the server"] += counts->rejected;
      if (report->listed.size() < ImportReport::kListedRowsMax) {
        report->listed.push_back({0, 0, "refused by the server", counts->first_rejection});
      }
    }
  }
  *batch = {};
  return Status::Ok();
}

Status ImportFile::Load(WriteClient* client, const ProgressSink& progress, ImportReport* report) {
  CsvReader reader(bytes_, delimiter_);
  std::vector<CsvCell> cells;
  CsvError error;
  RowProblem problem;
  Batch batch;
  CsvReader::Outcome outcome = reader.Next(&cells, &error);
  while ((outcome = reader.Next(&cells, &error)) == CsvReader::Outcome::kRow) {
    ++report->rows;
    size_t begin = batch.lines.size();
    if (!mapping_->AppendLine(cells, report->rows, &batch.lines, &problem)) {
      Reject({problem.line, problem.column, problem.reason, problem.value}, report);
      continue;
    }
    batch.begins.push_back(begin);
    batch.file_lines.push_back(cells.front().line);
    if (batch.lines.size() < kBatchBytes) continue;
    if (Status s = Send(&batch, client, report); !s.ok()) return s;
    progress(static_cast<double>(reader.position()) / static_cast<double>(bytes_.size()), *report);
  }
  return Send(&batch, client, report);
}

namespace {

void AddCount(std::string_view name, uint64_t count, std::string* out) {
  if (out->back() != '{') *out += ',';
  AppendJsonString(name, out);
  *out += ':';
  *out += std::to_string(count);
}

void AddRow(const RejectedRow& row, std::string* out) {
  if (out->back() != '[') *out += ',';
  *out += '{';
  if (row.line > 0) AddCount("line", row.line, out);
  if (row.column > 0) AddCount("column", row.column, out);
  if (out->back() != '{') *out += ',';
  *out += "\"reason\":";
  AppendJsonString(row.reason, out);
  if (!row.value.empty() && IsUtf8(row.value)) {
    *out += ",\"detail\":";
    AppendJsonString(row.value, out);
  }
  *out += '}';
}

}  // namespace

std::string ImportReport::Json() const {
  std::string out = "{";
  AddCount("rows", rows, &out);
  AddCount("accepted", accepted, &out);
  AddCount("duplicates", duplicates, &out);
  AddCount("rejected", rejected, &out);
  if (unsure_duplicates > 0) AddCount("unsure_duplicates", unsure_duplicates, &out);
  out += ",\"reasons\":{";
  for (const auto& [reason, count] : reasons) AddCount(reason, count, &out);
  out += "},\"rejections\":[";
  for (const RejectedRow& row : listed) AddRow(row, &out);
  return out + "]}";
}

}  // namespace tallymark
