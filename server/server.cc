#include "server/server.h"

#include <spdlog/spdlog.h>

#include <array>
#include <optional>
#include <utility>

#include "server/drop_folder.h"
#include "server/expired_conversions.h"
#include "server/http_server.h"
#include "server/imports.h"
#include "server/ingest_server.h"
#include "server/listen_address.h"
#include "server/recount_handlers.h"
#include "server/services.h"

namespace tallymark {
namespace {

using Endpoint = boost::asio::ip::tcp::endpoint;

// Nobody is asked who they are yet, so other machines are let in only on demand.
Result<Endpoint> ListenEndpoint(const std::string& text, std::string_view option, bool insecure) {
  Result<Endpoint> endpoint = ParseListenAddress(text);
  if (!endpoint.ok()) return endpoint.status().WithContext(std::string(option));
  if (!insecure && !endpoint->address().is_loopback()) {
    return Status::Invalid(
        std::string(option) + " " + text +
        " lets other machines in without asking who they are; add --insecure if that is wanted, "
        "or listen on 127.0.0.1");
  }
  return endpoint;
}

class RunningServer : public Server {
 public:
  explicit RunningServer(const ServerOptions& options)
      : options_(options),
        ingest_budget_(options.ingest_budget_bytes),
        body_budget_(options.body_budget_bytes) {}

  ~RunningServer() override {
    if (Status s = Stop(); !s.ok()) spdlog::error("closing: {}", s.message());
  }

  // The ports are bound before the engine opens: a taken port should not cost a replay.
  Status Open() {
    Result<Endpoint> ingest = ListenEndpoint(options_.ingest_listen, "--ingest-listen", options_.insecure);
    if (!ingest.ok()) return ingest.status();
    Result<Endpoint> http = ListenEndpoint(options_.http_listen, "--http-listen", options_.insecure);
    if (!http.ok()) return http.status();
    if (Status s = ingest_.Open(*ingest); !s.ok()) return s.WithContext("--ingest-listen");
    if (Status s = http_.Open(*http); !s.ok()) return s.WithContext("--http-listen");
    EngineOptions engine_options = options_.engine;
    engine_options.conversions_expired = [this](std::span<const RawEvent> events) {
      return expired_.Take(events);
    };
    Result<std::unique_ptr<Engine>> engine = Engine::Open(engine_options);
    if (!engine.ok()) return engine.status();
    engine_ = std::move(engine).value();
    auto letters = DeadLetters::Open(options_.engine.data_dir);
    if (!letters.ok()) return letters.status();
    dead_letters_ = std::move(letters).value();
    MakeServices();
    AddRecountJobs(engine_.get());
    if (Status s = OpenImports(); !s.ok()) return s;
    expired_.Start(&*services_);
    ingest_.Start(*services_);
    http_.Start(*services_);
    return Status::Ok();
  }

  Status Stop() override {
    if (std::exchange(stopped_, true)) return closed_;
    drop_folder_.reset();
    http_.StopAccepting();
    ingest_.Stop(options_.stop_time);
    http_.Stop(options_.stop_time);
    if (engine_ != nullptr) closed_ = engine_->Close();
    dead_letters_.reset();
    return closed_;
  }

  std::string ingest_address() const override { return FormatEndpoint(ingest_.address()); }
  std::string http_address() const override { return FormatEndpoint(http_.address()); }
  Engine& engine() override { return *engine_; }
  std::string ReadyLine() const override {
    return "tallymark ready ingest=" + ingest_address() + " http=" + http_address() +
           " data=" + options_.engine.data_dir;
  }

 private:
  void MakeServices() {
    const Clock& clock = options_.engine.clock != nullptr ? *options_.engine.clock : Clock::System();
    services_.emplace(Services{.engine = *engine_,
                               .clock = clock,
                               .metrics = metrics_,
                               .dead_letters = *dead_letters_,
                               .ingest_budget = ingest_budget_,
                               .body_budget = body_budget_,
                               .started_ns = clock.NowNs(),
                               .ingest_address = ingest_address(),
                               .http_address = http_address(),
                               .data_dir = options_.engine.data_dir});
  }

  Status OpenImports() {
    auto imports =
        Imports::Open(*services_, {.bytes_max = options_.import_bytes_max,
                                   .free_space_floor_bytes = options_.engine.free_space_floor_bytes});
    if (!imports.ok()) return imports.status();
    imports_ = std::move(imports).value();
    services_->imports = imports_.get();
    if (options_.spool_dir.empty()) return Status::Ok();
    auto folder = DropFolder::Open(*services_, options_.spool_dir);
    if (!folder.ok()) return folder.status().WithContext("--spool");
    drop_folder_ = std::move(folder).value();
    return Status::Ok();
  }

  const ServerOptions options_;
  ServerMetrics metrics_;
  ExpiredConversions expired_;
  ByteBudget ingest_budget_;
  ByteBudget body_budget_;
  std::optional<Services> services_;
  // Ended in reverse: the engine's last answers still find the io_contexts of the servers.
  std::unique_ptr<DeadLetters> dead_letters_;
  IngestServer ingest_;
  HttpServer http_;
  std::unique_ptr<Imports> imports_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<DropFolder> drop_folder_;
  bool stopped_ = false;
  Status closed_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  auto server = std::make_unique<RunningServer>(options);
  if (Status s = server->Open(); !s.ok()) return s;
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace tallymark
