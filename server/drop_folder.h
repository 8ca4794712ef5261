#ifndef TALLYMARK_SERVER_DROP_FOLDER_H_
#define TALLYMARK_SERVER_DROP_FOLDER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "server/imports.h"
#include "server/services.h"

namespace tallymark {

// Watches a folder (`tallyd --spool DIR`) and imports what is put there, under the file's name:
//
//   DIR/clicks.csv         taken once its size and time have not changed for kQuietTime
//   DIR/clicks.csv.json    its mapping (server/import_request.h), or clicks.json; to be there first
//   DIR/default.json       the mapping of files without one of their own
//   DIR/loading/           what is being imported
//   DIR/done/              what was, each with FILE.report.json
//   DIR/failed/            what could not be, each with FILE.reason.txt
//
// Names that end in .csv, .tsv or .tab are taken; those that begin with a dot are not, so a file may
// also be written under such a name and renamed. A crash leaves a file in loading/, where the next
// start finds it. One thread of its own.
class DropFolder {
 public:
  static constexpr std::chrono::milliseconds kPollTime{250};
  static constexpr std::chrono::milliseconds kQuietTime{2000};

  // Makes the folders and begins. kIo: that cannot be. `services` must outlive the object.
  static Result<std::unique_ptr<DropFolder>> Open(const Services& services, const std::string& directory);
  // Stops watching; imports that run go on by themselves.
  ~DropFolder();

 private:
  using Path = std::filesystem::path;
  using SteadyTime = std::chrono::steady_clock::time_point;

  struct Seen {
    uintmax_t size = 0;
    std::filesystem::file_time_type written{};
    SteadyTime since{};
  };
  // A file in loading/.
  struct Loading {
    uint64_t job_id = 0;    // 0: not submitted yet
    bool taken_up = false;  // it lay there at the start
    SteadyTime not_before{};
  };

  DropFolder(const Services& services, const std::string& directory)
      : services_(services), directory_(directory) {}

  Status MakeFolders();
  void SetAsideWithoutFile(const Path& mapping) const;
  void RunLoop();
  void Poll();
  void TakeQuietFiles();
  void Take(const Path& file);
  bool IsQuiet(const Path& file);
  std::optional<Path> MappingFor(const Path& file) const;
  void Submit(const std::string& name, Loading* loading);
  Result<ImportRequest> ReadRequest(const std::string& name) const;
  Result<std::unique_ptr<SpoolFile>> Copy(const std::string& name);
  void Follow(const std::string& name, Loading* loading);
  // Moves the file out of loading/ with a text beside it, and forgets it.
  void Finish(const std::string& name, bool done, const std::string& text);
  bool Stopping();

  const Services& services_;
  const Path directory_;
  std::map<std::string, Seen> seen_;
  std::map<std::string, Loading> loading_;
  std::set<std::string> finished_;  // since the last look at loading_

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_DROP_FOLDER_H_
