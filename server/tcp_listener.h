#ifndef TALLYMARK_SERVER_TCP_LISTENER_H_
#define TALLYMARK_SERVER_TCP_LISTENER_H_

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <functional>
#include <memory>
#include <string>

#include "format/status.h"

namespace tallymark {

// A listening socket: each connection it takes gets a strand of its own. Open and Stop belong to
// one thread; the accepting runs in the io_context, which must outlive the listener.
class TcpListener {
 public:
  // Called for each connection, one at a time; must not block.
  using OnConnection = std::function<void(boost::asio::ip::tcp::socket)>;

  explicit TcpListener(boost::asio::io_context& context);

  // Binds and listens, so that clients connect, but takes nothing before Start. kConflict: the port
  // is taken; kInvalid: any other reason it cannot be listened on.
  Status Open(const boost::asio::ip::tcp::endpoint& endpoint);
  // The address it listens on, with the port that was picked for port 0.
  boost::asio::ip::tcp::endpoint address() const { return address_; }

  void Start(OnConnection on_connection);
  // Hands over the connections that wait to be taken, closes, and takes none after it returns. The
  // io_context must be running.
  void Stop();

 private:
  boost::asio::awaitable<void> AcceptLoop();
  void AcceptWaiting();

  boost::asio::io_context& context_;
  boost::asio::strand<boost::asio::io_context::executor_type> strand_;
  std::shared_ptr<boost::asio::ip::tcp::acceptor> acceptor_;  // on strand_; shared with Stop's handler
  boost::asio::ip::tcp::endpoint address_;
  OnConnection on_connection_;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_TCP_LISTENER_H_
