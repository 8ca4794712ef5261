#ifndef TALLYMARK_BENCH_SERVER_PROCESS_H_
#define TALLYMARK_BENCH_SERVER_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tallymark::bench {

// What the kernel has counted for a process, all threads, since it started.
struct ProcessUsage {
  double cpu_s = 0;            // user and system
  uint64_t written_bytes = 0;  // sent to the disk, /proc/PID/io write_bytes
  uint64_t peak_rss_bytes = 0;
};

// A real tallyd on free ports of the loopback interface. Not thread safe, except for Usage. The
// server is killed when its owner is destroyed or this program ends in any way.
class ServerProcess {
 public:
  // Starts the tallyd that lies beside this program and waits for its ready line. Its log goes to
  // DATA_DIR.log. Ends the program when the server does not get ready.
  ServerProcess(const std::filesystem::path& data_dir, const std::vector<std::string>& flags);
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();

  uint16_t ingest_port() const { return ingest_port_; }
  uint16_t http_port() const { return http_port_; }
  double start_seconds() const { return start_seconds_; }  // from exec to the ready line

  ProcessUsage Usage() const;

  // SIGTERM and wait; ends the program when tallyd does not end with 0.
  void Stop();
  // SIGKILL and wait.
  void Kill();

 private:
  pid_t pid_ = -1;
  uint16_t ingest_port_ = 0;
  uint16_t http_port_ = 0;
  double start_seconds_ = 0;
};

// Bytes that the files below a directory occupy on disk.
uint64_t BytesAtRest(const std::filesystem::path& directory);

}  // namespace tallymark::bench

#endif  // TALLYMARK_BENCH_SERVER_PROCESS_H_
