#ifndef TALLYMARK_SERVER_SERVER_H_
#define TALLYMARK_SERVER_SERVER_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/engine.h"
#include "format/status.h"

namespace tallymark {

struct ServerOptions {
  EngineOptions engine;
  std::string ingest_listen = "127.0.0.1:9009";  // HOST:PORT; port 0 picks a free one
  std::string http_listen = "127.0.0.1:8086";
  // Allows listening where others than this machine can connect: nobody is asked who they are.
  bool insecure = false;
  // TCP bytes read and not yet answered by the engine. More lets senders run further ahead of a
  // slow disk, and costs up to eight times as much memory.
  uint64_t ingest_budget_bytes = 64ULL << 20;
  // Request bodies in memory, packed and unpacked; past it writes are answered 503.
  uint64_t body_budget_bytes = 192ULL << 20;
  // A file that is imported may have this many bytes.
  uint64_t import_bytes_max = 64ULL << 30;
  // Files that are put into this folder are imported (server/drop_folder.h); empty: no folder is watched.
  std::string spool_dir;
  // How long Stop waits for the engine and for peers before it cuts connections.
  std::chrono::milliseconds stop_time{10'000};
};

// The whole server in one process: engine, TCP ingest, HTTP. Start and Stop belong to one thread.
//
//   auto server = Server::Start(options);
//   ... server.value()->ReadyLine() ...
//   Status s = server.value()->Stop();
class Server {
 public:
  // Returns when both ports accept. kInvalid: bad options, or a listen address that needs
  // `insecure`. kConflict: a port or the directory is taken. Else as Engine::Open says.
  static Result<std::unique_ptr<Server>> Start(const ServerOptions& options);

  // Stops when Stop was not called; a failure is then only logged.
  virtual ~Server() = default;

  // Stops accepting, commits what was read, answers what it can, writes a checkpoint and lets go of
  // the directory. Idempotent. Returns what Engine::Close returned.
  virtual Status Stop() = 0;

  virtual std::string ingest_address() const = 0;  // "127.0.0.1:9009"
  virtual std::string http_address() const = 0;
  virtual Engine& engine() = 0;

  // "tallymark ready ingest=HOST:PORT http=HOST:PORT data=DIR"
  virtual std::string ReadyLine() const = 0;
};

}  // namespace tallymark

#endif  // TALLYMARK_SERVER_SERVER_H_
