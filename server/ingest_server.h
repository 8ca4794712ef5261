#ifndef TALLYMARK_SERVER_INGEST_SERVER_H_
#define TALLYMARK_SERVER_INGEST_SERVER_H_

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "server/chunk_pool.h"
#include "server/connection_set.h"
#include "server/ingest_connection.h"
#include "server/services.h"
#include "server/tcp_listener.h"

namespace tallymark {

// The TCP ingest port: threads that read, workers that parse. Start and Stop belong to one thread.
class IngestServer {
 public:
  static constexpr size_t kConnectionsMax = 10'000;

  IngestServer();
  // Stop must have been called, or Start not.
  ~IngestServer();

  // See TcpListener::Open.
  Status Open(const boost::asio::ip::tcp::endpoint& endpoint) { return listener_.Open(endpoint); }
  boost::asio::ip::tcp::endpoint address() const { return listener_.address(); }

  // `services` must outlive this and every answer of its engine.
  void Start(const Services& services);

  // Takes no more connections, reads no more, lets what was read be committed and answered for at
  // most `longest`, then cuts. When it returns every chunk that was read is with the engine.
  void Stop(std::chrono::milliseconds longest);

 private:
  void OnConnection(boost::asio::ip::tcp::socket socket);

  const Services* services_ = nullptr;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::thread_pool workers_;
  ChunkPool chunks_;
  ConnectionSet<IngestConnection> connections_;
  TcpListener listener_;
  std::vector<std::thread> readers_;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_INGEST_SERVER_H_
