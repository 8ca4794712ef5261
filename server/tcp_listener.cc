#include "server/tcp_listener.h"

#include <spdlog/spdlog.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <future>
#include <utility>

#include "server/listen_address.h"

namespace tallymark {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kShortageWait{100};

}  // namespace

TcpListener::TcpListener(asio::io_context& context)
    : context_(context),
      strand_(asio::make_strand(context)),
      acceptor_(std::make_shared<tcp::acceptor>(strand_)) {}

Status TcpListener::Open(const tcp::endpoint& endpoint) {
  error_code error;
  acceptor_->open(endpoint.protocol(), error);
  if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_->bind(endpoint, error);
  if (!error) acceptor_->listen(asio::socket_base::max_listen_connections, error);
  if (!error) address_ = acceptor_->local_endpoint(error);
  if (!error) return Status::Ok();
  std::string what = "cannot listen on " + FormatEndpoint(endpoint) + ": " + error.message();
  return error == asio::error::address_in_use ? Status::Conflict(what) : Status::Invalid(what);
}

void TcpListener::Start(OnConnection on_connection) {
  on_connection_ = std::move(on_connection);
  asio::co_spawn(strand_, AcceptLoop(), asio::detached);
}

void TcpListener::Stop() {
  auto closed = std::make_shared<std::promise<void>>();
  asio::post(strand_, [this, closed] {
    AcceptWaiting();
    error_code ignored;  // nothing to be done about a socket that will not close
    acceptor_->close(ignored);
    closed->set_value();
  });
  closed->get_future().wait();
}

// Clients whose connection the system has made already may have sent events.
void TcpListener::AcceptWaiting() {
  error_code error;
  acceptor_->non_blocking(true, error);
  while (!error) {
    tcp::socket socket(asio::make_strand(context_));
    acceptor_->accept(socket, error);
    if (!error) on_connection_(std::move(socket));
  }
}

// A shortage (descriptors, memory) passes: wait and go on. Anything else concerns one connection.
asio::awaitable<void> TcpListener::AcceptLoop() {
  std::shared_ptr<tcp::acceptor> acceptor = acceptor_;
  asio::steady_timer pause(strand_);
  bool warned = false;
  while (acceptor->is_open()) {
    auto [error, socket] =
        co_await acceptor->async_accept(asio::make_strand(context_), asio::as_tuple(asio::use_awaitable));
    if (!error) {
      on_connection_(std::move(socket));
      warned = false;
    } else if (error == asio::error::no_descriptors ||
               error == error_code(ENFILE, boost::system::system_category()) ||
               error == asio::error::no_buffer_space || error == asio::error::no_memory) {
      if (!std::exchange(warned, true))
        spdlog::warn("accepting on {}: {}", FormatEndpoint(address_), error.message());
      pause.expires_after(kShortageWait);
      co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    } else if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) {
      break;
    }
  }
}

}  // namespace tallymark
