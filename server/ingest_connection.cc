#include "server/ingest_connection.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>

#include "server/lingering_close.h"
#include "server/listen_address.h"

namespace tallymark {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr int kReadsBeforeYield = 4;

std::string OneLine(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  std::ranges::replace(text, '\r', ' ');
  return text;
}

std::string SourceOf(const asio::ip::tcp::socket& socket) {
  error_code error;
  auto peer = socket.remote_endpoint(error);
  return error ? "tcp" : "tcp " + FormatEndpoint(peer);
}

}  // namespace

std::shared_ptr<IngestConnection> IngestConnection::Create(const Services& services,
                                                           asio::thread_pool& workers, ChunkPool& chunks,
                                                           asio::ip::tcp::socket socket) {
  std::shared_ptr<IngestConnection> connection(new IngestConnection(services, chunks, std::move(socket)));
  connection->pipeline_ = std::make_shared<ChunkPipeline>(
      services, workers, connection->source_, [weak = connection->weak_from_this()] {
        if (std::shared_ptr<IngestConnection> self = weak.lock()) self->PostSettled();
      });
  return connection;
}

IngestConnection::IngestConnection(const Services& services, ChunkPool& chunks, asio::ip::tcp::socket socket)
    : services_(services),
      chunks_(chunks),
      socket_(std::move(socket)),
      wake_(socket_.get_executor(), asio::steady_timer::time_point::max()),
      source_(SourceOf(socket_)) {
  error_code ignored;  // a connection that is already broken shows at the first read
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.set_option(asio::socket_base::keep_alive(true), ignored);
  socket_.non_blocking(true, ignored);
}

asio::awaitable<void> IngestConnection::Run() {
  std::shared_ptr<IngestConnection> self = shared_from_this();
  co_await ReadLoop();
  if (stream_ended_) FinishStream();
  co_await Drain();
  error_code ignored;  // it is closed either way
  if (broken_ || stream_ended_) {
    socket_.close(ignored);
  } else {
    co_await LingeringClose(self, socket_);
  }
}

void IngestConnection::TurnAway(const std::string& line) {
  error_code ignored;  // it is closed either way
  socket_.write_some(asio::buffer(line + "\n"), ignored);
  socket_.close(ignored);
}

asio::awaitable<void> IngestConnection::ReadLoop() {
  int reads = 0;
  while (!closing_ && !stream_ended_ && !broken_) {
    if (finishing_ && std::chrono::steady_clock::now() > finish_by_) break;
    Step step = ReadOnce();
    if (step == Step::kWaitForData && finishing_) {
      break;
    } else if (step == Step::kWaitForData) {
      co_await WaitForData();
    } else if (step == Step::kWaitForWake) {
      co_await WaitForWake();
    } else if (++reads % kReadsBeforeYield == 0) {
      co_await asio::post(socket_.get_executor(), asio::use_awaitable);
    }
  }
}

// Until every chunk is answered and every answer is sent, as far as the socket still takes any.
asio::awaitable<void> IngestConnection::Drain() {
  while (!cut_ && (pipeline_->InFlight() > 0 || (!broken_ && (writing_ || !unsent_.empty())))) {
    co_await WaitForWake();
  }
}

asio::awaitable<void> IngestConnection::WaitForData() {
  auto [error] = co_await socket_.async_wait(
      asio::socket_base::wait_read,
      asio::bind_cancellation_slot(cancel_waiting_.slot(), asio::as_tuple(asio::use_awaitable)));
  drained_ = false;
  if (error && error != asio::error::operation_aborted) broken_ = true;
}

asio::awaitable<void> IngestConnection::WaitForWake() {
  co_await wake_.async_wait(asio::as_tuple(asio::use_awaitable));
}

void IngestConnection::Stop() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->finishing_ = true;
    self->finish_by_ = std::chrono::steady_clock::now() + kFinishTime;
    self->drained_ = false;
    self->cancel_waiting_.emit(asio::cancellation_type::terminal);
    self->wake_.cancel();
  });
}

