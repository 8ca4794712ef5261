#include "bench/loopback.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cctype>
#include <charconv>

#include "bench/fail.h"

namespace tallymark::bench {

Loopback::Loopback(uint16_t port) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd_ < 0 || connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    FailErrno("cannot connect to port " + std::to_string(port));
  }
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

Loopback::~Loopback() {
  if (fd_ >= 0) close(fd_);
}

void Loopback::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) FailErrno("sending to the server");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void Loopback::SendFile(int file_fd, off_t offset, off_t end) {
  while (offset < end) {
    const ssize_t n = sendfile(fd_, file_fd, &offset, static_cast<size_t>(end - offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) FailErrno("sending to the server");
    if (n == 0) Fail("the workload file got shorter while it was sent");
  }
}

void Loopback::Fill() {
  char buffer[1 << 16];
  ssize_t n = 0;
  do {
    n = recv(fd_, buffer, sizeof buffer, 0);
  } while (n < 0 && errno == EINTR);
  if (n < 0) FailErrno("reading from the server");
  if (n == 0) Fail("the server closed the connection" + (unread_.empty() ? "" : " after: " + unread_));
  unread_.append(buffer, static_cast<size_t>(n));
}

std::string_view Loopback::ReadLine() {
  unread_.erase(0, consumed_);
  consumed_ = 0;
  size_t end = 0;
  while ((end = unread_.find('\n')) == std::string::npos) Fill();
  consumed_ = end + 1;
  return std::string_view(unread_).substr(0, consumed_);
}

std::string_view Loopback::ReadBytes(size_t size) {
  unread_.erase(0, consumed_);
  consumed_ = 0;
  while (unread_.size() < size) Fill();
  consumed_ = size;
  return std::string_view(unread_).substr(0, size);
}

SyncAnswer& SyncAnswer::operator+=(const SyncAnswer& other) {
  accepted += other.accepted;
  duplicates += other.duplicates;
  rejected += other.rejected;
  return *this;
}

SyncAnswer ReadSynced(Loopback& connection, std::string_view token) {
  const std::string line(connection.ReadLine());
  const std::string format = "synced " + std::string(token) + " accepted=%lu duplicates=%lu rejected=%lu";
  unsigned long accepted = 0;
  unsigned long duplicates = 0;
  unsigned long rejected = 0;
  if (std::sscanf(line.c_str(), format.c_str(), &accepted, &duplicates, &rejected) != 3) {
    Fail("expected synced " + std::string(token) + ", got: " + line);
  }
  return {.accepted = accepted, .duplicates = duplicates, .rejected = rejected};
}

std::string HttpClient::ReadAnswer(std::string_view* body) {
  std::string status(connection_.ReadLine());
  constexpr std::string_view kLength = "content-length:";
  size_t length = 0;
  for (std::string_view line = connection_.ReadLine(); line != "\r\n"; line = connection_.ReadLine()) {
    std::string name(line.substr(0, kLength.size()));
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (name != kLength) continue;
    std::string_view value = line.substr(kLength.size());
    value.remove_prefix(value.find_first_not_of(' '));
    std::from_chars(value.data(), value.data() + value.size(), length);
  }
  *body = connection_.ReadBytes(length);
  return status;
}

std::string_view HttpClient::Get(std::string_view target) {
  request_.assign("GET ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n\r\n");
  connection_.Send(request_);
  std::string_view body;
  const std::string status = ReadAnswer(&body);
  if (!status.starts_with("HTTP/1.1 200")) Fail(std::string(target) + ": " + status + std::string(body));
  return body;
}

void HttpClient::Put(std::string_view target, std::string_view json) {
  request_.assign("PUT ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\nContent-Length: ");
  request_.append(std::to_string(json.size())).append("\r\n\r\n").append(json);
  connection_.Send(request_);
  std::string_view body;
  const std::string status = ReadAnswer(&body);
  if (!status.starts_with("HTTP/1.1 20")) Fail(std::string(target) + ": " + status + std::string(body));
}

}  // namespace tallymark::bench
