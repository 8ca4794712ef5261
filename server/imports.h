#ifndef TALLYMARK_SERVER_IMPORTS_H_
#define TALLYMARK_SERVER_IMPORTS_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "engine/engine.h"
#include "format/import_record.h"
#include "server/import_task.h"
#include "server/services.h"
#include "server/spool_file.h"

namespace tallymark {

inline constexpr std::string_view kImportJobKind = "import";
// The folder of spooled bodies, in the data directory.
inline constexpr std::string_view kImportDirectory = "imports";

// Named files on their way into the engine. A file is spooled and becomes a job; the job checks it
// whole, then loads it batch by batch, and the engine's records of imports say how far. A name stands
// there from before its first row is stored and is loaded when its last batch is durable, so that a
// crash anywhere leaves something that a restart, or the same request again, goes on with. Thread safe.
class Imports {
 public:
  // Why a file is not taken, for people; `record` is that of the name or content it clashes with.
  struct Refusal {
    Status status;
    std::optional<ImportRecord> record;
  };

  // Makes the folder, removes spooled files that no job needs and takes up unfinished imports.
  // `services` must outlive the engine.
  static Result<std::unique_ptr<Imports>> Open(const Services& services, const SpoolLimits& limits);

  // Before a body is read: kConflict for a name that is loaded.
  std::optional<Refusal> CheckName(const std::string& name) const;

  // A file in the folder, for a body.
  Result<std::unique_ptr<SpoolFile>> NewSpoolFile();

  // Starts an import of a finished spool file, or leads to the job that already runs it. kConflict: the
  // name or the content was loaded before, or is being loaded otherwise. kInvalid: this is no table.
  struct Submitted {
    std::optional<JobInfo> job;
    Refusal refusal;  // without a job
  };
  Submitted Submit(const ImportRequest& request, std::unique_ptr<SpoolFile> file);

 private:
  Imports(const Services& services, const SpoolLimits& limits);

  Status TakeUp();
  Result<std::string> Run(JobContext& job);
  Result<std::string> Load(const ImportTask& task, JobContext& job);
  std::optional<Refusal> Clash(const ImportTask& task) const;
  std::optional<Submitted> AtWork(const ImportTask& task) const;
  ImportRecord NewRecord(const ImportTask& task) const;
  void RemoveBody(const std::string& body) const;

  const Services& services_;
  const SpoolLimits limits_;
  const std::string directory_;
  std::atomic<uint64_t> next_file_{0};
  std::mutex submit_mutex_;  // one decision at a time about what is taken
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_IMPORTS_H_
