#ifndef TALLYMARK_SERVER_DEAD_LETTERS_H_
#define TALLYMARK_SERVER_DEAD_LETTERS_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "format/dead_letter.h"
#include "format/status.h"

namespace tallymark {

struct DeadLetterOptions {
  uint64_t file_bytes_max = 16ULL << 20;  // a file past it is closed and the next one begun
  uint32_t files_max = 8;                 // the oldest go
};

// Keeps rejected lines in DATA_DIR/rejected (format/dead_letter.h says how). Add costs an encoding
// and a copy into memory; one thread of its own writes at least every second. Thread safe.
class DeadLetters {
 public:
  // Makes the directory when it is absent and goes on in the newest file. kIo with the path.
  static Result<std::unique_ptr<DeadLetters>> Open(const std::string& data_dir,
                                                   const DeadLetterOptions& options = {});
  // Writes what was added.
  ~DeadLetters();

  // Waits up to a second while more than kBufferBytesMax wait for a slow disk, then drops the
  // letter and counts it in dropped().
  void Add(const DeadLetter& letter);

  // Writes what was added before the call and returns when the operating system has it.
  void Flush();
  // The same for the disk. False when it may not have them, and after a failure while they were
  // written; letters that were dropped before the call are told by dropped() alone.
  [[nodiscard]] bool Sync();

  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  static constexpr size_t kBufferBytesMax = 8 << 20;

 private:
  DeadLetters(std::string directory, const DeadLetterOptions& options);

  Status OpenNewest();
  Status OpenFile(uint32_t number);
  void RemoveOldest() const;
  void WriteLoop();
  bool Write(const std::string& records);
  bool WriteAll(std::string_view bytes);

  const std::string directory_;
  const DeadLetterOptions options_;
  std::atomic<uint64_t> dropped_{0};

  std::mutex mutex_;
  std::condition_variable work_;     // for the writer: something to write, or stopping
  std::condition_variable written_;  // for Add and Flush: the writer is through a round
  std::string buffer_;               // guarded by mutex_
  uint64_t flush_asked_ = 0;         // guarded by mutex_
  uint64_t flush_done_ = 0;          // guarded by mutex_
  uint64_t sync_asked_ = 0;          // guarded by mutex_: of flush_asked_, the last that wants the disk
  uint64_t sync_failed_ = 0;         // guarded by mutex_: flushes up to this one may not be on the disk
  bool stopping_ = false;            // guarded by mutex_

  // Of the writer's thread only.
  int file_ = -1;
  uint32_t file_number_ = 0;
  uint64_t file_bytes_ = 0;
  bool failing_ = false;

  std::thread writer_;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_DEAD_LETTERS_H_
