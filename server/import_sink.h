#ifndef TALLYMARK_SERVER_IMPORT_SINK_H_
#define TALLYMARK_SERVER_IMPORT_SINK_H_

#include <string>

#include "engine/engine.h"
#include "format/import_record.h"
#include "format/table_import.h"
#include "server/mapped_file.h"
#include "server/services.h"

namespace tallymark {

// Takes the batches of one import into the engine, one at a time, and notes after each how far the
// import has come: in the engine's record of it and in its job. Ends the import with kUnavailable when
// the job is to stop. One thread; everything given must outlive the sink.
class EngineImportSink : public ImportSink {
 public:
  // `record` is what the engine keeps under `name`. `continued`: rows behind record->report.rows may
  // have been stored by an earlier run, one batch of them at most.
  EngineImportSink(const Services& services, JobContext* job, MappedFile* file, std::string name,
                   ImportRecord* record, bool continued);

  EventParseOptions Rules() override;
  Result<BatchCounts> Store(const ImportBatch& batch) override;
  Status OnChecked(size_t position) override;
  Status OnStored(size_t position, const ImportReport& report) override;

 private:
  // Of the job's share 0..1, up to here is checking and the rest loading.
  static constexpr double kCheckedShare = 0.25;

  Status Advance(size_t position, double begin, double end);

  const Services& services_;
  JobContext* const job_;
  MappedFile* const file_;
  const std::string name_;
  ImportRecord* const record_;
  bool unsure_;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_IMPORT_SINK_H_