void IngestConnection::Cut() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->cut_ = true;
    self->broken_ = true;
    error_code ignored;  // it is closed either way
    self->socket_.close(ignored);
    self->CloseSoon();
  });
}

void IngestConnection::CloseSoon() {
  closing_ = true;
  cancel_waiting_.emit(asio::cancellation_type::terminal);
  wake_.cancel();
}

// ---- Reading

IngestConnection::Step IngestConnection::ReadOnce() {
  if (drained_) return Step::kWaitForData;
  if (pipeline_->InFlight() >= kChunksInFlightMax || unsent_.size() + sending_.size() > kUnsentBytesMax) {
    return Step::kWaitForWake;
  }
  return large_reads_ ? ReadLarge() : ReadSmall();
}

IngestConnection::Step IngestConnection::ReadSmall() {
  thread_local std::array<char, kSmallReadBytes> scratch;
  BudgetHold hold(&services_.ingest_budget);
  if (!TakeRoom(&hold, kSmallReadBytes)) return Step::kWaitForWake;
  std::string_view bytes(scratch.data(), ReadSome(scratch.data(), scratch.size()));
  if (bytes.empty()) return Step::kGoOn;
  large_reads_ = bytes.size() == scratch.size();
  if (!speaker_known_) CheckSpeaker(cutter_.carry().empty() ? bytes : cutter_.carry() + std::string(bytes));
  if (closing_) return Step::kGoOn;
  if (bytes.find('\n') == std::string_view::npos) {
    CountLongLine(cutter_.Add(bytes, nullptr));
    return Step::kGoOn;
  }
  std::shared_ptr<EventChunk> chunk = chunks_.Get();
  std::optional<std::string> long_line = cutter_.Add(bytes, &chunk->text);
  Submit(std::move(chunk), std::move(hold));
  CountLongLine(long_line);
  return Step::kGoOn;
}

IngestConnection::Step IngestConnection::ReadLarge() {
  BudgetHold hold(&services_.ingest_budget);
  size_t carried = cutter_.carry().size();
  if (!TakeRoom(&hold, carried + kReadBytesMax)) return Step::kWaitForWake;
  std::shared_ptr<EventChunk> chunk = chunks_.Get();
  chunk->text.resize(carried + kReadBytesMax);
  size_t size = ReadSome(chunk->text.data() + carried, kReadBytesMax);
  large_reads_ = size > kSmallReadBytes;
  if (size == 0) return Step::kGoOn;
  chunk->text.resize(carried + size);
  chunk->text.replace(0, carried, cutter_.carry());
  std::optional<std::string> long_line = cutter_.Cut(&chunk->text);
  Submit(std::move(chunk), std::move(hold));
  CountLongLine(long_line);
  return Step::kGoOn;
}

// 0 when there is nothing to read now, the stream ended or broke.
size_t IngestConnection::ReadSome(char* buffer, size_t size) {
  error_code error;
  size_t read = socket_.read_some(asio::buffer(buffer, size), error);
  drained_ = read < size;
  if (!error) return read;
  if (error == asio::error::eof) {
    stream_ended_ = true;
  } else if (error != asio::error::would_block && error != asio::error::try_again &&
             error != asio::error::interrupted) {
    broken_ = true;
  }
  return 0;
}

bool IngestConnection::TakeRoom(BudgetHold* hold, size_t bytes) {
  if (hold->GrowTo(bytes)) return true;
  if (!room_asked_) {
    room_asked_ = true;
    services_.ingest_budget.WhenRoomy([weak = weak_from_this()] {
      std::shared_ptr<IngestConnection> self = weak.lock();
      if (self == nullptr) return;
      asio::post(self->socket_.get_executor(), [self] {
        self->room_asked_ = false;
        self->wake_.cancel();
      });
    });
  }
  return hold->GrowTo(bytes);
}

void IngestConnection::Submit(std::shared_ptr<EventChunk> chunk, BudgetHold hold) {
  if (chunk->text.empty()) return;
  hold.ShrinkTo(chunk->text.size());
  pipeline_->Submit(std::move(chunk), std::exchange(rejected_pending_, 0), std::move(hold));
}

