#include "server/ingest_server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "engine/thread_name.h"

namespace tallymark {

namespace asio = boost::asio;

namespace {

constexpr size_t kIdleChunksMax = 256;

size_t Processors() { return std::max(1U, std::thread::hardware_concurrency()); }
size_t ReaderThreads() { return std::clamp<size_t>(Processors() / 2, 2, 8); }

}  // namespace

IngestServer::IngestServer()
    : work_(context_.get_executor()),
      workers_(Processors()),
      chunks_(kIdleChunksMax),
      connections_(kConnectionsMax),
      listener_(context_) {}

IngestServer::~IngestServer() {
  context_.stop();
  for (std::thread& reader : readers_) reader.join();
}

void IngestServer::Start(const Services& services) {
  services_ = &services;
  for (size_t i = 0; i < ReaderThreads(); ++i) {
    readers_.emplace_back([this] {
      NameThisThread("ingest-reader");
      context_.run();
    });
  }
  listener_.Start([this](asio::ip::tcp::socket socket) { OnConnection(std::move(socket)); });
}

void IngestServer::OnConnection(asio::ip::tcp::socket socket) {
  ServerMetrics& metrics = services_->metrics;
  auto connection = IngestConnection::Create(*services_, workers_, chunks_, std::move(socket));
  if (!connections_.Add(connection)) {
    metrics.ingest_refused.Add();
    connection->TurnAway("error too many connections");
    return;
  }
  metrics.ingest_accepted.Add();
  metrics.ingest_connections.Add();
  asio::co_spawn(connection->executor(), connection->Run(), [this, connection](std::exception_ptr thrown) {
    // Nothing on the way is meant to throw; memory may be short.
    if (thrown) spdlog::error("an ingest connection ended by an exception");
    services_->metrics.ingest_connections.Subtract();
    connections_.Remove(connection);
  });
}

void IngestServer::Stop(std::chrono::milliseconds longest) {
  if (services_ == nullptr) return;
  listener_.Stop();
  connections_.Close();
  connections_.ForEach([](IngestConnection& connection) { connection.Stop(); });
  if (!connections_.WaitEmpty(longest)) {
    spdlog::warn("ingest connections did not end in time and are cut");
    connections_.ForEach([](IngestConnection& connection) { connection.Cut(); });
    connections_.WaitEmpty(std::chrono::seconds(2));
  }
  workers_.wait();
}

}  // namespace tallymark
