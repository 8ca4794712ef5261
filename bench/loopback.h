#ifndef TALLYMARK_BENCH_LOOPBACK_H_
#define TALLYMARK_BENCH_LOOPBACK_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tallymark::bench {

// A blocking TCP connection to 127.0.0.1, TCP_NODELAY set. Failures end the program unless a
// function says otherwise. Moveable, one thread at a time.
class Loopback {
 public:
  explicit Loopback(uint16_t port);
  Loopback(Loopback&& other) noexcept
      : fd_(other.fd_), unread_(std::move(other.unread_)), consumed_(other.consumed_) {
    other.fd_ = -1;
  }
  Loopback& operator=(Loopback&&) = delete;
  ~Loopback();

  void Send(std::string_view bytes);
  // Sends [offset, end) of an open file without copying it through this process.
  void SendFile(int file_fd, off_t offset, off_t end);
  // Reads up to and including the next LF; the view holds until the next call.
  std::string_view ReadLine();
  // Whether ReadLine would return at once with what was read already.
  bool HasLine() const { return unread_.find('\n', consumed_) != std::string::npos; }
  int fd() const { return fd_; }
  // Reads exactly `size` bytes; the view holds until the next call.
  std::string_view ReadBytes(size_t size);

 private:
  void Fill();

  int fd_ = -1;
  std::string unread_;
  size_t consumed_ = 0;  // front of unread_ that the last call handed out
};

// What `synced` said; counts since the connection's former `#sync`.
struct SyncAnswer {
  uint64_t accepted = 0;
  uint64_t duplicates = 0;
  uint64_t rejected = 0;

  SyncAnswer& operator+=(const SyncAnswer& other);
};

// Reads the answer to `#sync token`; anything else ends the program.
SyncAnswer ReadSynced(Loopback& connection, std::string_view token);

// One kept HTTP connection.
class HttpClient {
 public:
  explicit HttpClient(uint16_t port) : connection_(port) {}
  // The body of a 200 answer; every other status ends the program. The view holds until the next call.
  std::string_view Get(std::string_view target);
  // Puts JSON; every status but 200 and 201 ends the program.
  void Put(std::string_view target, std::string_view json);

 private:
  // Reads an answer; *body holds until the next call. Returns its status line.
  std::string ReadAnswer(std::string_view* body);

  Loopback connection_;
  std::string request_;
};

}  // namespace tallymark::bench

#endif  // TALLYMARK_BENCH_LOOPBACK_H_
