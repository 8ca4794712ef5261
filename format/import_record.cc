#include "format/import_record.h"

#include "format/checksum.h"
#include "format/coding.h"

namespace tallymark {
namespace {

constexpr uint8_t kVersion = 1;
constexpr char kNamePrefix = 'n';
constexpr char kContentPrefix = 'h';

Status Damaged(const char* what) { return Status::Corruption(std::string("import record: ") + what); }

void PutReport(const ImportReport& report, std::string* out) {
  for (uint64_t count :
       {report.rows, report.accepted, report.duplicates, report.rejected, report.unsure_duplicates}) {
    PutVarint64(out, count);
  }
  PutVarint64(out, report.reasons.size());
  for (const auto& [reason, count] : report.reasons) {
    PutLengthPrefixed(out, reason);
    PutVarint64(out, count);
  }
  PutVarint64(out, report.listed.size());
  for (const RejectedRow& row : report.listed) {
    PutVarint64(out, row.line);
    PutVarint64(out, row.column);
    PutLengthPrefixed(out, row.reason);
    PutLengthPrefixed(out, row.value);
  }
}

bool GetText(std::string_view* in, std::string* text) {
  std::string_view bytes;
  if (!GetLengthPrefixed(in, &bytes)) return false;
  text->assign(bytes);
  return true;
}

bool GetReasons(std::string_view* in, ImportReport* report) {
  uint64_t size = 0;
  if (!GetVarint64(in, &size) || size > in->size()) return false;
  for (uint64_t i = 0; i < size; ++i) {
    std::string reason;
    uint64_t count = 0;
    if (!GetText(in, &reason) || !GetVarint64(in, &count)) return false;
    const bool ascends = report->reasons.empty() || report->reasons.rbegin()->first < reason;
    if (!ascends) return false;
    report->reasons.emplace_hint(report->reasons.end(), std::move(reason), count);
  }
  return true;
}

bool GetListed(std::string_view* in, ImportReport* report) {
  uint64_t size = 0;
  if (!GetVarint64(in, &size) || size > ImportReport::kListedRowsMax) return false;
  for (uint64_t i = 0; i < size; ++i) {
    RejectedRow row;
    uint64_t line = 0, column = 0;
    if (!GetVarint64(in, &line) || !GetVarint64(in, &column)) return false;
    if (!GetText(in, &row.reason) || !GetText(in, &row.value)) return false;
    row.line = line;
    row.column = column;
    report->listed.push_back(std::move(row));
  }
  return true;
}

bool GetReport(std::string_view* in, ImportReport* report) {
  for (uint64_t* count : {&report->rows, &report->accepted, &report->duplicates, &report->rejected,
                          &report->unsure_duplicates}) {
    if (!GetVarint64(in, count)) return false;
  }
  return GetReasons(in, report) && GetListed(in, report);
}

}  // namespace

Result<std::string> EncodeImportRecord(const ImportRecord& record) {
  if (record.content_hash.size() != kContentHashBytes) {
    return Status::Internal("import record: a content hash of the wrong size");
  }
  std::string out;
  PutFixed(&out, kVersion);
  PutFixed(&out, static_cast<uint8_t>(record.state));
  PutFixed(&out, record.size);
  PutFixed(&out, record.began_ns);
  PutFixed(&out, record.ended_ns);
  out.append(record.content_hash);
  PutLengthPrefixed(&out, record.options);
  PutReport(record.report, &out);
  PutFixed(&out, Checksum32(out));
  return out;
}

Result<ImportRecord> DecodeImportRecord(std::string_view bytes) {
  uint32_t checksum = 0;
  if (bytes.size() < sizeof checksum) return Damaged("too short");
  std::string_view tail = bytes.substr(bytes.size() - sizeof checksum);
  std::string_view in = bytes.substr(0, bytes.size() - sizeof checksum);
  uint8_t version = 0, state = 0;
  std::string_view covered = in;
  if (!GetFixed(&in, &version) || version != kVersion) return Damaged("unknown version");
  if (!GetFixed(&tail, &checksum) || checksum != Checksum32(covered)) return Damaged("wrong checksum");
  ImportRecord record;
  if (!GetFixed(&in, &state) || (state != 1 && state != 2)) return Damaged("unknown state");
  record.state = static_cast<ImportState>(state);
  if (!GetFixed(&in, &record.size) || !GetFixed(&in, &record.began_ns) || !GetFixed(&in, &record.ended_ns) ||
      in.size() < kContentHashBytes) {
    return Damaged("too short");
  }
  record.content_hash = in.substr(0, kContentHashBytes);
  in.remove_prefix(kContentHashBytes);
  if (!GetText(&in, &record.options)) return Damaged("unreadable options");
  if (!GetReport(&in, &record.report)) return Damaged("unreadable report");
  if (!in.empty()) return Damaged("too long");
  return record;
}

std::string ImportNameKey(std::string_view name) { return std::string(1, kNamePrefix).append(name); }

std::string ImportContentKey(std::string_view content_hash) {
  return std::string(1, kContentPrefix).append(content_hash);
}

}  // namespace tallymark
