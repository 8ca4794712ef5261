#include "format/column_rows.h"

#include <bit>
#include <numeric>

#include "format/coding.h"

namespace tallymark {
namespace {

void PutRows(std::span<const uint16_t> rows, std::string* out) {
  PutVarint64(out, rows.size());
  size_t next = 0;
  for (uint16_t row : rows) {
    PutVarint64(out, row - next);
    next = row + size_t{1};
  }
}

bool GetRows(std::string_view* in, size_t count, std::vector<uint16_t>* rows) {
  uint64_t size = 0;
  if (!GetVarint64(in, &size) || size > count || size > in->size()) return false;
  rows->resize(size);
  uint64_t next = 0;
  for (uint16_t& row : *rows) {
    uint64_t gap = 0;
    if (!GetVarint64(in, &gap) || next >= count || gap >= count - next) return false;
    row = static_cast<uint16_t>(next + gap);
    next = row + uint64_t{1};
  }
  return true;
}

std::vector<uint16_t> Complement(std::span<const uint16_t> rows, size_t count) {
  std::vector<uint16_t> others;
  others.reserve(count - rows.size());
  size_t next = 0;
  for (uint16_t row : rows) {
    for (; next < row; ++next) others.push_back(static_cast<uint16_t>(next));
    next = row + size_t{1};
  }
  for (; next < count; ++next) others.push_back(static_cast<uint16_t>(next));
  return others;
}

void PutBitmap(std::span<const uint16_t> rows, size_t count, std::string* out) {
  size_t start = out->size();
  out->resize(start + (count + 7) / 8);
  for (uint16_t row : rows) {
    char& byte = (*out)[start + row / 8];
    byte = static_cast<char>(byte | (1 << (row % 8)));
  }
}

bool GetBitmap(std::string_view* in, size_t count, std::vector<uint16_t>* rows) {
  size_t bytes = (count + 7) / 8;
  if (in->size() < bytes) return false;
  rows->clear();
  for (size_t begin = 0; begin < bytes; begin += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, in->data() + begin, std::min(sizeof word, bytes - begin));
    for (; word != 0; word &= word - 1) {
      size_t row = begin * 8 + static_cast<size_t>(std::countr_zero(word));
      if (row >= count) return false;
      rows->push_back(static_cast<uint16_t>(row));
    }
  }
  in->remove_prefix(bytes);
  return true;
}

}  // namespace

RowSetForm EncodeRowSet(std::span<const uint16_t> rows, size_t count, std::string* out) {
  if (rows.size() == count) return RowSetForm::kAll;
  size_t start = out->size();
  size_t bitmap_bytes = (count + 7) / 8;
  bool few_members = rows.size() <= count / 2;
  if (few_members) {
    PutRows(rows, out);
  } else {
    PutRows(Complement(rows, count), out);
  }
  if (out->size() - start <= bitmap_bytes) return few_members ? RowSetForm::kMembers : RowSetForm::kOthers;
  out->resize(start);
  PutBitmap(rows, count, out);
  return RowSetForm::kBitmap;
}

bool DecodeRowSet(RowSetForm form, std::string_view* in, size_t count, std::vector<uint16_t>* rows) {
  switch (form) {
    case RowSetForm::kAll:
      rows->resize(count);
      std::iota(rows->begin(), rows->end(), uint16_t{0});
      break;
    case RowSetForm::kBitmap:
      if (!GetBitmap(in, count, rows)) return false;
      break;
    case RowSetForm::kMembers:
      if (!GetRows(in, count, rows)) return false;
      break;
    case RowSetForm::kOthers: {
      std::vector<uint16_t> others;
      if (!GetRows(in, count, &others)) return false;
      *rows = Complement(others, count);
      break;
    }
  }
  return !rows->empty();
}

}  // namespace tallymark
