#include "server/dead_letters.h"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <vector>

#include "engine/sync_folder.h"
#include "engine/thread_name.h"

namespace tallymark {
namespace {

constexpr std::chrono::seconds kWriteInterval{1};
constexpr std::chrono::seconds kFullWait{1};
constexpr size_t kEagerBytes = 256 << 10;  // worth a write before the interval is over

std::vector<uint32_t> FileNumbers(const std::string& directory) {
  std::vector<uint32_t> numbers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (auto number = DeadLetterFileNumber(entry.path().filename().string())) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::string ErrnoText(const std::string& path) { return path + ": " + std::strerror(errno); }

}  // namespace

Result<std::unique_ptr<DeadLetters>> DeadLetters::Open(const std::string& data_dir,
                                                       const DeadLetterOptions& options) {
  std::string directory = data_dir + "/" + std::string(kDeadLetterDirectory);
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return Status::Io(directory + ": " + error.message());
  std::unique_ptr<DeadLetters> letters(new DeadLetters(std::move(directory), options));
  if (Status s = letters->OpenNewest(); !s.ok()) return s;
  letters->writer_ = std::thread(&DeadLetters::WriteLoop, letters.get());
  return letters;
}

DeadLetters::DeadLetters(std::string directory, const DeadLetterOptions& options)
    : directory_(std::move(directory)), options_(options) {}

DeadLetters::~DeadLetters() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  if (writer_.joinable()) writer_.join();
  if (file_ >= 0) close(file_);
}

void DeadLetters::Add(const DeadLetter& letter) {
  std::string record;
  EncodeDeadLetter(letter, &record);
  std::unique_lock lock(mutex_);
  if (!written_.wait_for(lock, kFullWait, [&] { return buffer_.size() < kBufferBytesMax; })) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  bool eager = buffer_.size() < kEagerBytes && buffer_.size() + record.size() >= kEagerBytes;
  buffer_.append(record);
  lock.unlock();
  if (eager) work_.notify_one();
}

void DeadLetters::Flush() {
  std::unique_lock lock(mutex_);
  uint64_t mine = ++flush_asked_;
  work_.notify_one();
  written_.wait(lock, [&] { return flush_done_ >= mine || stopping_; });
}

bool DeadLetters::Sync() {
  std::unique_lock lock(mutex_);
  const uint64_t mine = ++flush_asked_;
  sync_asked_ = mine;
  work_.notify_one();
  written_.wait(lock, [&] { return flush_done_ >= mine || stopping_; });
  return flush_done_ >= mine && sync_failed_ < mine;
}

void DeadLetters::WriteLoop() {
  NameThisThread("dead-letters");
  std::string records;
  std::unique_lock lock(mutex_);
  for (bool last = false; !last;) {
    work_.wait_for(lock, kWriteInterval,
                   [&] { return stopping_ || buffer_.size() >= kEagerBytes || flush_asked_ > flush_done_; });
    last = stopping_;
    const uint64_t asked = flush_asked_;
    const bool sync = sync_asked_ > flush_done_;
    records.swap(buffer_);
    lock.unlock();
    bool written = records.empty() || Write(records);
    if (sync) written = written && fdatasync(file_) == 0;
    records.clear();
    lock.lock();
    flush_done_ = asked;
    if (!written) sync_failed_ = asked;
    written_.notify_all();
  }
}

bool DeadLetters::Write(const std::string& records) {
  bool former_kept = true;
  if (file_bytes_ >= options_.file_bytes_max) {
    former_kept = fdatasync(file_) == 0;
    if (Status s = OpenFile(file_number_ + 1); !s.ok()) spdlog::warn("dead letters: {}", s.message());
    RemoveOldest();
  }
  bool ok = WriteAll(records);
  if (!ok && !failing_) spdlog::warn("dead letters are being lost: {}", ErrnoText(directory_));
  if (!ok) dropped_.fetch_add(static_cast<uint64_t>(std::ranges::count(records, '\n')));
  failing_ = !ok;
  return ok && former_kept;
}

bool DeadLetters::WriteAll(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    file_bytes_ += static_cast<uint64_t>(written);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

Status DeadLetters::OpenNewest() {
  std::vector<uint32_t> numbers = FileNumbers(directory_);
  Status opened = OpenFile(numbers.empty() ? 1 : numbers.back());
  RemoveOldest();
  return opened;
}

// A last record that a crash cut short is ended, so that the next one starts on a line of its own.
Status DeadLetters::OpenFile(uint32_t number) {
  std::string path = directory_ + "/" + DeadLetterFileName(number);
  int file = open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (file < 0) return Status::Io(ErrnoText(path));
  struct stat info = {};
  if (fstat(file, &info) != 0) {
    Status failed = Status::Io(ErrnoText(path));
    close(file);
    return failed;
  }
  if (file_ >= 0) close(file_);
  file_ = file;
  file_number_ = number;
  file_bytes_ = static_cast<uint64_t>(info.st_size);
  char end = '\n';
  if (info.st_size > 0 && pread(file_, &end, 1, info.st_size - 1) == 1 && end != '\n' && !WriteAll("\n")) {
    return Status::Io(ErrnoText(path));
  }
  return SyncFolder(directory_);
}

void DeadLetters::RemoveOldest() const {
  std::vector<uint32_t> numbers = FileNumbers(directory_);
  for (size_t i = 0; i + options_.files_max < numbers.size(); ++i) {
    std::error_code error;
    std::filesystem::remove(directory_ + "/" + DeadLetterFileName(numbers[i]), error);
    if (error) spdlog::warn("dead letters: {}: {}", DeadLetterFileName(numbers[i]), error.message());
  }
}

}  // namespace tallymark
