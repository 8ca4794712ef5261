#ifndef TALLYMARK_ENGINE_FILTER_SET_H_
#define TALLYMARK_ENGINE_FILTER_SET_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/range_table.h"
#include "format/event_chunk.h"
#include "format/filter_pattern.h"

namespace tallymark {

// Filters made ready for matching (FilterMatcher). Each is filed under the one of its patterns that
// is the rarest among all filters: under its values, prefixes or networks, or, when all are negated,
// under "the attribute is there". An event looks up the values it has and checks only what is
// filed there. Immutable; any number of threads.
class FilterSet {
 public:
  struct Member {
    uint32_t number = 0;       // internal, see FilterVersion
    uint64_t active_from = 0;  // of the version: its job counts the blocks up to this one
    FilterDefinition definition;
  };

  explicit FilterSet(std::vector<Member> members);

  // Tells sets apart, also when one takes the place of another in memory.
  uint64_t id() const { return id_; }
  size_t size() const { return filters_.size(); }
  bool empty() const { return filters_.empty(); }
  // A filter's place is its index by ascending number.
  uint32_t number(size_t place) const { return filters_[place].number; }
  uint64_t active_from(size_t place) const { return filters_[place].active_from; }
  // The greatest active_from: later blocks are counted by all.
  uint64_t newest() const { return newest_; }

 private:
  friend class FilterMatcher;

  // Attributes by index: the fields, then these, then extras by name.
  static constexpr uint32_t kKindAttribute = kFieldCount;
  static constexpr uint32_t kRevenueAttribute = kFieldCount + 1;
  static constexpr uint32_t kFirstExtra = kFieldCount + 2;

  struct Term {
    TermKind kind = TermKind::kValue;
    std::string text;
    Cidr network;  // of a kCidr
  };
  struct Check {
    uint32_t attribute = 0;
    bool negated = false;
    std::vector<std::string> values;  // sorted
    std::vector<Term> others;
  };
  struct Filter {
    uint32_t number = 0;
    uint64_t active_from = 0;
    std::vector<Check> checks;  // all of them
  };
  // Who is filed under an attribute.
  struct Attribute {
    bool has_values = false;
    std::vector<uint16_t> prefix_sizes;  // ascending
    std::vector<uint32_t> present;       // filters filed under its being there
  };
  // A value or prefix somebody is filed under.
  struct Entry {
    uint64_t hash = 0;
    uint32_t attribute = 0;
    bool is_prefix = false;
    std::string text;
    std::vector<uint32_t> filters;
  };
  struct Occurrences;

  uint32_t AttributeIndex(const std::string& name);
  Check Compile(const AttributePattern& pattern);
  void File(uint32_t place, const Occurrences& occurrences);
  void FileUnder(uint32_t place, const Check& check);
  void AddEntry(uint32_t attribute, bool is_prefix, const std::string& text, uint32_t place);
  void AddNetwork(const Cidr& network, uint32_t place);
  void BuildTable();
  static uint64_t Hash(uint32_t attribute, bool is_prefix, std::string_view text);
  static uint64_t Mix(uint32_t attribute, bool is_prefix, uint64_t text_hash) {
    return (text_hash ^ (uint64_t{attribute} << 1 | (is_prefix ? 1U : 0U))) * 0x9E3779B97F4A7C15ULL;
  }
  // Null: nobody is filed there.
  const Entry* Find(uint32_t attribute, bool is_prefix, std::string_view text, uint64_t hash) const {
    for (size_t i = hash >> shift_;; i = (i + 1) & mask_) {
      const uint32_t index = table_[i];
      if (index == 0) return nullptr;
      const Entry& entry = entries_[index - 1];
      if (entry.hash == hash && entry.attribute == attribute && entry.is_prefix == is_prefix &&
          entry.text == text) {
        return &entry;
      }
    }
  }

  const uint64_t id_;
  std::vector<Filter> filters_;
  uint64_t newest_ = 0;
  std::vector<Attribute> attributes_;
  std::vector<uint32_t> filed_;  // fields and kind and revenue somebody is filed under
  std::unordered_map<std::string, uint32_t> extra_names_;
  std::vector<uint32_t> everything_;  // filters that ask for nothing
  std::vector<Entry> entries_;
  std::unordered_map<std::string, uint32_t> entry_index_;  // while it is built
  std::vector<uint32_t> table_;                            // index into entries_, plus one
  int shift_ = 63;
  size_t mask_ = 1;
  std::vector<RangeTable<uint32_t>::Range> ranges4_;
  std::vector<RangeTable<unsigned __int128>::Range> ranges6_;
  RangeTable<uint32_t> networks4_;
  RangeTable<unsigned __int128> networks6_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FILTER_SET_H_
