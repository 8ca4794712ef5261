#ifndef TALLYMARK_ENGINE_FILTER_MATCHER_H_
#define TALLYMARK_ENGINE_FILTER_MATCHER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/filter_set.h"

namespace tallymark {

// Which filters of a set an event matches. Keeps scratch memory: one a thread, for any sets.
class FilterMatcher {
 public:
  // Appends the places (FilterSet::number) of the matching filters to *places, each once, in no
  // particular order. The event's ad id must be set.
  void Match(const FilterSet& set, const EventChunk& chunk, const Event& event,
             std::vector<uint32_t>* places);

 private:
  using Check = FilterSet::Check;
  struct KnownName {
    std::string name;
    uint32_t attribute = 0;  // 0: no filter names it
  };
  struct ExtraValue {
    uint64_t event = 0;  // of which it is
    std::string_view text;
  };

  void Prepare(const FilterSet& set);
  void FindExtras();
  uint32_t ExtraAttribute(size_t position, std::string_view name);
  bool Value(uint32_t attribute, std::string_view* text);
  const std::optional<IpAddress>& Ip();
  void LookUp(uint32_t attribute);
  void LookUpNetworks();
  void Offer(const std::vector<uint32_t>& filters);
  void Consider(uint32_t place);
  bool Passes(const Check& check);
  bool AnyTerm(const Check& check, std::string_view text);

  const FilterSet* set_ = nullptr;
  uint64_t set_id_ = 0;  // what the scratch is for
  const EventChunk* chunk_ = nullptr;
  const Event* event_ = nullptr;
  std::vector<uint32_t>* places_ = nullptr;
  uint64_t event_number_ = 0;
  std::vector<uint64_t> considered_;  // by place: the last event it was checked for
  std::vector<KnownName> names_;      // by position among an event's extras: streams repeat themselves
  std::vector<ExtraValue> extras_;    // by attribute - kFirstExtra
  std::vector<uint32_t> extras_found_;
  std::optional<IpAddress> ip_;
  uint64_t ip_event_ = 0;
  std::string revenue_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_FILTER_MATCHER_H_
