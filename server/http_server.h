#ifndef TALLYMARK_SERVER_HTTP_SERVER_H_
#define TALLYMARK_SERVER_HTTP_SERVER_H_

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "server/connection_set.h"
#include "server/http_connection.h"
#include "server/services.h"
#include "server/tcp_listener.h"

namespace tallymark {

// The HTTP port. A thread a processor reads requests, writes answers and runs the handlers of routes that
// are answered at once; all others run on workers, of which there are more than processors, since they
// wait for the disk. Ingestion has threads of its own. Start and Stop belong to one thread.
class HttpServer {
 public:
  static constexpr size_t kConnectionsMax = 4096;

  HttpServer();
  // Stop must have been called, or Start not.
  ~HttpServer();

  // See TcpListener::Open.
  Status Open(const boost::asio::ip::tcp::endpoint& endpoint) { return listener_.Open(endpoint); }
  boost::asio::ip::tcp::endpoint address() const { return listener_.address(); }

  // `services` must outlive this and every answer of its engine.
  void Start(const Services& services);

  // Takes no more connections; those that are open go on.
  void StopAccepting();

  // Takes no more connections and requests, lets those that were read be answered for at most
  // `longest`, then cuts.
  void Stop(std::chrono::milliseconds longest);

 private:
  void OnConnection(boost::asio::ip::tcp::socket socket);
  boost::asio::awaitable<void> WatchDeadlines();

  const Services* services_ = nullptr;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  ConnectionSet<HttpConnection> connections_;
  TcpListener listener_;
  boost::asio::thread_pool workers_;
  std::vector<std::thread> threads_;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_HTTP_SERVER_H_
