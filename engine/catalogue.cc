#include "engine/catalogue.h"

#include <algorithm>
#include <mutex>

namespace tallymark {

Status Catalogue::Load() {
  std::unique_ptr<rocksdb::Iterator> it(
      storage_->db()->NewIterator(rocksdb::ReadOptions(), storage_->handle(Family::kAdSettings)));
  std::unique_lock lock(mutex_);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    std::string ad_id(ToView(it->key()));
    AdSettings settings;
    Status decoded = DecodeAdSettings(ToView(it->value()), &settings);
    if (!decoded.ok()) return decoded.WithContext("ad_settings of " + ad_id);
    Index(ad_id, settings, true);
    settings_.emplace(std::move(ad_id), std::move(settings));
  }
  return FromRocks(it->status(), "read ad_settings");
}

void Catalogue::Index(const std::string& ad_id, const AdSettings& settings, bool add) {
  for (size_t i = 0; i < kAdOwnerCount; ++i) {
    if (!settings.owners[i]) continue;
    std::set<std::string>& members = set_members_[i][*settings.owners[i]];
    if (add) {
      members.insert(ad_id);
    } else {
      members.erase(ad_id);
      if (members.empty()) set_members_[i].erase(*settings.owners[i]);
    }
  }
}

Status Catalogue::Write(const std::string& ad_id, const AdSettings* settings) {
  rocksdb::WriteOptions sync;
  sync.sync = true;
  rocksdb::ColumnFamilyHandle* handle = storage_->handle(Family::kAdSettings);
  rocksdb::Status written = settings != nullptr
                                ? storage_->db()->Put(sync, handle, ad_id, EncodeAdSettings(*settings))
                                : storage_->db()->Delete(sync, handle, ad_id);
  return FromRocks(written, "write ad_settings");
}

Result<bool> Catalogue::Set(const std::string& ad_id, const AdSettings& settings) {
  std::lock_guard changing(write_mutex_);
  Status written = Write(ad_id, &settings);
  if (!written.ok()) return written;
  std::unique_lock lock(mutex_);
  auto [at, created] = settings_.try_emplace(ad_id);
  if (!created) Index(ad_id, at->second, false);
  at->second = settings;
  Index(ad_id, settings, true);
  return created;
}

Status Catalogue::Remove(const std::string& ad_id) {
  std::lock_guard changing(write_mutex_);
  {
    std::shared_lock lock(mutex_);
    if (!settings_.contains(ad_id)) return Status::NotFound("nothing was set for the ad " + ad_id);
  }
  Status written = Write(ad_id, nullptr);
  if (!written.ok()) return written;
  std::unique_lock lock(mutex_);
  auto at = settings_.find(ad_id);
  Index(ad_id, at->second, false);
  settings_.erase(at);
  return Status::Ok();
}

// The caller holds the lock.
const std::string* Catalogue::SetOwner(const std::string& ad_id, AdOwner owner) const {
  auto at = settings_.find(ad_id);
  if (at == settings_.end()) return nullptr;
  const std::optional<std::string>& value = at->second.owners[static_cast<size_t>(owner)];
  return value ? &*value : nullptr;
}

Result<AdSettings> Catalogue::Get(const std::string& ad_id) const {
  AdSettings entry;
  bool known = false;
  {
    std::shared_lock lock(mutex_);
    if (auto at = settings_.find(ad_id); at != settings_.end()) {
      entry = at->second;
      known = true;
    }
  }
  const std::optional<uint32_t> ad = ads_->Find(ad_id);
  if (!known && !ad) return Status::NotFound("the ad " + ad_id + " was neither set nor seen");
  for (size_t i = 0; i < kAdOwnerCount; ++i) {
    if (ad && !entry.owners[i]) entry.owners[i] = learned_->OwnerOf(*ad, static_cast<AdOwner>(i));
  }
  return entry;
}

std::vector<std::string> Catalogue::SetAds() const {
  std::vector<std::string> ad_ids;
  std::shared_lock lock(mutex_);
  for (const auto& [ad_id, settings] : settings_) ad_ids.push_back(ad_id);
  std::sort(ad_ids.begin(), ad_ids.end());
  return ad_ids;
}

std::vector<uint32_t> Catalogue::AdsOf(AdOwner owner, const std::string& id) const {
  std::vector<uint32_t> ads;
  learned_->AdsOf(owner, id, &ads);
  std::shared_lock lock(mutex_);
  if (!settings_.empty()) {
    std::erase_if(ads, [&](uint32_t ad) { return SetOwner(std::string(ads_->Name(ad)), owner) != nullptr; });
    const auto& members = set_members_[static_cast<size_t>(owner)];
    if (auto at = members.find(id); at != members.end()) {
      for (const std::string& ad_id : at->second) {
        if (std::optional<uint32_t> ad = ads_->Find(ad_id)) ads.push_back(*ad);
      }
    }
  }
  std::sort(ads.begin(), ads.end());
  return ads;
}

std::optional<std::string> Catalogue::OwnerOf(uint32_t ad, AdOwner owner) const {
  {
    std::shared_lock lock(mutex_);
    if (!settings_.empty()) {
      const std::string* set = SetOwner(std::string(ads_->Name(ad)), owner);
      if (set != nullptr) return *set;
    }
  }
  return learned_->OwnerOf(ad, owner);
}

}  // namespace tallymark