void IngestConnection::CountLongLine(const std::optional<std::string>& start) {
  if (!start) return;
  ++rejected_pending_;
  services_.metrics.lines[ServerMetrics::kTcp].Add();
  RejectLine(services_, RejectReason::kLineTooLong, *start,
             "a line may have " + std::to_string(kMaxLineBytes) + " bytes", source_, /*cut=*/true);
}

void IngestConnection::CheckSpeaker(std::string_view first_bytes) {
  Speaker speaker = DetectSpeaker(first_bytes);
  speaker_known_ = speaker != Speaker::kUndecided;
  if (speaker == Speaker::kHttp) {
    services_.metrics.ingest_refused.Add();
    AnswerAndClose("error this port takes line protocol; HTTP is at " + services_.http_address);
  } else if (speaker == Speaker::kTls) {
    services_.metrics.ingest_refused.Add();
    AnswerAndClose("error this port takes line protocol without TLS; HTTP is at " + services_.http_address);
  }
}

// Half a line must never be billed.
void IngestConnection::FinishStream() {
  const std::string& rest = cutter_.carry();
  if (closing_ || IsBlankOrComment(rest)) return;
  services_.metrics.lines[ServerMetrics::kTcp].Add();
  RejectLine(services_, RejectReason::kTruncated, rest, "the connection ended inside this line", source_);
}

// ---- Answering

void IngestConnection::PostSettled() {
  if (settle_posted_.exchange(true)) return;
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->OnSettled(); });
}

void IngestConnection::OnSettled() {
  settle_posted_.store(false);
  SettledChunk settled;
  while (pipeline_->TakeSettled(&settled)) AnswerChunk(settled);
  StartWrite();
  wake_.cancel();
}

void IngestConnection::AnswerChunk(const SettledChunk& settled) {
  if (!settled.status.ok() && failed_.ok()) {
    failed_ = settled.status;
    CloseSoon();
  }
  rejected_ += settled.rejected_before;
  auto directive = settled.directives.begin();
  for (size_t i = 0; i < settled.segments.size(); ++i) {
    rejected_ += settled.segments[i].rejected;
    if (i < settled.tallies.size()) {
      accepted_ += settled.tallies[i].accepted;
      duplicates_ += settled.tallies[i].duplicates;
    }
    for (; directive != settled.directives.end() && directive->segment == i; ++directive) {
      AnswerDirective(*directive);
    }
  }
}

void IngestConnection::AnswerDirective(const Directive& directive) {
  if (muted_) return;
  bool is_sync = directive.kind == Directive::Kind::kSync;
  std::string about = !is_sync ? "" : directive.valid ? directive.token + " " : "? ";
  if (!directive.valid) {
    AnswerAndClose("error " + about + "a token is 1 to 64 printable bytes without space");
  } else if (!failed_.ok()) {
    unsent_ += "error " + about + OneLine(failed_.message()) + "\n";
  } else if (is_sync) {
    services_.metrics.syncs.Add();
    unsent_ += "synced " + directive.token + " accepted=" + std::to_string(std::exchange(accepted_, 0)) +
               " duplicates=" + std::to_string(std::exchange(duplicates_, 0)) +
               " rejected=" + std::to_string(std::exchange(rejected_, 0)) + "\n";
  } else {
    unsent_ += "ok\n";
  }
}

void IngestConnection::AnswerAndClose(const std::string& line) {
  unsent_ += line + "\n";
  muted_ = true;
  StartWrite();
  CloseSoon();
}

void IngestConnection::StartWrite() {
  if (writing_ || broken_ || unsent_.empty()) return;
  writing_ = true;
  sending_.swap(unsent_);
  unsent_.clear();
  asio::async_write(
      socket_, asio::buffer(sending_),
      [self = shared_from_this()](const error_code& error, size_t /*size*/) { self->OnWritten(error); });
}

void IngestConnection::OnWritten(const error_code& error) {
  writing_ = false;
  sending_.clear();
  if (error) {
    broken_ = true;
    CloseSoon();
  }
  StartWrite();
  wake_.cancel();
}

}  // namespace tallymark
