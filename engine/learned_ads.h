#ifndef TALLYMARK_ENGINE_LEARNED_ADS_H_
#define TALLYMARK_ENGINE_LEARNED_ADS_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/ad_table.h"
#include "engine/batch.h"
#include "engine/storage.h"
#include "format/ad_record.h"

namespace tallymark {

// Whether an event names a campaign, banner or advertiser, inherited or not.
inline bool CarriesOwner(const Event& event) {
  const unsigned all = event.size[static_cast<size_t>(Field::kCampaignId)] &
                       event.size[static_cast<size_t>(Field::kBannerId)] &
                       event.size[static_cast<size_t>(Field::kAdvertiserId)];
  return all != kAbsent;
}

// To which campaign, banner and advertiser each ad belongs, as events say: of all events that carry
// the attribute, the value of the greatest (time, event_id). A view of the log. What a conversion
// inherited from its click is not counted as said.
//
// The greatest of a set does not depend on order or repetition, so entries may hold events beyond
// the position they are stored with, and reading events again changes nothing.
//
// Memory: about 150 bytes for an ad whose events carry such attributes, nothing for others. An event
// that carries none costs one comparison.
//
// Threads: Apply and Replay belong to the committer (or to recovery); Freeze, WriteFile and Ingested
// to the checkpoint thread; reads to anyone.
class LearnedAds {
 public:
  explicit LearnedAds(Storage* storage) : storage_(storage) {}

  // Reads entries and position.
  Status Load();
  // Empty: what the directory holds was never looked at; everything it keeps must be replayed.
  std::optional<uint64_t> covered_sequence() const {
    const int64_t covered = covered_.load();
    return covered < 0 ? std::nullopt : std::optional(static_cast<uint64_t>(covered));
  }

  // Takes a durable batch.
  void Apply(const Batch& batch);
  // Takes a block of the log, or a repacked one.
  Status Replay(std::string_view block, const AdTable& ads);

  // Begins a checkpoint at this position, which Apply has reached or passed.
  void Freeze(uint64_t sequence);
  // What changed up to the Freeze, as a sorted file (empty: nothing did), and the position's value.
  struct File {
    std::optional<IngestFile> file;
    std::string position;
  };
  Result<File> WriteFile();
  // The file and its position are in.
  void Ingested() { covered_ = static_cast<int64_t>(frozen_sequence_); }

  // ---- Reads.
  std::optional<std::string> OwnerOf(uint32_t ad, AdOwner owner) const;
  // Appends the numbers of the ads that belong to `value`, in no order.
  void AdsOf(AdOwner owner, std::string_view value, std::vector<uint32_t>* ads) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Owner {
    int64_t time_ns = 0;
    uint32_t value = kNone;  // in texts_
    std::string event_id;
  };
  struct Entry {
    std::array<Owner, kAdOwnerCount> owners;
    bool dirty = false;  // its number is in dirty_
  };
  using Members = std::unordered_set<uint32_t>;

  void TakeEvent(const EventChunk& chunk, const Event& event, uint32_t ad);
  bool IsNewer(const Owner& known, const EventChunk& chunk, const Event& event, std::string_view value) const;
  void SetValue(AdOwner owner, uint32_t ad, std::string_view value);
  Entry& EntryOf(uint32_t ad);  // a new one where there is none
  const Entry* FindEntry(uint32_t ad) const;
  uint32_t TextNumber(std::string_view text);
  LearnedAd ToRecord(const Entry& entry) const;
  Status LoadEntries();

  Storage* const storage_;
  std::atomic<int64_t> covered_{-1};  // -1: no position
  uint64_t frozen_sequence_ = 0;

  // Everything below: under the lock.
  mutable std::shared_mutex mutex_;
  std::vector<uint32_t> entry_numbers_;  // by ad: place in entries_ + 1; 0: belongs nowhere
  std::deque<Entry> entries_;
  std::vector<uint32_t> dirty_, frozen_;
  std::deque<std::string> texts_;
  std::unordered_map<std::string_view, uint32_t> text_numbers_;  // views of texts_
  std::array<std::vector<Members>, kAdOwnerCount> members_;      // by number of the text
};

// Replays every block that the directory keeps, of the log and repacked.
Status ReplayEverything(const Storage& storage, const AdTable& ads, LearnedAds* learned);

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_LEARNED_ADS_H_
