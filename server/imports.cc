#include "server/imports.h"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <set>
#include <utility>

#include "format/csv_reader.h"
#include "format/event_utf8.h"
#include "format/table_import.h"
#include "format/time_text.h"
#include "server/import_sink.h"
#include "server/mapped_file.h"

namespace tallymark {
namespace {

std::string Quoted(const std::string& name) { return "\"" + name + "\""; }

// Errors quote what stands in files; jobs tell them as JSON.
Status Printable(const Status& status) {
  if (status.ok() || IsUtf8(status.message())) return status;
  std::string ascii = status.message();
  for (char& c : ascii) {
    if (static_cast<uint8_t>(c) >= 0x80) c = '?';
  }
  return {status.code(), std::move(ascii)};
}

Imports::Refusal Conflict(std::string why, std::optional<ImportRecord> record) {
  return {Status::Conflict(std::move(why)), std::move(record)};
}

bool IsSame(const ImportTask& task, const std::string& hash, const std::string& options) {
  return task.hash == hash && task.options == options;
}

std::string LoadedWhen(const ImportRecord& record) {
  return " at " + FormatRfc3339(record.ended_ns) + ", " + std::to_string(record.report.rows) + " rows";
}

}  // namespace

Imports::Imports(const Services& services, const SpoolLimits& limits)
    : services_(services),
      limits_(limits),
      directory_(services.data_dir + "/" + std::string(kImportDirectory)) {}

Result<std::unique_ptr<Imports>> Imports::Open(const Services& services, const SpoolLimits& limits) {
  std::unique_ptr<Imports> imports(new Imports(services, limits));
  if (Status s = imports->TakeUp(); !s.ok()) return s;
  services.engine.AddJobKind({.name = std::string(kImportJobKind),
                              .lane = JobLane::kFiles,
                              .resumable = true,
                              .run = [i = imports.get()](JobContext& job) { return i->Run(job); },
                              .undo =
                                  [i = imports.get()](JobContext& job) {
                                    auto task = ReadImportTask(job.parameters());
                                    if (task.ok()) i->RemoveBody(task->body);
                                    return task.ok() ? Status::Ok() : task.status();
                                  }});
  return imports;
}

// What a crash left half received, or behind a job at rest, is of no use any more.
Status Imports::TakeUp() {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) return Status::Io("cannot create " + directory_ + ": " + error.message());
  std::set<std::string> needed;
  for (const JobInfo& job : services_.engine.Jobs()) {
    if (job.kind != kImportJobKind || IsAtRest(job.state)) continue;
    auto task = ReadImportTask(job.parameters);
    if (task.ok()) needed.insert(task->body);
  }
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
    if (!needed.contains(entry.path().filename().string())) std::filesystem::remove(entry.path(), error);
  }
  return error ? Status::Io("cannot read " + directory_ + ": " + error.message()) : Status::Ok();
}

std::optional<Imports::Refusal> Imports::CheckName(const std::string& name) const {
  auto record = services_.engine.FindImport(name);
  if (!record.ok()) return Refusal{record.status(), {}};
  if (!*record || (*record)->state != ImportState::kLoaded) return std::nullopt;
  std::string why = "a file named " + Quoted(name) + " was loaded before" + LoadedWhen(**record);
  return Conflict(std::move(why), std::move(*record));
}

Result<std::unique_ptr<SpoolFile>> Imports::NewSpoolFile() {
  std::string stem = std::to_string(services_.clock.NowNs()) + "-" + std::to_string(next_file_.fetch_add(1));
  return SpoolFile::Create(directory_, stem, limits_);
}

std::optional<Imports::Refusal> Imports::Clash(const ImportTask& task) const {
  const std::string& name = task.request.name;
  if (std::optional<Refusal> loaded = CheckName(name)) return loaded;
  auto record = services_.engine.FindImport(name);
  if (!record.ok()) return Refusal{record.status(), {}};
  if (*record && !IsSame(task, (*record)->content_hash, (*record)->options)) {
    const char* what = task.hash != (*record)->content_hash ? "another content" : "another mapping";
    return Conflict(
        Quoted(name) + " is partly loaded with " + what + "; repeat it as it was, or take another name",
        std::move(*record));
  }
  auto other = services_.engine.FindImportContent(task.hash);
  if (!other.ok()) return Refusal{other.status(), {}};
  if (!*other || **other == name) return std::nullopt;
  auto theirs = services_.engine.FindImport(**other);
  if (!theirs.ok()) return Refusal{theirs.status(), {}};
  if (*theirs && (*theirs)->state == ImportState::kLoading) {
    return Conflict("the content of " + Quoted(name) + " is partly loaded as " + Quoted(**other) +
                        "; repeat that to go on",
                    std::move(*theirs));
  }
  std::string when = *theirs ? LoadedWhen(**theirs) : std::string();
  return Conflict("the content of " + Quoted(name) + " was loaded before as " + Quoted(**other) + when,
                  std::move(*theirs));
}

