#include "server/http_connection.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <exception>
#include <utility>

#include "server/http_answer_text.h"
#include "server/lingering_close.h"
#include "server/listen_address.h"
#include "server/write_handler.h"

namespace tallymark {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;

namespace {

// Routes that take no body read and drop this much of one.
constexpr size_t kIgnoredBodyBytesMax = 64 << 10;
constexpr size_t kFirstBodyBytes = 64 << 10;
constexpr int64_t kNoDeadline = INT64_MAX;

int64_t SteadyNs(SteadyClock::time_point time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

HttpMethod MethodOf(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return HttpMethod::kGet;
    case http::verb::head:
      return HttpMethod::kHead;
    case http::verb::post:
      return HttpMethod::kPost;
    case http::verb::put:
      return HttpMethod::kPut;
    case http::verb::delete_:
      return HttpMethod::kDelete;
    default:
      return HttpMethod::kOther;
  }
}

std::string PeerOf(const asio::ip::tcp::socket& socket) {
  error_code error;
  auto peer = socket.remote_endpoint(error);
  return error ? "unknown" : FormatEndpoint(peer);
}

// How a refusal looks to who asked for this target, before its route is known.
ErrorStyle StyleOf(std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  const auto route = std::ranges::find(Routes(), path, &Route::pattern);
  return route == Routes().end() ? ErrorStyle::kProblem : route->errors;
}

HttpAnswer Problem(ErrorStyle style, int status, std::string_view detail) {
  HttpAnswer answer = ErrorAnswer(style, status, detail);
  answer.close = true;
  return answer;
}

}  // namespace

HttpConnection::HttpConnection(const Services& services, asio::thread_pool& workers,
                               asio::ip::tcp::socket socket)
    : services_(services), workers_(workers), socket_(std::move(socket)), deadline_ns_(kNoDeadline) {
  error_code ignored;  // a connection that is already broken shows at the first read
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  request_.peer = PeerOf(socket_);
}

asio::awaitable<void> HttpConnection::Run() {
  std::shared_ptr<HttpConnection> self = shared_from_this();
  while (!stopping_ && co_await ServeOne()) {
  }
  deadline_ns_ = kNoDeadline;
  error_code ignored;  // it is closed either way
  if (linger_ && socket_.is_open()) co_await LingeringClose(self, socket_);
  socket_.close(ignored);
}

void HttpConnection::TurnAway() {
  std::string text;
  AppendHttpAnswer(Problem(ErrorStyle::kProblem, 503, "too many connections"), {}, &text);
  error_code ignored;  // it is closed either way
  socket_.non_blocking(true, ignored);
  socket_.write_some(asio::buffer(text), ignored);
  socket_.close(ignored);
}

void HttpConnection::CheckDeadline(SteadyClock::time_point now) {
  if (deadline_ns_.load(std::memory_order_relaxed) > SteadyNs(now)) return;
  asio::post(socket_.get_executor(), [self = shared_from_this(), now] {
    if (self->deadline_ns_ > SteadyNs(now)) return;
    self->timed_out_ = true;
    error_code ignored;  // then the next sweep finds it again
    self->socket_.cancel(ignored);
  });
}

void HttpConnection::Stop() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->stopping_ = true;
    error_code ignored;  // then it ends at its deadline
    if (self->reading_header_) self->socket_.cancel(ignored);
  });
}

void HttpConnection::Cut() {
  asio::post(socket_.get_executor(), [self = shared_from_this()] {
    self->stopping_ = true;
    self->linger_ = false;
    error_code ignored;  // it is closed either way
    self->socket_.close(ignored);
  });
}

void HttpConnection::SetDeadline(std::chrono::seconds from_now) {
  deadline_ns_.store(SteadyNs(SteadyClock::now() + from_now), std::memory_order_relaxed);
}

asio::awaitable<bool> HttpConnection::ServeOne() {
  request_.body_hold = BudgetHold(&services_.body_budget);
  request_.body.clear();
  request_.spool.reset();
  if (!co_await ReadHeader()) co_return false;
  RouteMatch match;
  if (std::optional<HttpAnswer> refusal = CheckHeader(&match)) {
    co_return co_await Refuse(match, *std::move(refusal));
  }
  if (match.route->open_body != nullptr) {
    std::optional<HttpAnswer> refusal = match.route->open_body(services_, request_);
    if (refusal) co_return co_await Refuse(match, *std::move(refusal));
  }
  if (!parser_->is_done() && !co_await TakeBody(*match.route)) {
    request_.spool.reset();
    if (!body_refusal_) co_return false;
    co_return co_await Refuse(match, *std::exchange(body_refusal_, std::nullopt));
  }
  auto begun = SteadyClock::now();
  deadline_ns_.store(kNoDeadline, std::memory_order_relaxed);
  HttpAnswer answer = co_await MakeAnswer(*match.route);
  std::chrono::duration<double> took = SteadyClock::now() - begun;
  services_.metrics.routes[match.index].Record(answer.status, took.count());
  co_return co_await Send(answer, parser_->get().method() == http::verb::head);
}

