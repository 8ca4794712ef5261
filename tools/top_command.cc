#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/http_client.h"
#include "tools/json_cell.h"
#include "tools/table.h"

namespace tallymark {
namespace {

struct TopOptions {
  uint32_t count = 20;
  std::string window = "60";
  std::string to;
  std::string metric = "clicks";
  std::string filter;
  std::string http = "127.0.0.1:8086";
  bool json = false;
};

Status Top(const TopOptions& options) {
  auto address = ParseHostPort(options.http);
  if (!address.ok()) return address.status().WithContext("--http");
  auto http = HttpClient::Create(*address);
  auto body =
      Fetch(http.get(), HttpTarget({"v1", "ads", "popular_ads"}, {{"count", std::to_string(options.count)},
                                                                  {"window", options.window},
                                                                  {"to", options.to},
                                                                  {"metric", options.metric},
                                                                  {"filter", options.filter}}));
  if (!body.ok()) return body.status();
  if (options.json) {
    std::printf("%s\n", body->c_str());
    return Status::Ok();
  }
  auto answer = ParseAnswer(*body);
  if (!answer.ok()) return answer.status();
  const boost::json::value* ads = answer->if_contains("ad_ids");
  const boost::json::value* counts = answer->if_contains("counts");
  if (ads == nullptr || counts == nullptr || !ads->is_array() || !counts->is_array() ||
      ads->as_array().size() != counts->as_array().size()) {
    return Status::Invalid("the server's answer is no list of ads");
  }
  Table table({"place", "ad", options.metric});
  for (size_t i = 0; i < ads->as_array().size(); ++i) {
    boost::json::object row = {{"ad", ads->as_array()[i]}, {"count", counts->as_array()[i]}};
    table.Add({std::to_string(i + 1), Cell(row, "ad"), Cell(row, "count")});
  }
  std::printf("from %s to %s, watermark %s\n%s", TimeCell(*answer, "from").c_str(),
              TimeCell(*answer, "to").c_str(), TimeCell(*answer, "watermark").c_str(), table.Text().c_str());
  return Status::Ok();
}

}  // namespace

void AddTopCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand("top", "Ask a running server which ads are on top");
  auto options = std::make_shared<TopOptions>();
  command->add_option("--count", options->count, "How many ads")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command->add_option("--window", options->window, "Minutes, or 15m, 24h; at most 7d")->capture_default_str();
  command->add_option("--to", options->to, "End of the window (default: with the current minute)");
  command->add_option("--metric", options->metric, "impressions, clicks, conversions or revenue")
      ->capture_default_str();
  command->add_option("--filter", options->filter, "Number of a filter (default: 0, everything)");
  command->add_option("--http", options->http, "The server's HTTP port")->capture_default_str();
  command->add_flag("--json", options->json, "Print the server's answer as it is");
  command->footer("Example:\n  tally top --count 10 --window 24h --metric revenue");
  command->callback([=] {
    Status s = Top(*options);
    *exit_code = s.ok() ? 0 : Fail(s);
  });
}

}  // namespace tallymark
