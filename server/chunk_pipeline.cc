#include "server/chunk_pipeline.h"

#include <boost/asio/post.hpp>
#include <utility>

namespace tallymark {
namespace {

// Up to this size a chunk is parsed where it was read: a change of threads would take longer.
constexpr size_t kInlineParseBytes = 8 << 10;

}  // namespace

ChunkPipeline::ChunkPipeline(const Services& services, boost::asio::thread_pool& workers, std::string source,
                             std::function<void()> on_settled)
    : services_(services),
      workers_(workers),
      source_(std::move(source)),
      on_settled_(std::move(on_settled)) {}

void ChunkPipeline::Submit(std::shared_ptr<EventChunk> chunk, uint32_t rejected_before, BudgetHold hold) {
  auto slot = std::make_shared<Slot>();
  slot->chunk = std::move(chunk);
  slot->hold = std::move(hold);
  slot->result.rejected_before = rejected_before;
  slot->read_ns = services_.clock.NowNs();
  ++in_flight_;
  {
    std::lock_guard lock(settled_mutex_);
    slots_.push_back(slot);
  }
  {
    std::lock_guard lock(append_mutex_);
    to_append_.push_back(slot);
  }
  bool alone = unparsed_.fetch_add(1) == 0;
  if (alone && slot->chunk->text.size() <= kInlineParseBytes) {
    Parse(slot);
  } else {
    boost::asio::post(workers_, [self = shared_from_this(), slot] { self->Parse(slot); });
  }
}

void ChunkPipeline::Parse(const std::shared_ptr<Slot>& slot) {
  AcceptedTimes times = services_.engine.AcceptedTimesNow();
  EventParseOptions options{.unit_ns = 1,
                            .read_time_ns = slot->read_ns,
                            .read_step_ns = 1,
                            .oldest_ns = times.oldest_ns,
                            .newest_ns = times.newest_ns,
                            .lf_always_ends_line = true};
  ParseReport report;
  std::unique_ptr<EventParser> parser = TakeParser();
  services_.metrics.bytes[ServerMetrics::kTcp].Add(slot->chunk->text.size());
  parser->Parse(options, /*want_directives=*/true, slot->chunk.get(), &report);
  GiveParser(std::move(parser));
  services_.engine.RecognizeAds(slot->chunk.get());
  services_.metrics.lines[ServerMetrics::kTcp].Add(report.lines);
  RejectLines(services_, *slot->chunk, report, source_);
  slot->result.segments = slot->chunk->segments;
  slot->result.directives = std::move(report.directives);
  unparsed_.fetch_sub(1);
  Parsed(slot);
}

void ChunkPipeline::Parsed(const std::shared_ptr<Slot>& slot) {
  std::lock_guard lock(append_mutex_);
  slot->parsed = true;
  while (!to_append_.empty() && to_append_.front()->parsed) {
    std::shared_ptr<Slot> next = std::move(to_append_.front());
    to_append_.pop_front();
    Append(next);
  }
}

void ChunkPipeline::Append(const std::shared_ptr<Slot>& slot) {
  std::shared_ptr<const EventChunk> chunk = std::move(slot->chunk);
  if (chunk->events.empty()) {
    Settle(*slot);
    return;
  }
  services_.engine.Append(std::move(chunk), [self = shared_from_this(), slot](
                                                const Status& status, std::span<const SegmentTally> tallies) {
    slot->result.status = status;
    slot->result.tallies.assign(tallies.begin(), tallies.end());
    self->Settle(*slot);
  });
}

void ChunkPipeline::Settle(Slot& slot) {
  slot.hold.ShrinkTo(0);
  bool is_next = false;
  {
    std::lock_guard lock(settled_mutex_);
    slot.settled = true;
    is_next = slots_.front().get() == &slot;
  }
  if (is_next) on_settled_();
}

bool ChunkPipeline::TakeSettled(SettledChunk* settled) {
  std::lock_guard lock(settled_mutex_);
  if (slots_.empty() || !slots_.front()->settled) return false;
  *settled = std::move(slots_.front()->result);
  slots_.pop_front();
  --in_flight_;
  return true;
}

std::unique_ptr<EventParser> ChunkPipeline::TakeParser() {
  {
    std::lock_guard lock(parsers_mutex_);
    if (!parsers_.empty()) {
      std::unique_ptr<EventParser> parser = std::move(parsers_.back());
      parsers_.pop_back();
      return parser;
    }
  }
  return std::make_unique<EventParser>();
}

void ChunkPipeline::GiveParser(std::unique_ptr<EventParser> parser) {
  std::lock_guard lock(parsers_mutex_);
  parsers_.push_back(std::move(parser));
}

}  // namespace tallymark
