// Rows from anywhere: reading never harms, what reads writes back the same, merging loses nothing.

#include <cstdlib>
#include <string>
#include <vector>

#include "format/distinct_set.h"

namespace {

using namespace tallymark;  // NOLINT(google-build-using-namespace)

void Require(bool ok) {
  if (!ok) std::abort();
}

std::string Merge(std::string_view a, std::string_view b) {
  std::string_view operands[] = {a, b};
  std::string out;
  MergeDistinctRows(operands, &out);
  return out;
}

bool IsRow(std::string_view bytes) {
  DistinctRow row;
  Status added = AddDistinctRow(bytes, &row);
  Require(added.ok() || added.code() == Code::kCorruption);
  if (!added.ok()) {
    Require(row.users.Count().count == 0 && row.ips.Count().count == 0);
    return false;
  }
  std::string again;
  EncodeDistinctRow(&row, &again);
  Require(again == bytes);
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  // The first byte cuts the rest into two operands.
  std::string_view a = bytes.substr(0, std::min<size_t>(data[0], bytes.size()));
  std::string_view b = bytes.substr(a.size());
  const bool whole = IsRow(bytes);
  const bool rows = static_cast<int>(IsRow(a)) + static_cast<int>(IsRow(b)) == 2;
  if (whole) Require(Merge(bytes, bytes) == bytes);
  const std::string merged = Merge(a, b);
  Require(merged == Merge(b, a));
  Require(merged == Merge(merged, merged));
  Require(merged == Merge(merged, a));
  DistinctRow good;
  std::vector<std::string_view> bad;
  Require(IsRow(merged) == rows);
  Require(rows || ReadDistinctEnvelope(merged, &good, &bad).ok());

  // Any text is some element, and an address is told from a user.
  Require(AddressElement(bytes) == AddressElement(bytes));
  Require(bytes.empty() || !UserElement(bytes).IsAddress());
  Require(bytes.empty() || HashedElement(UserElement(bytes)).IsHash());
  return 0;
}
