// The recounts of EngineImpl.

#include "engine/engine_impl.h"
#include "engine/recounter.h"

namespace tallymark {
namespace {

HourRange HoursTouched(int64_t from_ns, int64_t to_ns) { return {HourOf(from_ns), HourOf(to_ns - 1) + 1}; }

}  // namespace

Result<ReconcileReport> EngineImpl::Reconcile(int64_t from_ns, int64_t to_ns, const RecountControl& control) {
  if (from_ns >= to_ns) return Status::Invalid("the range is empty");
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  Status status = (*core)->Checkpoint(false);
  ReconcileReport report;
  if (status.ok()) status = Recounter(core->get(), control).Reconcile(HoursTouched(from_ns, to_ns), &report);
  if (!status.ok()) return status;
  return report;
}

Result<RecomputeReport> EngineImpl::Recompute(int64_t from_ns, int64_t to_ns, const RecountControl& control) {
  if (from_ns >= to_ns) return Status::Invalid("the range is empty");
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  RecomputeReport report;
  Status status = Recounter(core->get(), control).Recompute(HoursTouched(from_ns, to_ns), &report);
  if (!status.ok()) return status;
  return report;
}

}  // namespace tallymark
