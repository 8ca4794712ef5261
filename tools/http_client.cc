#include "tools/http_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <optional>

namespace tallymark {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr auto kConnectTime = std::chrono::seconds(10);
constexpr auto kAnswerTime = std::chrono::seconds(300);  // a write waits for the disk, a query may read much
constexpr size_t kBytesPerSecondMin = 1 << 20;           // of a large body: longer is too long
constexpr uint64_t kAnswerBytesMax = 1ULL << 30;
constexpr size_t kShownBodyBytes = 200;

class BeastHttpClient : public HttpClient {
 public:
  explicit BeastHttpClient(HostPort address) : address_(std::move(address)) {}

  Result<HttpAnswer> Get(const std::string& target) override {
    http::request<http::empty_body> request(http::verb::get, target, 11);
    return Exchange(&request, kAnswerTime);
  }

  Result<HttpAnswer> Post(const std::string& target, std::string_view content_type,
                          std::string_view body) override {
    return Send(http::verb::post, target, content_type, body);
  }

  Result<HttpAnswer> Put(const std::string& target, std::string_view content_type,
                         std::string_view body) override {
    return Send(http::verb::put, target, content_type, body);
  }

 private:
  Result<HttpAnswer> Send(http::verb verb, const std::string& target, std::string_view content_type,
                          std::string_view body) {
    http::request<http::span_body<const char>> request(verb, target, 11);
    request.set(http::field::content_type, beast::string_view(content_type.data(), content_type.size()));
    request.body() = {body.data(), body.size()};
    return Exchange(&request, kAnswerTime + std::chrono::seconds(body.size() / kBytesPerSecondMin));
  }

  // Runs what was started until it is through; its time limit is the stream's.
  void Run() {
    io_.restart();
    io_.run();
  }

  Status Connect() {
    beast::error_code error;
    auto endpoints = tcp::resolver(io_).resolve(address_.host, address_.port, error);
    if (!error) {
      stream_.emplace(io_);
      buffer_.clear();
      stream_->expires_after(kConnectTime);
      stream_->async_connect(endpoints, [&error](beast::error_code e, const tcp::endpoint&) { error = e; });
      Run();
    }
    if (!error) stream_->socket().set_option(tcp::no_delay(true), error);
    if (!error) return Status::Ok();
    stream_.reset();
    return Status::Unavailable("no server at " + address_.Text() + ": " + error.message());
  }

  template <class Body>
  Result<HttpAnswer> Exchange(http::request<Body>* request, std::chrono::seconds longest) {
    if (!stream_) {
      if (Status s = Connect(); !s.ok()) return s;
    }
    request->set(http::field::host, address_.Text());
    request->set(http::field::user_agent, "tally");
    request->prepare_payload();
    http::response_parser<http::string_body> parser;
    parser.body_limit(kAnswerBytesMax);
    beast::error_code sent, received;
    stream_->expires_after(longest);
    // The answer is read while the request is sent: a server that refuses a request early says why.
    http::async_write(*stream_, *request, [&sent](beast::error_code e, size_t) { sent = e; });
    http::async_read(*stream_, buffer_, parser, [&received, this](beast::error_code e, size_t) {
      received = e;
      if (e) stream_->cancel();
    });
    Run();
    if (received) {
      stream_.reset();
      return Status::Io("the connection to " + address_.Text() + " is lost: " + received.message());
    }
    auto response = parser.release();
    if (sent || !response.keep_alive()) stream_.reset();
    HttpAnswer answer;
    answer.status = response.result_int();
    for (const auto& field : response) {
      std::string name(field.name_string());
      for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
      answer.headers[name] = std::string(field.value());
    }
    answer.body = std::move(response.body());
    return answer;
  }

  HostPort address_;
  asio::io_context io_;
  std::optional<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
};

}  // namespace

std::string_view HttpAnswer::Header(const std::string& name) const {
  auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

std::unique_ptr<HttpClient> HttpClient::Create(const HostPort& address) {
  return std::make_unique<BeastHttpClient>(address);
}

std::string HttpTarget(const std::vector<std::string>& segments,
                       const std::vector<std::pair<std::string, std::string>>& parameters) {
  std::string target;
  for (const std::string& segment : segments) {
    target += "/" + boost::urls::encode(segment, boost::urls::unreserved_chars);
  }
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    target += separator + name + "=" + boost::urls::encode(value, boost::urls::unreserved_chars);
    separator = '&';
  }
  return target;
}

std::string ErrorDetail(const HttpAnswer& answer) {
  boost::system::error_code error;
  boost::json::value body = boost::json::parse(answer.body, error);
  if (!error && body.is_object()) {
    for (const char* name : {"detail", "message", "error"}) {
      const boost::json::value* text = body.as_object().if_contains(name);
      if (text != nullptr && text->is_string()) return std::string(text->as_string());
    }
  }
  std::string shown = answer.body.substr(0, kShownBodyBytes);
  return "status " + std::to_string(answer.status) + (shown.empty() ? "" : ": " + shown);
}

Result<std::string> Fetch(HttpClient* client, const std::string& target) {
  auto answer = client->Get(target);
  if (!answer.ok()) return answer.status();
  if (answer->status == 200) return std::move(answer->body);
  return Status::Invalid("the server refused: " + ErrorDetail(*answer));
}

}  // namespace tallymark
