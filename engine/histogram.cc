#include "engine/histogram.h"

namespace tallymark {

void Histogram::Record(double value) {
  size_t bucket = 0;
  double bound = first_bound_;
  while (bucket + 1 < counts_.size() && value > bound) {
    bound *= 2;
    ++bucket;
  }
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

void Histogram::Add(const Counts& counts, double sum) {
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (counts[i] != 0) counts_[i].fetch_add(counts[i], std::memory_order_relaxed);
  }
  sum_.fetch_add(sum, std::memory_order_relaxed);
}

HistogramSnapshot Histogram::Snapshot() const {
  HistogramSnapshot snapshot;
  double bound = first_bound_;
  for (double& upper : snapshot.upper_bounds) {
    upper = bound;
    bound *= 2;
  }
  for (size_t i = 0; i < counts_.size(); ++i) {
    snapshot.counts[i] = counts_[i].load(std::memory_order_relaxed);
    snapshot.count += snapshot.counts[i];
  }
  snapshot.sum = sum_.load(std::memory_order_relaxed);
  return snapshot;
}

}  // namespace tallymark
