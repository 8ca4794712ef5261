#ifndef TALLYMARK_ENGINE_VERIFY_IDENTITIES_H_
#define TALLYMARK_ENGINE_VERIFY_IDENTITIES_H_

#include <map>
#include <vector>

#include "engine/verify_raw.h"

namespace tallymark {

// Checks sealed identities against raw: every event that positions/identities covers has its entry,
// every entry its event, and no two events of one identity lie within the dedup window. Memory is
// bounded: what does not fit is done in ranges of the hash, one after the other.
class IdentityVerifier {
 public:
  IdentityVerifier(const InspectedDirectory& directory, const RawTruth& raw, VerifyFindings* findings)
      : directory_(directory), raw_(raw), findings_(findings) {}

  // Reads every bucket and compares by day.
  void Compare();
  // Looks for identities that stand twice, in segments and in what is not sealed yet.
  void FindRepeats();

 private:
  struct Seen {
    Hash128 id;
    int32_t hour = 0;
    uint32_t ad = 0;
  };
  // Identities whose top bits are `number`.
  struct HashRange {
    int bits = 0;
    uint32_t number = 0;
    bool Has(const Hash128& id) const { return bits == 0 || id.hi >> (64 - bits) == number; }
  };

  static int RangeBits(uint64_t entries);
  void ScanDay(const IdentitySegment& segment, std::map<int32_t, IdentityDigest>* days);
  Status ScanRange(const IdentitySegment& segment, const HashRange& range,
                   const std::function<void(const IdentityEntry&)>& visit) const;
  void CompareDay(int32_t day, uint64_t entries);
  Status EventsOfDay(int32_t day, const HashRange& range, std::vector<IdentityEntry>* entries) const;
  void Diff(std::vector<IdentityEntry>* events, std::vector<IdentityEntry>* sealed);
  void Tell(const IdentityEntry& entry, const char* sealed, const char* raw);
  void CheckRepeats(std::vector<Seen>* seen);
  Status TimesOf(const Seen& seen, std::vector<int64_t>* times) const;

  const InspectedDirectory& directory_;
  const RawTruth& raw_;
  VerifyFindings* const findings_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_VERIFY_IDENTITIES_H_
