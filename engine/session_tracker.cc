#include "engine/session_tracker.h"

#include <algorithm>
#include <utility>

namespace tallymark {

void SessionTracker::Begin(const ClickRun& run, Open* open) {
  const SessionPlace place{run.first_ns, run.key};
  open->last_ns = run.last_ns;
  open->index = kNotOurs;
  if (place <= after_) return;  // on an earlier page
  open->index = page_.size();
  page_.push_back({place, {std::string(run.text), run.first_ns, run.last_ns, run.clicks}});
}

void SessionTracker::Add(const ClickRun& run) {
  if (ended_starts_) {
    auto found = open_.find(run.key);
    if (found == open_.end()) return;
    Open& open = found->second;
    if (run.first_ns - open.last_ns > gap_ns_) {
      open_.erase(found);
      return;
    }
  }
  auto [found, fresh] = open_.try_emplace(run.key);
  Open& open = found->second;
  if (fresh || run.first_ns - open.last_ns > gap_ns_) {
    Begin(run, &open);
    return;
  }
  open.last_ns = run.last_ns;
  if (open.index == kNotOurs) return;
  Session& session = page_[open.index].session;
  session.end_ns = run.last_ns;
  session.clicks += run.clicks;
}

void SessionTracker::AddSlice(std::vector<ClickRun>::const_iterator begin,
                              std::vector<ClickRun>::const_iterator end) {
  for (auto run = begin; run != end; ++run) Add(*run);
  // Whatever begins from here on comes after everything that has begun.
  if (!ended_starts_ && full()) EndStarts();
}

void SessionTracker::EndStarts() {
  ended_starts_ = true;
  std::vector<size_t> order(page_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return page_[a].place < page_[b].place; });
  order.resize(std::min(order.size(), limit_));
  std::vector<size_t> new_index(page_.size(), kNotOurs);
  std::vector<Entry> kept;
  kept.reserve(order.size());
  for (size_t i : order) {
    new_index[i] = kept.size();
    kept.push_back(std::move(page_[i]));
  }
  page_ = std::move(kept);
  for (auto& [key, open] : open_) {
    if (open.index != kNotOurs) open.index = new_index[open.index];
  }
  std::erase_if(open_, [](const auto& entry) { return entry.second.index == kNotOurs; });
}

void SessionTracker::AdvanceTo(int64_t time_ns) {
  std::erase_if(open_, [&](const auto& entry) { return entry.second.last_ns < time_ns - gap_ns_; });
}

std::vector<Session> SessionTracker::Take() {
  if (!ended_starts_) EndStarts();
  std::vector<Session> sessions;
  sessions.reserve(page_.size());
  for (Entry& entry : page_) sessions.push_back(std::move(entry.session));
  return sessions;
}

}  // namespace tallymark
