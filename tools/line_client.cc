#include "tools/line_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <charconv>

namespace tallymark {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr size_t kAnswerBytesMax = 4096;

class TcpLineClient : public LineClient {
 public:
  explicit TcpLineClient(HostPort address) : address_(std::move(address)), socket_(io_) {}

  Status Open() {
    boost::system::error_code error;
    auto endpoints = tcp::resolver(io_).resolve(address_.host, address_.port, error);
    if (!error) asio::connect(socket_, endpoints, error);
    if (!error) socket_.set_option(tcp::no_delay(true), error);
    return error ? Status::Unavailable("no server at " + address_.Text() + ": " + error.message())
                 : Status::Ok();
  }

  Status Send(std::string_view lines) override {
    boost::system::error_code error;
    asio::write(socket_, asio::buffer(lines), error);
    return error ? Lost(error) : Status::Ok();
  }

  Result<SyncedCounts> Sync(std::string_view token) override {
    if (Status s = Send("#sync " + std::string(token) + "\n"); !s.ok()) return s;
    boost::system::error_code error;
    size_t size = asio::read_until(socket_, asio::dynamic_buffer(answer_, kAnswerBytesMax), '\n', error);
    if (error) return Lost(error);
    std::string line = answer_.substr(0, size - 1);
    answer_.erase(0, size);
    return ParseSynced(line, token);
  }

 private:
  Status Lost(const boost::system::error_code& error) const {
    return Status::Io("the connection to " + address_.Text() + " is lost: " + error.message());
  }

  HostPort address_;
  asio::io_context io_;
  tcp::socket socket_;
  std::string answer_;
};

bool TakeCount(std::string_view* in, std::string_view name, uint64_t* value) {
  if (!in->starts_with(name)) return false;
  in->remove_prefix(name.size());
  auto [end, error] = std::from_chars(in->data(), in->data() + in->size(), *value);
  if (error != std::errc()) return false;
  in->remove_prefix(static_cast<size_t>(end - in->data()));
  return true;
}

}  // namespace

Result<SyncedCounts> ParseSynced(std::string_view line, std::string_view token) {
  SyncedCounts counts;
  std::string_view rest = line;
  std::string head = "synced " + std::string(token);
  bool good = rest.starts_with(head);
  if (good) rest.remove_prefix(head.size());
  good = good && TakeCount(&rest, " accepted=", &counts.accepted) &&
         TakeCount(&rest, " duplicates=", &counts.duplicates) &&
         TakeCount(&rest, " rejected=", &counts.rejected) && (rest.empty() || rest == "\r");
  if (good) return counts;
  return Status::Io("the server answered: " + std::string(line));
}

Result<std::unique_ptr<LineClient>> LineClient::Connect(const HostPort& address) {
  auto client = std::make_unique<TcpLineClient>(address);
  if (Status s = client->Open(); !s.ok()) return s;
  return std::unique_ptr<LineClient>(std::move(client));
}

}  // namespace tallymark
