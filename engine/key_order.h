#ifndef TALLYMARK_ENGINE_KEY_ORDER_H_
#define TALLYMARK_ENGINE_KEY_ORDER_H_

#include <cstdint>
#include <span>
#include <vector>

namespace tallymark {

// In which order items stand by keys of two parts, stably: a radix sort (LSD) of words that hold a key and
// the place it was added at, with digits of up to 11 bits and without what all keys share. A batch's rows
// have some 20 bits of ad and one or two of hour, so two passes over 128 KB do, where whole keys
// beside their places take a pass for each of their bytes over twice as much. For tens of thousands of items;
// of millions the digits' ends do not stay in a near cache (see RadixSort). Keeps its memory; not thread
// safe.
class KeyOrder {
 public:
  void Clear() { keys_.clear(); }
  void Add(uint32_t major, uint32_t minor) { keys_.push_back(uint64_t{major} << 32 | minor); }
  // Places, 0 for what was added first. Valid until the next call of anything here. Precondition: fewer
  // than 2^32 items.
  std::span<const uint32_t> Sort();

 private:
  bool Pack();
  void SortWords();

  struct Range {
    uint32_t min = UINT32_MAX, max = 0;
    void Take(uint32_t value);
    unsigned bits() const;
  };

  std::vector<uint64_t> keys_, words_, scratch_;
  std::vector<uint32_t> places_;
  unsigned place_bits_ = 0;  // of a word, below its key
  unsigned key_bits_ = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_KEY_ORDER_H_
