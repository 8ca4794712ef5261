// The filters of EngineImpl.

#include "engine/engine_impl.h"

namespace tallymark {

Result<FilterInfo> EngineImpl::DefineFilter(uint32_t id, FilterDefinition definition, bool* created) {
  Status health = WriteHealth();
  if (!health.ok()) return health;
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  return (*core)->filters().Define(id, std::move(definition), created);
}

Status EngineImpl::DeleteFilter(uint32_t id) {
  Result<std::shared_ptr<Core>> core = this->core();
  return core.ok() ? (*core)->filters().Remove(id) : core.status();
}

std::vector<FilterInfo> EngineImpl::Filters() const {
  Result<std::shared_ptr<Core>> core = this->core();
  return core.ok() ? (*core)->filters().List() : std::vector<FilterInfo>();
}

Result<FilterInfo> EngineImpl::FindFilter(uint32_t id) const {
  Result<std::shared_ptr<Core>> core = this->core();
  return core.ok() ? (*core)->filters().Info(id) : core.status();
}

Result<FilterReadiness> EngineImpl::ReadinessOf(uint32_t id) const {
  if (id == 0) return FilterReadiness{};
  Result<std::shared_ptr<Core>> core = this->core();
  if (!core.ok()) return core.status();
  Result<FilterRegistry::Reading> reading = (*core)->filters().Find(id);
  if (!reading.ok()) return reading.status();
  return reading->readiness;
}

}  // namespace tallymark
