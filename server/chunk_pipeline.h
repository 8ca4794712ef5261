#ifndef TALLYMARK_SERVER_CHUNK_PIPELINE_H_
#define TALLYMARK_SERVER_CHUNK_PIPELINE_H_

#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "format/event_parser.h"
#include "server/byte_budget.h"
#include "server/services.h"

namespace tallymark {

// A chunk that went through: what became of its lines, and the directives to answer.
struct SettledChunk {
  Status status;                       // of the engine; ok where there was nothing to store
  uint32_t rejected_before = 0;        // lines dropped between the chunk before and this one
  std::vector<ChunkSegment> segments;  // of the chunk
  std::vector<SegmentTally> tallies;   // one a segment when something was stored, else empty
  std::vector<Directive> directives;
};

// Takes the chunks of one connection through parsing (several at a time, on the workers) and into
// the engine (in the order they came), and hands back what became of them in that same order.
//
// Submit and TakeSettled belong to one thread (or strand); the rest happens on workers and engine
// threads, which keep the pipeline alive while they need it.
class ChunkPipeline : public std::enable_shared_from_this<ChunkPipeline> {
 public:
  // `on_settled` is called from other threads when TakeSettled may have something new; it must only
  // pass the word on. `source` names the connection in dead letters.
  ChunkPipeline(const Services& services, boost::asio::thread_pool& workers, std::string source,
                std::function<void()> on_settled);

  // The chunk holds text and nothing else. `hold` is released when the engine has answered.
  void Submit(std::shared_ptr<EventChunk> chunk, uint32_t rejected_before, BudgetHold hold);

  // The next chunk in order, when it is through.
  bool TakeSettled(SettledChunk* settled);

  size_t InFlight() const { return in_flight_; }

 private:
  struct Slot {
    std::shared_ptr<EventChunk> chunk;  // gone once appended
    BudgetHold hold;
    SettledChunk result;
    int64_t read_ns = 0;
    bool parsed = false;   // guarded by append_mutex_
    bool settled = false;  // guarded by settled_mutex_
  };

  void Parse(const std::shared_ptr<Slot>& slot);
  void Parsed(const std::shared_ptr<Slot>& slot);
  void Append(const std::shared_ptr<Slot>& slot);
  void Settle(Slot& slot);
  std::unique_ptr<EventParser> TakeParser();
  void GiveParser(std::unique_ptr<EventParser> parser);

  const Services& services_;
  boost::asio::thread_pool& workers_;
  const std::string source_;
  const std::function<void()> on_settled_;
  size_t in_flight_ = 0;  // of the owner's thread
  std::atomic<size_t> unparsed_{0};

  std::mutex append_mutex_;  // held over Engine::Append, so that the order of calls is ours
  std::deque<std::shared_ptr<Slot>> to_append_;  // guarded by append_mutex_

  std::mutex settled_mutex_;
  std::deque<std::shared_ptr<Slot>> slots_;  // in order; guarded by settled_mutex_

  std::mutex parsers_mutex_;
  std::vector<std::unique_ptr<EventParser>> parsers_;  // idle; guarded by parsers_mutex_
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_CHUNK_PIPELINE_H_
