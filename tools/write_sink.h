#ifndef TALLYMARK_TOOLS_WRITE_SINK_H_
#define TALLYMARK_TOOLS_WRITE_SINK_H_

#include <functional>

#include "format/table_import.h"
#include "tools/write_client.h"

namespace tallymark {

// Sends an import's lines to a server's write endpoint, a request a batch. One thread.
class WriteSink : public ImportSink {
 public:
  using OnProgress = std::function<void(size_t position, const ImportReport& report)>;

  // `client` must outlive the sink. `checked` and `stored` may be null.
  WriteSink(WriteClient* client, OnProgress checked, OnProgress stored);

  Result<BatchCounts> Store(const ImportBatch& batch) override;
  Status OnChecked(size_t position) override;
  Status OnStored(size_t position, const ImportReport& report) override;

 private:
  WriteClient* const client_;
  const OnProgress checked_;
  const OnProgress stored_;
};

}  // namespace tallymark

#endif  // TALLYMARK_TOOLS_WRITE_SINK_H_
