// The jobs of EngineImpl.

#include "engine/engine_impl.h"

namespace tallymark {

void EngineImpl::AddJobKind(JobKind kind) {
  std::lock_guard lock(mutex_);
  if (core_) core_->jobs().AddKind(kind);
  job_kinds_.push_back(std::move(kind));
}

Result<JobInfo> EngineImpl::StartJob(const std::string& kind, std::string parameters) {
  Result<std::shared_ptr<Core>> core = this->core();
  return core.ok() ? (*core)->jobs().Submit(kind, std::move(parameters)) : core.status();
}

std::vector<JobInfo> EngineImpl::Jobs() const {
  Result<std::shared_ptr<Core>> core = this->core();
  return core.ok() ? (*core)->jobs().List() : std::vector<JobInfo>();
}

Result<JobInfo> EngineImpl::FindJob(uint64_t id) const {
  Result<std::shared_ptr<Core>> core = this->core();
  return core.ok() ? (*core)->jobs().Find(id) : core.status();
}

Result<JobInfo> EngineImpl::CancelJob(uint64_t id) {
  Result<std::shared_ptr<Core>> core = this->core();
  return core.ok() ? (*core)->jobs().Cancel(id) : core.status();
}

}  // namespace tallymark
