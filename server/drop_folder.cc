#include "server/drop_folder.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "engine/thread_name.h"

namespace tallymark {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr auto kRetryTime = std::chrono::seconds(2);
constexpr size_t kPieceBytes = 1 << 20;
constexpr uintmax_t kMappingBytesMax = 64 << 10;

bool IsTable(const fs::path& file) {
  const std::string name = file.filename().string();
  std::string extension = file.extension().string();
  std::ranges::transform(extension, extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return !name.starts_with('.') && (extension == ".csv" || extension == ".tsv" || extension == ".tab");
}

// A name in the folder that nothing has yet.
fs::path FreePath(const fs::path& folder, const std::string& name) {
  fs::path path = folder / name;
  for (int n = 2; fs::exists(path); ++n) path = folder / (name + "." + std::to_string(n));
  return path;
}

std::string MappingName(const std::string& name) { return name + ".json"; }

}  // namespace

Result<std::unique_ptr<DropFolder>> DropFolder::Open(const Services& services, const std::string& directory) {
  std::unique_ptr<DropFolder> folder(new DropFolder(services, directory));
  if (Status s = folder->MakeFolders(); !s.ok()) return s;
  folder->thread_ = std::thread([f = folder.get()] { f->RunLoop(); });
  return folder;
}

DropFolder::~DropFolder() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

Status DropFolder::MakeFolders() {
  std::error_code error;
  for (const char* name : {"loading", "done", "failed"}) {
    fs::create_directories(directory_ / name, error);
    if (error) return Status::Io("cannot create " + (directory_ / name).string() + ": " + error.message());
  }
  for (const auto& entry : fs::directory_iterator(directory_ / "loading", error)) {
    if (IsTable(entry.path())) loading_[entry.path().filename().string()].taken_up = true;
    if (entry.path().extension() == ".json") SetAsideWithoutFile(entry.path());
  }
  return error ? Status::Io("cannot read " + directory_.string() + ": " + error.message()) : Status::Ok();
}

// A mapping whose file a crash kept from following it, neither here nor there, must not be taken for
// that of a later file.
void DropFolder::SetAsideWithoutFile(const Path& mapping) const {
  const Path file = mapping.stem();
  if (fs::exists(directory_ / "loading" / file) || fs::exists(directory_ / file)) return;
  std::error_code error;
  fs::rename(mapping, FreePath(directory_ / "failed", mapping.filename().string()), error);
  if (error) spdlog::warn("spool: cannot move {}: {}", mapping.string(), error.message());
}

bool DropFolder::Stopping() {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void DropFolder::RunLoop() {
  NameThisThread("drop-folder");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    try {
      Poll();
    } catch (const std::exception& thrown) {
      // The folder is others' too: what vanishes under our hands is looked at again.
      spdlog::warn("spool {}: {}", directory_.string(), thrown.what());
    }
    lock.lock();
    wake_.wait_for(lock, kPollTime, [this] { return stopping_; });
  }
}

void DropFolder::Poll() {
  TakeQuietFiles();
  for (auto& [name, loading] : loading_) {
    if (Stopping()) return;
    if (loading.not_before > SteadyClock::now()) continue;
    if (loading.job_id == 0) {
      Submit(name, &loading);
    } else {
      Follow(name, &loading);
    }
  }
  for (const std::string& name : std::exchange(finished_, {})) loading_.erase(name);
}

void DropFolder::TakeQuietFiles() {
  std::vector<fs::path> quiet;
  std::map<std::string, Seen> still_there;
  for (const auto& entry : fs::directory_iterator(directory_)) {
    if (!entry.is_regular_file()) continue;
    const std::string name = entry.path().filename().string();
    Seen now{entry.file_size(), entry.last_write_time(), SteadyClock::now()};
    auto before = seen_.find(name);
    if (before != seen_.end() && before->second.size == now.size && before->second.written == now.written) {
      now.since = before->second.since;
    }
    still_there[name] = now;
    if (IsTable(entry.path())) quiet.push_back(entry.path());
  }
  seen_ = std::move(still_there);
  for (const fs::path& file : quiet) {
    if (IsQuiet(file) && !loading_.contains(file.filename().string())) Take(file);
  }
}

bool DropFolder::IsQuiet(const Path& file) {
  auto seen = seen_.find(file.filename().string());
  return seen != seen_.end() && SteadyClock::now() - seen->second.since >= kQuietTime;
}

std::optional<fs::path> DropFolder::MappingFor(const Path& file) const {
  const std::string name = file.filename().string();
  for (const std::string& candidate : {MappingName(name), MappingName(file.stem().string())}) {
    if (fs::exists(directory_ / candidate)) return directory_ / candidate;
  }
  return std::nullopt;
}

// The mapping moves first: a crash in between leaves the file where it is looked for again.
void DropFolder::Take(const Path& file) {
  const std::string name = file.filename().string();
  const Path loading = directory_ / "loading";
  if (std::optional<Path> mapping = MappingFor(file)) {
    if (!IsQuiet(*mapping)) return;
    fs::rename(*mapping, loading / MappingName(name));
  }
  fs::rename(file, loading / name);
  seen_.erase(name);
  loading_[name] = {};
  spdlog::info("spool: {} is taken", name);
}

Result<ImportRequest> DropFolder::ReadRequest(const std::string& name) const {
  Path path = directory_ / "loading" / MappingName(name);
  if (!fs::exists(path)) path = directory_ / "default.json";
  if (!fs::exists(path)) return ReadImportJson("{}", name);
  if (fs::file_size(path) > kMappingBytesMax)
    return Status::Invalid(path.string() + " is larger than 64 KiB");
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  if (!in) return Status::Io("cannot read " + path.string());
  auto request = ReadImportJson(text.str(), name);
  if (!request.ok()) return request.status().WithContext(path.filename().string());
  return request;
}

Result<std::unique_ptr<SpoolFile>> DropFolder::Copy(const std::string& name) {
  const Path path = directory_ / "loading" / name;
  auto spool = services_.imports->NewSpoolFile();
  if (!spool.ok()) return spool.status();
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Status::Io(path.string() + ": " + std::strerror(errno));
  std::string piece(kPieceBytes, '\0');
  Status status;
  while (status.ok()) {
    ssize_t size = read(fd, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) status = Status::Io(path.string() + ": " + std::strerror(errno));
    if (size <= 0) break;
    status = (*spool)->Write(std::string_view(piece).substr(0, static_cast<size_t>(size)));
    if (status.ok() && Stopping()) status = Status::Unavailable("the server stops");
  }
  close(fd);
  if (status.ok()) status = (*spool)->Finish();
  if (!status.ok()) return status;
  return spool;
}

void DropFolder::Submit(const std::string& name, Loading* loading) {
  auto request = ReadRequest(name);
  if (!request.ok()) return Finish(name, false, request.status().message());
  auto spool = Copy(name);
  Imports::Submitted submitted;
  if (spool.ok()) {
    const std::string hash = (*spool)->hash();
    submitted = services_.imports->Submit(*request, std::move(*spool));
    const std::optional<ImportRecord>& record = submitted.refusal.record;
    const bool was_ours =
        loading->taken_up && record && record->state == ImportState::kLoaded && record->content_hash == hash;
    if (was_ours) return Finish(name, true, record->report.Json());
  } else {
    submitted.refusal.status = spool.status();
  }
  if (submitted.job) {
    loading->job_id = submitted.job->id;
    return;
  }
  const Code code = submitted.refusal.status.code();
  if (code == Code::kUnavailable) {
    loading->not_before = SteadyClock::now() + kRetryTime;
  } else {
    Finish(name, false, submitted.refusal.status.message());
  }
}

void DropFolder::Follow(const std::string& name, Loading* loading) {
  auto job = services_.engine.FindJob(loading->job_id);
  if (!job.ok()) {
    // Forgotten, or the engine is recovering: what is known of the file tells.
    if (job.status().code() == Code::kNotFound) {
      *loading = {.taken_up = true};
    } else {
      loading->not_before = SteadyClock::now() + kRetryTime;
    }
  } else if (job->state == JobState::kDone) {
    Finish(name, true, job->result);
  } else if (job->state == JobState::kFailed) {
    Finish(name, false, job->error);
  } else if (job->state == JobState::kCancelled) {
    Finish(name, false, "the import was cancelled; what was loaded of it stays, repeating it goes on");
  }
}

void DropFolder::Finish(const std::string& name, bool done, const std::string& text) {
  const Path loading = directory_ / "loading";
  const Path folder = directory_ / (done ? "done" : "failed");
  const Path target = FreePath(folder, name);
  const std::string beside = target.string() + (done ? ".report.json" : ".reason.txt");
  std::ofstream(beside, std::ios::binary) << text << '\n';
  // The file first: without its mapping it would be read otherwise after a crash in between.
  fs::rename(loading / name, target);
  if (fs::exists(loading / MappingName(name))) {
    fs::rename(loading / MappingName(name), MappingName(target.string()));
  }
  finished_.insert(name);
  spdlog::info("spool: {} is {}: {}", name, done ? "done" : "refused", text);
}

}  // namespace tallymark
