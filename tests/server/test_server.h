#ifndef TALLYMARK_TESTS_SERVER_TEST_SERVER_H_
#define TALLYMARK_TESTS_SERVER_TEST_SERVER_H_

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/server.h"

namespace tallymark {

// A blocking TCP client. Every read gives up after a while, so that a test fails instead of hanging.
class TestSocket {
 public:
  explicit TestSocket(const std::string& address) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + address.rfind(':') + 1)));
    timeval patience = {.tv_sec = 60, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~TestSocket() { Close(); }
  TestSocket(const TestSocket&) = delete;
  TestSocket& operator=(const TestSocket&) = delete;

  bool connected() const { return connected_; }
  int fd() const { return fd_; }

  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  void EndSending() { shutdown(fd_, SHUT_WR); }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  // The next line without its LF; empty at the end of the stream.
  std::string ReadLine() {
    size_t end = 0;
    while ((end = read_.find('\n')) == std::string::npos) {
      if (!Fill()) return std::exchange(read_, "");
    }
    std::string line = read_.substr(0, end);
    read_.erase(0, end + 1);
    return line;
  }
  // Everything until the peer ends.
  std::string ReadAll() {
    while (Fill()) {
    }
    return std::exchange(read_, "");
  }
  std::string ReadExactly(size_t size) {
    while (read_.size() < size && Fill()) {
    }
    std::string bytes = read_.substr(0, size);
    read_.erase(0, bytes.size());
    return bytes;
  }

 private:
  bool Fill() {
    char buffer[65536];
    ssize_t size = recv(fd_, buffer, sizeof buffer, 0);
    if (size > 0) read_.append(buffer, static_cast<size_t>(size));
    return size > 0;
  }

  int fd_;
  bool connected_ = false;
  std::string read_;
};

struct TestAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string Header(const std::string& name) const {
    auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
  boost::json::value Json() const {
    boost::system::error_code error;
    boost::json::value value = boost::json::parse(body, error);
    EXPECT_FALSE(error) << body;
    return value;
  }
};

// Reads one answer off the socket. `is_head`: no body follows whatever the length says.
inline TestAnswer ReadAnswer(TestSocket& socket, bool is_head = false) {
  TestAnswer answer;
  std::string line = socket.ReadLine();
  if (line.size() > 12) answer.status = std::atoi(line.c_str() + 9);
  for (line = socket.ReadLine(); line.size() > 1; line = socket.ReadLine()) {
    size_t colon = line.find(": ");
    if (colon == std::string::npos) break;
    std::string name = line.substr(0, colon);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    answer.headers[name] = line.substr(colon + 2, line.size() - colon - 3);
  }
  std::string length = answer.Header("content-length");
  if (!is_head && !length.empty()) answer.body = socket.ReadExactly(std::stoul(length));
  return answer;
}

// A real server on free loopback ports and a folder of its own.
class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "tallymark-server-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    options_.engine.data_dir = directory_ + "/data";
    options_.engine.memory_bytes = 256 << 20;
    options_.ingest_listen = "127.0.0.1:0";
    options_.http_listen = "127.0.0.1:0";
    Configure(&options_);
    StartServer();
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  virtual void Configure(ServerOptions* /*options*/) {}

  void StartServer() {
    Result<std::unique_ptr<Server>> started = Server::Start(options_);
    ASSERT_TRUE(started.ok()) << started.status().message();
    server_ = std::move(started).value();
  }
  void StopServer() {
    Status stopped = server_->Stop();
    EXPECT_TRUE(stopped.ok()) << stopped.message();
    server_.reset();
  }

  TestAnswer Request(const std::string& method, const std::string& target, const std::string& body = "",
                     const std::string& headers = "") {
    TestSocket socket(server_->http_address());
    std::string text = method + " " + target + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n" + headers;
    if (!body.empty() || method == "POST") text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    socket.Send(text + "\r\n" + body);
    return ReadAnswer(socket, method == "HEAD");
  }
  TestAnswer Get(const std::string& target) { return Request("GET", target); }

  // The clicks of an ad over all time that the tests use.
  int64_t Clicks(const std::string& ad) {
    boost::json::value json =
        Get("/v1/ads/" + ad + "/aggregated_cnt?from=1600000000000&to=1700000000000").Json();
    return json.at("count").as_int64();
  }

  // Sends `lines`, asks for a sync and gives its answer.
  std::string SendAndSync(const std::string& lines) {
    TestSocket socket(server_->ingest_address());
    socket.Send(lines + "#sync t\n");
    return socket.ReadLine();
  }

  static std::string Click(const std::string& ad, const std::string& event_id,
                           int64_t time_ms = 1609459201000) {
    return "click,ad_id=" + ad + " event_id=\"" + event_id + "\" " + std::to_string(time_ms) + "000000\n";
  }

  std::string directory_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_SERVER_TEST_SERVER_H_
