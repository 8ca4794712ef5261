#include "tools/ad_import.h"

#include <string>
#include <vector>

#include "format/csv_reader.h"
#include "format/table_import.h"

namespace tallymark {
namespace {

std::string At(const CsvError& error) {
  return "line " + std::to_string(error.line) + ", column " + std::to_string(error.column) + ": ";
}

}  // namespace

Status AdImport::CheckRows() {
  if (Status s = CheckTableBytes(bytes_); !s.ok()) return s;
  CsvReader reader(bytes_, delimiter_);
  std::vector<CsvCell> cells;
  CsvError error;
  CsvReader::Outcome outcome = reader.Next(&cells, &error);
  if (outcome == CsvReader::Outcome::kEnd) {
    return Status::Invalid("line 1, column 1: the file has no header");
  }
  while (outcome == CsvReader::Outcome::kRow) outcome = reader.Next(&cells, &error);
  return outcome == CsvReader::Outcome::kEnd ? Status::Ok() : Status::Invalid(At(error) + error.reason);
}

Status AdImport::Set(const std::string& ad_id, const std::string& json, size_t line, ImportReport* report) {
  auto answer = http_->Put(HttpTarget({"v1", "ads", ad_id}, {}), "application/json", json);
  if (!answer.ok()) return answer.status();
  if (answer->status == 200 || answer->status == 201 || answer->status == 204) {
    ++report->accepted;
  } else if (answer->status == 400 || answer->status == 422) {
    report->Reject({line, 0, "refused by the server", ErrorDetail(*answer)});
  } else {
    return Status::Unavailable("the server refused: " + ErrorDetail(*answer));
  }
  return Status::Ok();
}

Status AdImport::Run(const MappingOptions& options, const OnProgress& progress, ImportReport* report) {
  if (Status s = CheckRows(); !s.ok()) return s;
  CsvReader reader(bytes_, delimiter_);
  std::vector<CsvCell> cells;
  CsvError error;
  reader.Next(&cells, &error);
  auto mapping = RowMapping::Build(options, cells);
  if (!mapping.ok()) return mapping.status();
  std::string ad_id, json;
  RowProblem problem;
  while (reader.Next(&cells, &error) == CsvReader::Outcome::kRow) {
    ++report->rows;
    if (!mapping->TakeAd(cells, &ad_id, &json, &problem)) {
      report->Reject({problem.line, problem.column, problem.reason, problem.value});
    } else if (Status s = Set(ad_id, json, cells.front().line, report); !s.ok()) {
      --report->rows;  // nobody knows of this one
      return s;
    }
    progress(reader.position(), *report);
  }
  return Status::Ok();
}

}  // namespace tallymark
