#include "engine/verify.h"

#include "engine/inspect_impl.h"
#include "engine/meta_keys.h"
#include "engine/verify_counts.h"
#include "engine/verify_distinct.h"
#include "engine/verify_files.h"
#include "engine/verify_identities.h"
#include "engine/verify_raw.h"
#include "engine/verify_records.h"

namespace tallymark {
namespace {

void CheckPositions(const InspectedDirectory& directory, VerifyFindings* findings) {
  auto check = [&](const char* name, uint64_t covered) {
    if (covered <= directory.log.last_sequence) return;
    findings->Damage(std::string("positions/") + name + " covers block " + std::to_string(covered) +
                     ", the log ends at " + std::to_string(directory.log.last_sequence));
  };
  check("counters", directory.counters.covered_sequence);
  check("identities", directory.identities.covered_sequence);
  check("distinct", directory.distinct.covered_sequence);
}

}  // namespace

VerifyReport VerifyDirectory(const InspectedDirectory& directory,
                             const std::function<void(double)>& progress) {
  VerifyFindings findings(directory, progress);
  CheckPositions(directory, &findings);
  findings.BeginPhase(0, 0.1);
  CheckFiles(directory, &findings);
  RawTruth raw;
  findings.BeginPhase(0.1, 0.6);
  ScanRaw(directory, &findings, &raw);
  CountedTruth counted;
  findings.BeginPhase(0.6, 0.7);
  ScanCounters(directory, &findings, &counted);
  ScanTopLists(directory, &findings, &counted);
  CompareCounts(directory, raw, counted, &findings);
  findings.BeginPhase(0.7, 0.75);
  DistinctVerifier(directory, raw, &findings).Run();
  findings.report().identities_compared = directory.storage->format_version() >= kFormatOfIdentities;
  if (findings.report().identities_compared) {
    IdentityVerifier identities(directory, raw, &findings);
    findings.BeginPhase(0.75, 0.85);
    identities.Compare();
    findings.BeginPhase(0.85, 1);
    identities.FindRepeats();
  }
  CheckRecords(directory, &findings);
  findings.Progress(1);
  return std::move(findings.report());
}

Result<VerifyReport> InspectorImpl::Verify(const std::function<void(double)>& progress) {
  return VerifyDirectory(*directory_, progress);
}

}  // namespace tallymark
