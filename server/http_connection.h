#ifndef TALLYMARK_SERVER_HTTP_CONNECTION_H_
#define TALLYMARK_SERVER_HTTP_CONNECTION_H_

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http_types.h"
#include "server/routes.h"
#include "server/services.h"

namespace tallymark {

// One HTTP connection: reads a request, answers it, and again while the peer keeps it alive. Runs
// on the socket's strand, which waits while a worker has the request; CheckDeadline, Stop and Cut may be
// called from elsewhere.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  static constexpr uint32_t kHeaderBytesMax = 16 << 10;
  // For the next request to come whole, counted from the answer before; then for its body.
  static constexpr std::chrono::seconds kHeaderTime{75};
  static constexpr std::chrono::seconds kBodyTime{300};
  static constexpr std::chrono::seconds kAnswerTime{60};  // for the peer to take an answer
  // A body that goes to disk is read in pieces of this size, and each must come in this time.
  static constexpr size_t kPieceBytes = 256 << 10;
  static constexpr std::chrono::seconds kPieceTime{75};

  // The socket's executor must be a strand of its own. What may take long runs on `workers`, which must
  // outlive Run.
  HttpConnection(const Services& services, boost::asio::thread_pool& workers,
                 boost::asio::ip::tcp::socket socket);

  boost::asio::awaitable<void> Run();
  // Instead of Run: a 503, as far as the socket takes it at once, and the end.
  void TurnAway();

  boost::asio::any_io_executor executor() { return socket_.get_executor(); }

  // Ends what the peer has kept waiting for longer than it may. Thread safe.
  void CheckDeadline(std::chrono::steady_clock::time_point now);
  // Asks Run to end after the request that is being answered; an idle connection ends at once.
  // Thread safe.
  void Stop();
  // Ends Run without regard to the peer. Thread safe.
  void Cut();

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

  // Each is false when the connection ends after it.
  boost::asio::awaitable<bool> ServeOne();
  boost::asio::awaitable<bool> ReadHeader();
  boost::asio::awaitable<bool> TakeBody(const Route& route);
  boost::asio::awaitable<bool> ReadBody(size_t bytes_max);
  boost::asio::awaitable<bool> SpoolBody();
  boost::asio::awaitable<bool> ReadInto(char* data, size_t size, size_t* filled);
  boost::asio::awaitable<bool> Refuse(const RouteMatch& match, HttpAnswer answer);
  boost::asio::awaitable<bool> Send(const HttpAnswer& answer, bool is_head);

  boost::asio::awaitable<void> SendContinue();
  boost::asio::awaitable<HttpAnswer> MakeAnswer(const Route& route);
  boost::asio::awaitable<HttpAnswer> CallHandler(const Route& route);
  std::optional<HttpAnswer> CheckHeader(RouteMatch* match);
  std::optional<HttpAnswer> BrokenRead(const boost::system::error_code& error) const;
  bool GrowBody(size_t bytes_max);
  boost::asio::awaitable<bool> SpoolPiece(std::string_view piece);
  void SetDeadline(std::chrono::seconds from_now);

  const Services& services_;
  boost::asio::thread_pool& workers_;
  boost::asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  HttpRequest request_;
  std::string out_;

  std::optional<HttpAnswer> body_refusal_;   // why TakeBody gave up, where the peer can be told
  ErrorStyle style_ = ErrorStyle::kProblem;  // of the route, once it is known
  bool reading_header_ = false;
  bool stopping_ = false;  // answer what is there and end
  bool timed_out_ = false;
  bool linger_ = false;               // the peer may still be sending when we end
  std::atomic<int64_t> deadline_ns_;  // steady clock
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_HTTP_CONNECTION_H_
