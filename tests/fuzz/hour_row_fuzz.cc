// Rows from anywhere: reading never harms, what reads writes back the same, merging loses nothing.

#include <cstdlib>
#include <string>
#include <vector>

#include "format/hour_row.h"

namespace {

using namespace tallymark;  // NOLINT(google-build-using-namespace)

void Require(bool ok) {
  if (!ok) std::abort();
}

std::string Merge(std::string_view a, std::string_view b) {
  std::string_view operands[] = {a, b};
  std::string out;
  MergeHourRows(operands, &out);
  return out;
}

std::string Encode(const HourRow& row) {
  std::string out;
  EncodeHourRow(row, &out);
  return out;
}

bool IsRow(std::string_view bytes) {
  HourRow row;
  return DecodeHourRow(bytes, &row).ok();
}

void CheckRow(std::string_view bytes, const HourRow& row) {
  std::string encoded = Encode(row);
  HourRow again;
  Require(DecodeHourRow(encoded, &again).ok());
  Require(again.totals == row.totals && encoded.size() <= bytes.size());
  Require(Merge(bytes, Encode({})) == encoded);

  MetricSums totals;
  Require(SumHourRow(bytes, 0, 60, &totals).ok() && totals == row.totals);
  MetricSums first_half;
  MetricSums cells;
  Require(SumHourRow(bytes, 0, 30, &first_half).ok() && SumHourRow(bytes, 30, 60, &cells).ok());
  cells.Add(first_half);
  MetricSums expected;
  for (const MinuteCell& cell : row.cells) expected.Add(cell.sums);
  Require(cells == expected);

  std::string stripped;
  Require(StripMinutes(bytes, &stripped) == !row.cells.empty());
  if (!row.cells.empty()) Require(stripped == Encode({.totals = row.totals, .cells = {}}));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  // The first byte cuts the rest into two operands.
  std::string_view a = bytes.substr(0, std::min<size_t>(data[0], bytes.size()));
  std::string_view b = bytes.substr(a.size());
  for (std::string_view operand : {bytes, a, b}) {
    HourRow row;
    if (DecodeHourRow(operand, &row).ok()) CheckRow(operand, row);
  }
  std::string merged = Merge(a, b);
  Require(merged == Merge(b, a));
  HourRow good;
  std::vector<std::string_view> bad;
  Require(IsRow(merged) == (IsRow(a) && IsRow(b)));
  Require(IsRow(merged) || ReadHourRowEnvelope(merged, &good, &bad).ok());
  std::string click = Encode({.totals = {.value = {0, 1, 0, 0}}, .cells = {}});
  Require(Merge(merged, click) == Merge(a, Merge(click, b)));
  return 0;
}
