#ifndef TALLYMARK_ENGINE_VERIFY_DISTINCT_H_
#define TALLYMARK_ENGINE_VERIFY_DISTINCT_H_

#include <map>
#include <string>
#include <vector>

#include "engine/verify_digest.h"
#include "engine/verify_findings.h"
#include "engine/verify_raw.h"
#include "format/distinct_element.h"

namespace tallymark {

// Reads every row of `distinct` once and recounts those of each hour whose raw is kept and that is
// complete. Equal sets have equal bytes once their ids are hashed, whichever version wrote them, so rows
// are compared by digest; an hour that differs is looked at ad by ad. Memory: the people of about a million
// events at a time.
class DistinctVerifier {
 public:
  DistinctVerifier(const InspectedDirectory& directory, const RawTruth& raw, VerifyFindings* findings)
      : directory_(directory), raw_(raw), findings_(findings) {}

  void Run();

 private:
  struct Person {
    uint32_t ad = 0;
    DistinctElement element;
    bool operator<(const Person& other) const {
      return ad != other.ad ? ad < other.ad : element < other.element;
    }
    bool operator==(const Person&) const = default;
  };
  struct People {
    std::vector<Person> users;
    std::vector<Person> ips;
  };
  // Of the ads whose number leaves `number` when divided by `count`.
  struct Slice {
    int32_t hour = 0;
    uint32_t count = 1;
    uint32_t number = 0;
  };

  void ScanRows();
  void CheckRow(std::string_view key, std::string_view bytes);
  bool IsRecounted(int32_t hour) const;
  void Recount(int32_t hour, uint64_t events);
  Status ReadPeople(const Slice& slice, People* people) const;
  template <class Visit>
  Status ForEachTrueRow(const Slice& slice, Visit&& visit) const;
  Status Tell(const Slice& slice, uint64_t* wrong);
  Status CompareRow(int32_t hour, uint32_t ad, const std::string& truth, uint64_t* wrong);

  const InspectedDirectory& directory_;
  const RawTruth& raw_;
  VerifyFindings* const findings_;
  bool complete_ = true;  // every row could be read
  std::map<int32_t, BytesDigest> rows_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_VERIFY_DISTINCT_H_