// Memory can run short on the way; the connection and the server go on.
asio::awaitable<HttpAnswer> HttpConnection::MakeAnswer(const Route& route) {
  try {
    if (route.at_once) co_return route.answer(services_, request_);
    co_return co_await asio::co_spawn(workers_, CallHandler(route), asio::use_awaitable);
  } catch (const std::exception& thrown) {
    spdlog::error("{}: {}", route.pattern, thrown.what());
  }
  co_return ErrorAnswer(route.errors, style_ == ErrorStyle::kProblem ? 500 : 503,
                        "the request failed inside the server");
}

asio::awaitable<HttpAnswer> HttpConnection::CallHandler(const Route& route) {
  if (route.answer != nullptr) co_return route.answer(services_, request_);
  co_return co_await route.answer_later(services_, request_);
}

asio::awaitable<bool> HttpConnection::ReadHeader() {
  parser_.emplace();
  parser_->header_limit(kHeaderBytesMax);
  parser_->body_limit(boost::none);  // checked in ReadBody, by what the route takes
  timed_out_ = false;
  style_ = ErrorStyle::kProblem;
  SetDeadline(kHeaderTime);
  reading_header_ = true;
  auto [error, size] =
      co_await http::async_read_header(socket_, buffer_, *parser_, asio::as_tuple(asio::use_awaitable));
  reading_header_ = false;
  if (!error) co_return true;
  style_ = StyleOf(parser_->get().target());
  std::optional<HttpAnswer> refusal = BrokenRead(error);
  if (refusal) co_await Refuse(RouteMatch(), *std::move(refusal));
  co_return false;
}

std::optional<HttpAnswer> HttpConnection::CheckHeader(RouteMatch* match) {
  const auto& message = parser_->get();
  std::string_view target = message.target();
  HttpMethod method = MethodOf(message.method());
  style_ = StyleOf(target);
  if (target.size() > kMaxTargetBytes) return Problem(style_, 414, "a URL may have 8192 bytes");
  if (Status s = ParseRequestTarget(target, &request_.target); !s.ok()) {
    return ErrorAnswer(style_, 400, s.message());
  }
  *match = MatchRoute(method, request_.target.segments);
  if (match->route == nullptr) {
    style_ = ErrorStyle::kProblem;
    if (match->allowed.empty()) {
      return ErrorAnswer(ErrorStyle::kProblem, 404,
                         "there is nothing at this path; /openapi.yaml lists what there is");
    }
    HttpAnswer answer = ErrorAnswer(ErrorStyle::kProblem, 405, "this path takes " + match->allowed);
    answer.headers.emplace_back("Allow", match->allowed);
    return answer;
  }
  style_ = match->route->errors;
  // Of codings only chunked, alone, is taken; any other leaves unknown where the body ends.
  const auto [coding, codings_end] = message.equal_range(http::field::transfer_encoding);
  if (coding != codings_end && (std::next(coding) != codings_end || message.version() < 11 ||
                                !boost::beast::iequals(coding->value(), "chunked"))) {
    return Problem(style_, 400, "Transfer-Encoding takes chunked only");
  }
  request_.path_value = match->path_value != nullptr ? *match->path_value : std::string();
  request_.content_encoding = message[http::field::content_encoding];
  request_.asks_first = message.find(http::field::expect) != message.end();
  return std::nullopt;
}

// To memory or to disk, as the route has it.
asio::awaitable<bool> HttpConnection::TakeBody(const Route& route) {
  const bool takes_body = route.method != HttpMethod::kGet;
  uint64_t bytes_max = takes_body ? kWriteBodyBytesMax : kIgnoredBodyBytesMax;
  if (request_.spool) bytes_max = request_.spool->bytes_max();
  auto expect = parser_->get()[http::field::expect];
  auto length = parser_->content_length();
  body_refusal_ = std::nullopt;
  if (length && *length > bytes_max) {
    body_refusal_ = Problem(style_, 413, "the body is larger than " + std::to_string(bytes_max) + " bytes");
    co_return false;
  }
  if (!expect.empty() && !boost::beast::iequals(expect, "100-continue")) {
    body_refusal_ = Problem(style_, 417, "Expect takes 100-continue only");
    co_return false;
  }
  if (!expect.empty()) co_await SendContinue();
  if (request_.spool) co_return co_await SpoolBody();
  co_return co_await ReadBody(bytes_max);
}

// Fills up to `size` bytes, fewer at the end of the body.
asio::awaitable<bool> HttpConnection::ReadInto(char* data, size_t size, size_t* filled) {
  auto& into = parser_->get().body();
  into.data = data;
  into.size = size;
  into.more = true;
  auto [error, read] =
      co_await http::async_read(socket_, buffer_, *parser_, asio::as_tuple(asio::use_awaitable));
  *filled = size - parser_->get().body().size;
  if (!error || error == http::error::need_buffer) co_return true;
  body_refusal_ = BrokenRead(error);
  co_return false;
}

