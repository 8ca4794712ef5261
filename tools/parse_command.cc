#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include "format/event_parser.h"
#include "format/line_protocol.h"
#include "format/text_encoding.h"
#include "format/time_units.h"
#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/input_file.h"

namespace tallymark {
namespace {

struct ParseOptions {
  bool any = false;
  std::string precision = "ns";
  std::string default_time;
  std::string file;
};

// The shortest text that reads back as the same double.
void AppendFloat(double value, std::string* out) {
  char buffer[32];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  out->append(buffer, end);
}

void AppendValue(const FieldValue& value, std::string* out) {
  switch (value.type) {
    case FieldValue::Type::kFloat:
      *out += "{\"float\":";
      AppendFloat(value.as_float, out);
      break;
    case FieldValue::Type::kInt:
      *out += "{\"int\":" + std::to_string(value.as_int);
      break;
    case FieldValue::Type::kUint:
      *out += "{\"uint\":" + std::to_string(value.as_uint);
      break;
    case FieldValue::Type::kString:
      *out += "{\"string\":";
      AppendJsonString(value.text, out);
      break;
    case FieldValue::Type::kBool:
      *out += value.as_bool ? "{\"bool\":true" : "{\"bool\":false";
      break;
  }
  *out += '}';
}

// Texts are UTF-8: the reader refuses everything else.
void AppendPoint(const Point& point, int64_t default_time_ns, std::string* out) {
  *out += "{\"name\":";
  AppendJsonString(point.name, out);
  *out += ",\"tags\":{";
  for (const Tag& tag : point.tags) {
    if (out->back() != '{') *out += ',';
    AppendJsonString(tag.key, out);
    *out += ':';
    AppendJsonString(tag.value, out);
  }
  *out += "},\"fields\":{";
  for (const FieldItem& field : point.fields) {
    if (out->back() != '{') *out += ',';
    AppendJsonString(field.key, out);
    *out += ':';
    AppendValue(field.value, out);
  }
  *out += "},\"time\":\"" + std::to_string(point.time_ns.value_or(default_time_ns)) + "\"}\n";
}

void ReportLine(size_t line, size_t column, const std::string& reason) {
  std::fprintf(stderr, "line %zu, column %zu: %s\n", line, column, reason.c_str());
}

// Checks single lines by the rules for events.
class EventRules {
 public:
  EventRules(int64_t unit_ns, int64_t default_time_ns) {
    options_.unit_ns = unit_ns;
    options_.read_time_ns = default_time_ns;
    options_.lf_always_ends_line = false;
  }

  // Empty when the line is an event.
  std::optional<LineError> Check(std::string_view line) {
    EventChunk chunk;
    ParseReport report;
    chunk.text = line;
    parser_.Parse(options_, false, &chunk, &report);
    if (report.rejected.empty()) return {};
    const RejectedLine& rejected = report.rejected.front();
    std::string reason(RejectReasonName(rejected.reason));
    if (!rejected.detail.empty()) reason += ": " + rejected.detail;
    return LineError{rejected.line, std::max<size_t>(rejected.column, 1), std::move(reason)};
  }

 private:
  EventParseOptions options_;
  EventParser parser_;
};

// Returns how many lines were refused.
uint64_t ParseInput(std::string_view input, const ParseOptions& options, int64_t unit_ns,
                    int64_t default_time_ns) {
  constexpr size_t kFlushBytes = 1 << 16;
  LineReader reader(input,
                    {.unit_ns = unit_ns, .allow_no_fields = !options.any, .lf_always_ends_line = false});
  EventRules rules(unit_ns, default_time_ns);
  uint64_t refused = 0;
  size_t line_number = 1, counted_to = 0;  // line_number is that of the byte counted_to
  std::string out;
  while (true) {
    Point point;
    LineError error;
    LineReader::Outcome outcome = reader.Next(&point, &error);
    if (outcome == LineReader::Outcome::kEnd) break;
    std::string_view line = input.substr(reader.line_begin(), reader.line_end() - reader.line_begin());
    std::optional<LineError> refusal;
    if (!options.any) {
      line_number +=
          static_cast<size_t>(std::count(input.begin() + static_cast<ptrdiff_t>(counted_to),
                                         input.begin() + static_cast<ptrdiff_t>(reader.line_begin()), '\n'));
      counted_to = reader.line_begin();
      refusal = rules.Check(line);
      if (refusal) refusal->line += line_number - 1;
    }
    if (outcome == LineReader::Outcome::kError && !refusal) refusal = error;
    if (refusal) {
      ++refused;
      ReportLine(refusal->line, refusal->column, refusal->reason);
      continue;
    }
    AppendPoint(point, default_time_ns, &out);
    if (out.size() >= kFlushBytes) {
      std::fwrite(out.data(), 1, out.size(), stdout);
      out.clear();
    }
  }
  std::fwrite(out.data(), 1, out.size(), stdout);
  return refused;
}

int RunParse(const ParseOptions& options) {
  auto unit = UnitOption("--precision", options.precision);
  if (!unit.ok()) return Fail(unit.status());
  int64_t default_time = SystemNowNs();
  if (!options.default_time.empty()) {
    const std::string& text = options.default_time;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), default_time);
    if (error != std::errc() || end != text.data() + text.size()) {
      return Fail(Status::Invalid("--default-time: \"" + text + "\" is not a number of nanoseconds"));
    }
  }
  auto input = InputFile::Open(options.file);
  if (!input.ok()) return Fail(input.status());
  // A line without a time has its default in the same unit as the others.
  default_time = FloorDiv(default_time, *unit) * *unit;
  return ParseInput(input->bytes(), options, *unit, default_time) == 0 ? 0 : 1;
}

}  // namespace

void AddParseCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand("parse", "Read line protocol and print each point as a JSON line");
  auto options = std::make_shared<ParseOptions>();
  command->add_flag("--any", options->any, "Any line protocol; without it, lines must be events");
  command->add_option("--precision", options->precision, "Unit of the timestamps: ns, us, ms, s, m, h")
      ->capture_default_str();
  command->add_option("--default-time", options->default_time,
                      "Time of lines without one, nanoseconds since the epoch (default: now)");
  command->add_option("FILE", options->file, "What to read; stdin without it");
  command->footer(
      "Refused lines go to stderr with line, column and reason, and the exit code is 1.\n\n"
      "Example:\n"
      "  echo 'click,ad_id=ad7 user_id=\"u1\" 1609459200' | tally parse --precision s");
  command->callback([=] { *exit_code = RunParse(*options); });
}

}  // namespace tallymark
