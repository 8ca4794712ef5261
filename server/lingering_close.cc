#include "server/lingering_close.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

namespace tallymark {

namespace asio = boost::asio;
using boost::system::error_code;

asio::awaitable<void> LingeringClose(std::shared_ptr<void> owner, asio::ip::tcp::socket& socket) {
  constexpr std::chrono::seconds kLongest{1};
  error_code error;
  socket.shutdown(asio::socket_base::shutdown_send, error);
  asio::steady_timer deadline(socket.get_executor(), kLongest);
  deadline.async_wait([owner, &socket](const error_code& waited) {
    error_code ignored;  // it is closed either way
    if (!waited) socket.close(ignored);
  });
  std::array<char, 4096> dropped{};
  while (!error) {
    auto [read_error, size] =
        co_await socket.async_read_some(asio::buffer(dropped), asio::as_tuple(asio::use_awaitable));
    error = read_error;
  }
  deadline.cancel();
  socket.close(error);
}

}  // namespace tallymark
