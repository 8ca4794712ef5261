#ifndef TALLYMARK_SERVER_APPEND_LATER_H_
#define TALLYMARK_SERVER_APPEND_LATER_H_

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>

#include "engine/engine.h"

namespace tallymark {

struct AppendOutcome {
  Status status;
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
};

// Appends the chunk and resumes the coroutine on its own executor when the engine has answered.
// Cannot be cancelled: the engine always answers.
boost::asio::awaitable<AppendOutcome> AppendLater(Engine& engine, std::shared_ptr<const EventChunk> chunk);

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_APPEND_LATER_H_
