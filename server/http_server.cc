#include "server/http_server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <utility>

#include "engine/thread_name.h"

namespace tallymark {

namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds kSweepInterval{1};

size_t Processors() { return std::clamp<size_t>(std::thread::hardware_concurrency(), 2, 32); }

}  // namespace

HttpServer::HttpServer()
    : work_(context_.get_executor()),
      connections_(kConnectionsMax),
      listener_(context_),
      workers_(Processors() * 2) {}

HttpServer::~HttpServer() {
  context_.stop();
  for (std::thread& thread : threads_) thread.join();
  workers_.join();
}

void HttpServer::Start(const Services& services) {
  services_ = &services;
  for (size_t i = 0; i < Processors(); ++i) {
    threads_.emplace_back([this] {
      NameThisThread("http");
      context_.run();
    });
  }
  asio::co_spawn(context_, WatchDeadlines(), asio::detached);
  listener_.Start([this](asio::ip::tcp::socket socket) { OnConnection(std::move(socket)); });
}

void HttpServer::OnConnection(asio::ip::tcp::socket socket) {
  ServerMetrics& metrics = services_->metrics;
  auto connection = std::make_shared<HttpConnection>(*services_, workers_, std::move(socket));
  if (!connections_.Add(connection)) {
    metrics.http_refused.Add();
    connection->TurnAway();
    return;
  }
  metrics.http_accepted.Add();
  metrics.http_connections.Add();
  asio::co_spawn(connection->executor(), connection->Run(), [this, connection](std::exception_ptr thrown) {
    // Nothing on the way is meant to throw; memory may be short.
    if (thrown) spdlog::error("an HTTP connection ended by an exception");
    services_->metrics.http_connections.Subtract();
    connections_.Remove(connection);
  });
}

// One sweep a second costs less than a timer for every request.
asio::awaitable<void> HttpServer::WatchDeadlines() {
  asio::steady_timer timer(context_);
  for (;;) {
    timer.expires_after(kSweepInterval);
    auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) break;
    auto now = std::chrono::steady_clock::now();
    connections_.ForEach([now](HttpConnection& connection) { connection.CheckDeadline(now); });
  }
}

void HttpServer::StopAccepting() {
  if (services_ != nullptr) listener_.Stop();
}

void HttpServer::Stop(std::chrono::milliseconds longest) {
  if (services_ == nullptr) return;
  listener_.Stop();
  connections_.Close();
  connections_.ForEach([](HttpConnection& connection) { connection.Stop(); });
  if (connections_.WaitEmpty(longest)) return;
  spdlog::warn("HTTP connections did not end in time and are cut");
  connections_.ForEach([](HttpConnection& connection) { connection.Cut(); });
  connections_.WaitEmpty(std::chrono::seconds(2));
}

}  // namespace tallymark