// A job at work on the name or the content: the same import, or a clash with it.
std::optional<Imports::Submitted> Imports::AtWork(const ImportTask& task) const {
  for (const JobInfo& job : services_.engine.Jobs()) {
    if (job.kind != kImportJobKind || IsAtRest(job.state)) continue;
    auto theirs = ReadImportTask(job.parameters);
    if (!theirs.ok()) continue;
    const bool same_name = theirs->request.name == task.request.name;
    if (!same_name && theirs->hash != task.hash) continue;
    const std::string at_work = " by job " + std::to_string(job.id);
    if (same_name && job.state == JobState::kCancelling) {
      return Submitted{
          {}, {Status::Unavailable(Quoted(task.request.name) + " is being cancelled" + at_work), {}}};
    }
    if (same_name && IsSame(task, theirs->hash, theirs->options)) return Submitted{job, {}};
    if (!same_name) {
      return Submitted{{},
                       Conflict("the content of " + Quoted(task.request.name) + " is being loaded as " +
                                    Quoted(theirs->request.name) + at_work,
                                {})};
    }
    return Submitted{
        {},
        Conflict(Quoted(task.request.name) + " is being loaded with another content or mapping" + at_work,
                 {})};
  }
  return std::nullopt;
}

Imports::Submitted Imports::Submit(const ImportRequest& request, std::unique_ptr<SpoolFile> file) {
  if (Status s = CheckTableBytes(file->beginning()); !s.ok()) {
    return {{}, {Printable(s.WithContext(request.name)), {}}};
  }
  ImportTask task{.request = request,
                  .options = ImportOptionsJson(request),
                  .body = file->body_name(),
                  .hash = file->hash(),
                  .size = file->size()};
  std::lock_guard lock(submit_mutex_);
  if (std::optional<Submitted> known = AtWork(task)) return *std::move(known);
  if (std::optional<Refusal> clash = Clash(task)) return {{}, *std::move(clash)};
  if (Status s = file->Keep(); !s.ok()) return {{}, {s, {}}};
  Result<JobInfo> job = services_.engine.StartJob(std::string(kImportJobKind), ImportTaskJson(task));
  if (job.ok()) return {std::move(*job), {}};
  RemoveBody(task.body);
  return {{}, {job.status(), {}}};
}

void Imports::RemoveBody(const std::string& body) const {
  std::error_code error;
  std::filesystem::remove(directory_ + "/" + body, error);
  if (error) spdlog::warn("cannot remove {}/{}: {}", directory_, body, error.message());
}

Result<std::string> Imports::Run(JobContext& job) {
  auto task = ReadImportTask(job.parameters());
  if (!task.ok()) return task.status();
  Result<std::string> report = Load(*task, job);
  if (report.ok()) {
    spdlog::info("import {} is loaded: {}", Quoted(task->request.name), *report);
  } else if (report.status().code() == Code::kUnavailable) {
    return report;  // the file is still needed
  }
  RemoveBody(task->body);
  if (report.ok()) return report;
  return Printable(report.status().WithContext(task->request.name));
}

Result<std::string> Imports::Load(const ImportTask& task, JobContext& job) {
  const std::string& name = task.request.name;
  auto found = services_.engine.FindImport(name);
  if (!found.ok()) return found.status();
  // A crash came after the last batch and before the job's end.
  if (*found && (*found)->state == ImportState::kLoaded &&
      IsSame(task, (*found)->content_hash, (*found)->options)) {
    return (*found)->report.Json();
  }
  if (std::optional<Refusal> clash = Clash(task)) return clash->status;
  auto file = MappedFile::Open(directory_ + "/" + task.body);
  if (!file.ok()) return file.status().WithContext("the spooled file is gone, send it again");
  const bool continued = found->has_value();
  ImportRecord record = continued ? **found : NewRecord(task);
  EngineImportSink sink(services_, &job, file->get(), name, &record, continued);
  std::string_view bytes = (*file)->bytes();
  const char delimiter = task.request.delimiter != 0 ? task.request.delimiter : GuessDelimiter(name, bytes);
  TableImport import(bytes, delimiter);
  Status status = import.Open(task.request.mapping);
  // What has a record was checked before its first row was stored.
  if (status.ok() && !continued) status = import.Check(&sink);
  if (status.ok() && !continued) status = services_.engine.PutImport(name, record, /*durable=*/true);
  if (!status.ok()) return status;
  ImportReport report = record.report;
  if (Status s = import.Load(&sink, &report); !s.ok()) return s;
  record.report = report;
  record.state = ImportState::kLoaded;
  record.ended_ns = services_.clock.NowNs();
  if (Status s = services_.engine.PutImport(name, record, /*durable=*/true); !s.ok()) {
    return Status::Unavailable(s.message());
  }
  return report.Json();
}

ImportRecord Imports::NewRecord(const ImportTask& task) const {
  ImportRecord record;
  record.content_hash = task.hash;
  record.size = task.size;
  record.began_ns = services_.clock.NowNs();
  record.options = task.options;
  return record;
}

}  // namespace tallymark
