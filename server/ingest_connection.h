#ifndef TALLYMARK_SERVER_INGEST_CONNECTION_H_
#define TALLYMARK_SERVER_INGEST_CONNECTION_H_

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "server/chunk_pipeline.h"
#include "server/chunk_pool.h"
#include "server/line_cutter.h"
#include "server/services.h"

namespace tallymark {

// One TCP ingest connection (SPEC 2.1): reads, cuts lines, feeds its pipeline, answers #sync and
// #auth in order. Everything runs on the socket's strand; only Stop and Cut may be called from
// elsewhere.
class IngestConnection : public std::enable_shared_from_this<IngestConnection> {
 public:
  // Chunks of one connection that may be between reading and the engine's answer. So many of them that one
  // connection alone keeps every stage of the engine's pipeline busy: three batches of 16,384 lines, and what
  // is being parsed (bench/README.md). Services::ingest_budget bounds what all connections hold.
  static constexpr size_t kChunksInFlightMax = 32;
  static constexpr size_t kReadBytesMax = 256 << 10;
  // Reads up to this size are copied from a scratch buffer, so that idle connections hold none.
  static constexpr size_t kSmallReadBytes = 16 << 10;
  // Unsent answers past which nothing more is read.
  static constexpr size_t kUnsentBytesMax = 64 << 10;

  static constexpr std::chrono::seconds kFinishTime{2};

  // The socket's executor must be a strand of its own.
  static std::shared_ptr<IngestConnection> Create(const Services& services, boost::asio::thread_pool& workers,
                                                  ChunkPool& chunks, boost::asio::ip::tcp::socket socket);

  // Serves until the peer is through, an error, or Stop; then commits, answers and closes.
  boost::asio::awaitable<void> Run();

  // Instead of Run: one line, as far as the socket takes it at once, and the end.
  void TurnAway(const std::string& line);

  boost::asio::any_io_executor executor() { return socket_.get_executor(); }

  // Asks Run to end once what the peer has sent by now is read (for at most kFinishTime) and
  // answered. Thread safe.
  void Stop();
  // Ends Run without waiting for the peer or the engine. Thread safe.
  void Cut();

 private:
  // What a step of the reading loop came to.
  enum class Step { kGoOn, kWaitForData, kWaitForWake };

  IngestConnection(const Services& services, ChunkPool& chunks, boost::asio::ip::tcp::socket socket);

  Step ReadOnce();
  Step ReadSmall();
  Step ReadLarge();
  size_t ReadSome(char* buffer, size_t size);
  bool TakeRoom(BudgetHold* hold, size_t bytes);
  void Submit(std::shared_ptr<EventChunk> chunk, BudgetHold hold);
  void CountLongLine(const std::optional<std::string>& start);
  void CheckSpeaker(std::string_view first_bytes);
  void FinishStream();

  void PostSettled();
  void OnSettled();
  void AnswerChunk(const SettledChunk& settled);
  void AnswerDirective(const Directive& directive);
  void AnswerAndClose(const std::string& line);
  void CloseSoon();
  void StartWrite();
  void OnWritten(const boost::system::error_code& error);

  boost::asio::awaitable<void> WaitForData();
  boost::asio::awaitable<void> WaitForWake();
  boost::asio::awaitable<void> ReadLoop();
  boost::asio::awaitable<void> Drain();

  const Services& services_;
  ChunkPool& chunks_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer wake_;                   // never expires; cancelling it wakes Run
  boost::asio::cancellation_signal cancel_waiting_;  // ends WaitForData, and no write under way
  const std::string source_;                         // "tcp HOST:PORT"
  std::shared_ptr<ChunkPipeline> pipeline_;

  LineCutter cutter_;
  bool large_reads_ = false;  // the last read was full
  bool drained_ = false;      // the last read was short: nothing waits in the socket
  bool speaker_known_ = false;
  bool room_asked_ = false;    // the budget will wake us
  bool stream_ended_ = false;  // the peer has sent everything
  bool broken_ = false;        // the socket gives or takes nothing any more
  bool closing_ = false;       // read nothing more
  bool finishing_ = false;     // end when there is nothing to read
  bool cut_ = false;           // end without waiting
  bool muted_ = false;         // the last word was said
  std::chrono::steady_clock::time_point finish_by_;
  uint32_t rejected_pending_ = 0;  // dropped lines that the next chunk will account for

  // Since the last #sync.
  uint64_t accepted_ = 0;
  uint64_t duplicates_ = 0;
  uint64_t rejected_ = 0;
  Status failed_;  // the engine's first failure: nothing is acknowledged after it

  std::string unsent_;
  std::string sending_;
  bool writing_ = false;
  std::atomic<bool> settle_posted_{false};
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_INGEST_CONNECTION_H_
