#include "format/event_parser.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "format/event_identity.h"
#include "format/event_rules.h"
#include "format/event_scan.h"
#include "format/event_slow_path.h"
#include "format/event_template.h"
#include "format/event_tokens.h"

namespace tallymark {
namespace {

// Events taken in one go; their text and they themselves then still lie in the first-level cache
// when the identities are computed.
constexpr size_t kBatchEventsMax = 64;
constexpr size_t kBatchEventsMin = 4;
constexpr size_t kLineBytesTypical = 128;
constexpr size_t kTokenBytesMax = 64;
constexpr std::string_view kSync = "#sync ";
constexpr std::string_view kAuth = "#auth ";
const Event kBlank;

bool IsToken(std::string_view text) {
  return !text.empty() && text.size() <= kTokenBytesMax &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

// What has been learnt, and how lines are scanned.
struct Templates {
  ScanFunction scan = nullptr;        // null: every line takes the strict path
  ScanRun run;                        // holds last_used and current between calls
  std::unique_ptr<uint32_t[]> stops;  // NOLINT(modernize-avoid-c-arrays)
  std::array<std::unique_ptr<EventTemplate>, kTemplatesMax> shapes;  // few are used: made when learnt

  void Learn(std::string_view line) {
    EventTemplate shape;
    if (!LearnTemplate(line, &shape)) return;
    for (uint32_t i = 0; i < run.template_count; ++i) {
      if (SameShape(*shapes[i], shape)) return;  // something else about the line was odd
    }
    if (run.template_count > 0) run.last_used[run.current] = ++run.clock;
    uint32_t slot = run.template_count;
    if (slot < kTemplatesMax) {
      shapes[slot] = std::make_unique<EventTemplate>();
      if (stops == nullptr) stops = std::make_unique<uint32_t[]>(kWindowStopsMax);
      run.stops = stops.get();
      ++run.template_count;
    } else {
      slot = static_cast<uint32_t>(std::min_element(run.last_used, run.last_used + kTemplatesMax) -
                                   run.last_used);
    }
    *shapes[slot] = shape;
    run.templates[slot] = shapes[slot].get();
    run.current = slot;
  }
};

// One call of Parse.
class ChunkParse {
 public:
  ChunkParse(const EventParseOptions& options, bool want_directives, Templates* templates,
             EventBuilder* builder, LineTokens* tokens, EventChunk* chunk, ParseReport* report)
      : options_(options),
        want_directives_(want_directives),
        templates_(templates),
        builder_(builder),
        tokens_(tokens),
        chunk_(chunk),
        report_(report),
        end_(chunk->text.size()),
        segment_event_begin_(chunk->events.size()) {
    assert(end_ <= UINT32_MAX);
    templates_->run.stop = 0;  // the index is of the text before
    templates_->run.stop_count = 0;
  }

  void Run() {
    chunk_->events.reserve(chunk_->events.size() + end_ / kLineBytesTypical + kBatchEventsMax);
    while (position_ < end_) {
      if (templates_->run.template_count > 0 && TakeFastLines()) break;
      TakeStrictLine();
    }
    if (chunk_->segments.empty() || segment_rejected_ > 0 || chunk_->events.size() > segment_event_begin_) {
      EndSegment();
    }
  }

 private:
  std::string_view Input() const { return std::string_view(chunk_->text).substr(0, end_); }

  // True when the input is used up; else the line at position_ is for the strict path.
  bool TakeFastLines() {
    ScanRun& run = templates_->run;
    run.unit_ns = options_.unit_ns;
    run.read_time_ns = options_.read_time_ns;
    run.read_step_ns = options_.read_step_ns;
    run.oldest_ns = options_.oldest_ns;
    run.newest_ns = options_.newest_ns;
    run.blank = &kBlank;
    for (size_t batch = kBatchEventsMin;; batch = std::min(batch * 2, kBatchEventsMax)) {
      ScanStop stop = TakeFastBatch(batch);
      options_.read_time_ns = run.read_time_ns;
      if (stop != ScanStop::kFull) return stop == ScanStop::kEnd;
    }
  }

  ScanStop TakeFastBatch(size_t batch) {
    ScanRun& run = templates_->run;
    size_t first = chunk_->events.size();
    size_t first_extra = chunk_->extras.size();
    chunk_->events.resize(first + batch);
    chunk_->extras.resize(first_extra + ExtraRoom(batch));
    run.text = chunk_->text.data();
    run.position = position_;
    run.end = end_;
    run.events = chunk_->events.data();
    run.event_count = static_cast<uint32_t>(first);
    run.event_capacity = static_cast<uint32_t>(first + batch);
    run.extras = chunk_->extras.data();
    run.extra_count = static_cast<uint32_t>(first_extra);
    run.extra_capacity = static_cast<uint32_t>(chunk_->extras.size());
    ScanStop stop = templates_->scan(&run);
    chunk_->events.resize(run.event_count);
    chunk_->extras.resize(run.extra_count);
    position_ = run.position;
    for (size_t i = first; i < chunk_->events.size(); ++i) Finish(chunk_->events[i]);
    auto taken = static_cast<uint32_t>(chunk_->events.size() - first);
    line_number_ += taken;
    report_->lines += taken;
    return stop;
  }

  // The scan wants room for the most extras a line can have whenever it begins one.
  size_t ExtraRoom(size_t batch) const {
    uint8_t most = 0;
    for (uint32_t i = 0; i < templates_->run.template_count; ++i) {
      most = std::max(most, templates_->shapes[i]->extra_count);
    }
    return batch * most + kMaxAttributes;
  }

  void TakeStrictLine() {
    std::string_view input = Input();
    size_t lf = std::min(input.find('\n', position_), end_);
    size_t line_end = lf > position_ && input[lf - 1] == '\r' ? lf - 1 : lf;
    size_t next = std::min(lf + 1, end_);
    std::string_view line = input.substr(position_, line_end - position_);
    size_t first = line.find_first_not_of(' ');
    bool no_event = first == std::string_view::npos || line[first] == '#';
    if (no_event) {
      if (!TakeDirective(line)) TakeNoEvent(next);
      ++line_number_;
      position_ = next;
    } else if (options_.lf_always_ends_line) {
      if (line.size() > kMaxLineBytes) {
        RejectTooLong(position_, line_end);
        ++line_number_;
        position_ = next;
      } else {
        TakeEvent(next);
      }
    } else {
      TakeEvent(end_);
    }
  }

  bool TakeDirective(std::string_view line) {
    if (!want_directives_ || (!line.starts_with(kSync) && !line.starts_with(kAuth))) return false;
    Directive directive;
    directive.kind = line.starts_with(kSync) ? Directive::Kind::kSync : Directive::Kind::kAuth;
    std::string_view token = line.substr(kSync.size());
    directive.valid = IsToken(token);
    if (directive.valid) directive.token = token;
    directive.segment = static_cast<uint32_t>(chunk_->segments.size());
    report_->directives.push_back(std::move(directive));
    EndSegment();
    return true;
  }

  // A blank line or a comment, in text[position_, next).
  void TakeNoEvent(size_t next) {
    LineTokenizer tokenizer(Input().substr(position_, next - position_), {});
    TokenFailure failure;
    if (tokenizer.Next(tokens_, &failure) == LineTokenizer::Outcome::kEnd) return;
    ++report_->lines;
    RejectFailure(tokenizer, std::move(failure));
  }

  // An event line that begins at position_; its strings may go on until `limit`.
  void TakeEvent(size_t limit) {
    LineReader::Options reader_options{.unit_ns = options_.unit_ns,
                                       .allow_no_fields = true,
                                       .lf_always_ends_line = options_.lf_always_ends_line};
    LineTokenizer tokenizer(Input().substr(position_, limit - position_), reader_options);
    TokenFailure failure;
    LineTokenizer::Outcome outcome = tokenizer.Next(tokens_, &failure);
    assert(outcome != LineTokenizer::Outcome::kEnd);
    size_t line_begin = position_ + tokenizer.line_begin();
    size_t line_end = position_ + tokenizer.line_end();
    size_t next = position_ + tokenizer.position();
    if (line_end - line_begin > kMaxLineBytes) {
      RejectTooLong(line_begin, line_end);
    } else {
      ++report_->lines;
      if (outcome == LineTokenizer::Outcome::kError) {
        RejectFailure(tokenizer, std::move(failure));
      } else {
        BuildEvent(line_begin, line_end);
      }
    }
    line_number_ += CountLines(position_, next);
    position_ = next;
  }

  void BuildEvent(size_t line_begin, size_t line_end) {
    Rejection rejection;
    if (!builder_->Build(*tokens_, position_, options_, chunk_, &rejection)) {
      Reject(rejection.reason, line_begin, line_end, rejection.position, std::move(rejection.detail));
      return;
    }
    if (!tokens_->time_ns) options_.read_time_ns += options_.read_step_ns;
    Finish(chunk_->events.back());
    if (templates_->scan != nullptr) templates_->Learn(Input().substr(line_begin, line_end - line_begin));
  }

  // What is computed from texts, while they are in the nearest cache.
  void Finish(Event& event) const {
    ComputeIdentity(*chunk_, event);
    ComputePeople(*chunk_, event);
  }

  void RejectTooLong(size_t line_begin, size_t line_end) {
    ++report_->lines;
    Reject(RejectReason::kLineTooLong, line_begin, line_end, Rejection::kWholeLine,
           "a line of " + std::to_string(line_end - line_begin) + " bytes, at most " +
               std::to_string(kMaxLineBytes));
  }

  void RejectFailure(const LineTokenizer& tokenizer, TokenFailure failure) {
    RejectReason reason = failure.code == TokenFailure::Code::kNotUtf8     ? RejectReason::kNotUtf8
                          : failure.code == TokenFailure::Code::kTimeRange ? RejectReason::kBadTime
                                                                           : RejectReason::kParse;
    Reject(reason, position_ + tokenizer.line_begin(), position_ + tokenizer.line_end(),
           position_ + failure.position, std::move(failure.reason));
  }

  void Reject(RejectReason reason, size_t line_begin, size_t line_end, size_t at, std::string detail) {
    RejectedLine rejected;
    rejected.reason = reason;
    rejected.line = static_cast<uint32_t>(line_number_);
    if (at != Rejection::kWholeLine) {
      // A string over several lines: name the line and column of the place itself.
      size_t lf = Input().substr(position_, at - position_).rfind('\n');
      size_t column_begin = lf == std::string_view::npos ? position_ : position_ + lf + 1;
      rejected.line += static_cast<uint32_t>(CountLines(position_, at));
      rejected.column = static_cast<uint32_t>(at - column_begin + 1);
    }
    rejected.text_offset = static_cast<uint32_t>(line_begin);
    rejected.text_size = static_cast<uint32_t>(line_end - line_begin);
    rejected.detail = std::move(detail);
    report_->rejected.push_back(std::move(rejected));
    ++segment_rejected_;
  }

  size_t CountLines(size_t begin, size_t end) const {
    std::string_view part = Input().substr(begin, end - begin);
    return static_cast<size_t>(std::count(part.begin(), part.end(), '\n'));
  }

  void EndSegment() {
    chunk_->segments.push_back({static_cast<uint32_t>(chunk_->events.size()), segment_rejected_});
    segment_event_begin_ = chunk_->events.size();
    segment_rejected_ = 0;
  }

  EventParseOptions options_;
  const bool want_directives_;
  Templates* const templates_;
  EventBuilder* const builder_;
  LineTokens* const tokens_;
  EventChunk* const chunk_;
  ParseReport* const report_;
  const size_t end_;
  size_t position_ = 0;
  size_t line_number_ = 1;
  size_t segment_event_begin_ = 0;
  uint32_t segment_rejected_ = 0;
};

ScanFunction Choose(EventParser::Isa isa) {
  bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
  return avx2 && isa != EventParser::Isa::kBaseline ? ScanLinesAvx2 : ScanLinesBaseline;
}

}  // namespace

struct EventParser::Impl {
  Templates templates;
  EventBuilder builder;
  LineTokens tokens;
};

EventParser::EventParser(Isa isa) : impl_(std::make_unique<Impl>()) { impl_->templates.scan = Choose(isa); }
EventParser::~EventParser() = default;
EventParser::EventParser(EventParser&&) noexcept = default;
EventParser& EventParser::operator=(EventParser&&) noexcept = default;

void EventParser::Parse(const EventParseOptions& options, bool want_directives, EventChunk* chunk,
                        ParseReport* report) {
  ChunkParse(options, want_directives, &impl_->templates, &impl_->builder, &impl_->tokens, chunk, report)
      .Run();
}

void ParseEventsSlowly(const EventParseOptions& options, bool want_directives, EventChunk* chunk,
                       ParseReport* report) {
  Templates templates;
  EventBuilder builder;
  LineTokens tokens;
  ChunkParse(options, want_directives, &templates, &builder, &tokens, chunk, report).Run();
}

}  // namespace tallymark
