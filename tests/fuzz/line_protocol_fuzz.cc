// LineReader on any bytes: it must end, stay within its input, and be of one mind with itself.
// The first byte chooses the options.

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "format/line_protocol.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tallymark::LineReader;
  if (size == 0) return 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  LineReader::Options options{.unit_ns = (data[0] & 4) != 0 ? 1'000'000 : 1,
                              .allow_no_fields = (data[0] & 1) != 0,
                              .lf_always_ends_line = (data[0] & 2) != 0};
  LineReader reader(input, options);
  tallymark::Point point;
  tallymark::LineError error;
  size_t last_end = 0;
  size_t outcomes = 0;
  while (true) {
    LineReader::Outcome outcome = reader.Next(&point, &error);
    if (outcome == LineReader::Outcome::kEnd) break;
    Require(++outcomes <= input.size());
    Require(reader.line_begin() >= last_end && reader.line_begin() <= reader.line_end());
    Require(reader.line_end() <= input.size());
    last_end = reader.line_end();
    if (outcome == LineReader::Outcome::kError) {
      Require(!error.reason.empty() && error.line >= 1 && error.column >= 1);
      continue;
    }
    Require(!point.name.empty() && (!point.fields.empty() || options.allow_no_fields));
    // The line alone is the same point.
    LineReader alone(input.substr(reader.line_begin(), reader.line_end() - reader.line_begin()), options);
    tallymark::Point again;
    Require(alone.Next(&again, &error) == LineReader::Outcome::kPoint);
    Require(again.name == point.name && again.time_ns == point.time_ns);
    Require(again.tags.size() == point.tags.size() && again.fields.size() == point.fields.size());
    Require(alone.Next(&again, &error) == LineReader::Outcome::kEnd);
  }
  return 0;
}
