#include "server/append_later.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace tallymark {

namespace asio = boost::asio;

asio::awaitable<AppendOutcome> AppendLater(Engine& engine, std::shared_ptr<const EventChunk> chunk) {
  auto start = [&engine, chunk = std::move(chunk)](auto handler) {
    // The engine's callback must be copyable; a coroutine's handler is not.
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    auto work = asio::make_work_guard(asio::get_associated_executor(*shared));
    engine.Append(chunk, [shared, work](const Status& status, std::span<const SegmentTally> tallies) {
      AppendOutcome outcome{.status = status};
      for (const SegmentTally& tally : tallies) {
        outcome.accepted += tally.accepted;
        outcome.duplicates += tally.duplicates;
      }
      asio::post(work.get_executor(), [shared, outcome = std::move(outcome)]() mutable {
        std::move (*shared)(std::move(outcome));
      });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(AppendOutcome)>(
      std::move(start), asio::use_awaitable);
}

}  // namespace tallymark