asio::awaitable<bool> HttpConnection::ReadBody(size_t bytes_max) {
  SetDeadline(kBodyTime);
  size_t filled = 0;
  while (!parser_->is_done()) {
    if (filled == request_.body.size() && !GrowBody(bytes_max)) co_return false;
    size_t read = 0;
    if (!co_await ReadInto(request_.body.data() + filled, request_.body.size() - filled, &read)) {
      co_return false;
    }
    filled += read;
  }
  request_.body.resize(filled);
  co_return true;
}

asio::awaitable<bool> HttpConnection::SpoolBody() {
  if (!request_.body_hold.GrowTo(kPieceBytes)) {
    body_refusal_ = Problem(style_, 503, "too many request bodies at this moment");
    co_return false;
  }
  std::string piece(kPieceBytes, '\0');
  while (!parser_->is_done()) {
    SetDeadline(kPieceTime);
    size_t filled = 0;
    if (!co_await ReadInto(piece.data(), piece.size(), &filled)) co_return false;
    const std::string_view filled_piece = std::string_view(piece).substr(0, filled);
    if (!co_await asio::co_spawn(workers_, SpoolPiece(filled_piece), asio::use_awaitable)) co_return false;
  }
  co_return true;
}

asio::awaitable<bool> HttpConnection::SpoolPiece(std::string_view piece) {
  Status written = request_.spool->Write(piece);
  if (written.ok()) co_return true;
  const int status = written.code() == Code::kExhausted ? 413 : HttpStatusOf(written.code());
  body_refusal_ = Problem(style_, status, written.message());
  co_return false;
}

// Grows with what arrives, not with what was announced. One byte over the bound shows that there
// is more.
bool HttpConnection::GrowBody(size_t bytes_max) {
  std::string& body = request_.body;
  if (body.size() > bytes_max) {
    body_refusal_ = Problem(style_, 413, "the body is larger than " + std::to_string(bytes_max) + " bytes");
    return false;
  }
  size_t size = std::min(bytes_max + 1, std::max(kFirstBodyBytes, body.size() * 2));
  if (auto length = parser_->content_length()) size = std::min<size_t>(size, *length);
  if (!request_.body_hold.GrowTo(size)) {
    body_refusal_ = Problem(style_, 503, "too many request bodies at this moment");
    return false;
  }
  body.resize(size);
  return true;
}

asio::awaitable<void> HttpConnection::SendContinue() {
  static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  // A failure shows again when the body is read.
  co_await asio::async_write(socket_, asio::buffer(kContinue), asio::as_tuple(asio::use_awaitable));
}

// The answer to a read that failed; none when the peer is gone or had not begun.
std::optional<HttpAnswer> HttpConnection::BrokenRead(const error_code& error) const {
  if (timed_out_ && error == asio::error::operation_aborted) {
    if (!parser_->got_some()) return std::nullopt;
    return Problem(style_, 408, "the request did not arrive in time");
  }
  if (error == http::error::end_of_stream || error == http::error::partial_message) return std::nullopt;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    bool in_target = parser_->get().target().empty();  // the request line is not through yet
    return in_target ? Problem(style_, 414, "a URL may have 8192 bytes")
                     : Problem(style_, 431, "the header may have 16384 bytes");
  }
  if (error == http::error::body_limit) return Problem(style_, 413, "the body is too large");
  if (error.category() != make_error_code(http::error::bad_method).category()) return std::nullopt;
  return Problem(style_, 400, "not HTTP/1.1: " + error.message());
}

// A request that reaches no handler. What is left of its body is not read: the connection ends,
// unless there is none.
asio::awaitable<bool> HttpConnection::Refuse(const RouteMatch& match, HttpAnswer answer) {
  bool has_route = match.route != nullptr;
  if (style_ != ErrorStyle::kProblem) AppendWriteCounts({}, &answer);
  services_.metrics.routes[has_route ? match.index : ServerMetrics::kRoutesMax - 1].Record(answer.status, 0);
  if (!parser_->is_done()) answer.close = true;
  co_return co_await Send(answer, parser_->is_header_done() && parser_->get().method() == http::verb::head);
}

asio::awaitable<bool> HttpConnection::Send(const HttpAnswer& answer, bool is_head) {
  bool is_old = parser_->is_header_done() && parser_->get().version() < 11;
  bool keep = parser_->is_done() && parser_->keep_alive() && !answer.close && !stopping_;
  out_.clear();
  AppendHttpAnswer(answer, {.is_head = is_head, .keep_alive = keep, .say_keep_alive = is_old}, &out_);
  SetDeadline(kAnswerTime);
  auto [error, size] =
      co_await asio::async_write(socket_, asio::buffer(out_), asio::as_tuple(asio::use_awaitable));
  constexpr size_t kKeptBytes = 64 << 10;
  if (out_.capacity() > kKeptBytes) out_ = std::string();
  if (request_.body.capacity() > kKeptBytes) request_.body = std::string();
  request_.spool.reset();
  linger_ = !error && !keep;
  co_return !error && keep;
}

}  // namespace tallymark
