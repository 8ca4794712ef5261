#ifndef TALLYMARK_ENGINE_RECOUNT_FIGURES_H_
#define TALLYMARK_ENGINE_RECOUNT_FIGURES_H_

#include <atomic>
#include <cstdint>

namespace tallymark {

// Figures of recounts since the engine opened; see EngineStats for their meaning.
struct RecountFigures {
  std::atomic<uint64_t> rows_checked{0}, mismatches{0};  // on demand and in the background
  std::atomic<uint64_t> recomputed_hours{0};
  std::atomic<uint64_t> rounds{0}, round_mismatches{0};  // in the background
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_RECOUNT_FIGURES_H_
