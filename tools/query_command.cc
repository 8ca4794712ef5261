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

struct QueryOptions {
  std::string ad;
  std::string from = "now-1h";
  std::string to;
  std::string step;
  std::string window;
  std::vector<std::string> metrics = {"clicks"};
  std::string filter;
  std::string http = "127.0.0.1:8086";
  bool json = false;
};

std::string RangeText(const boost::json::object& answer) {
  return "from " + TimeCell(answer, "from") + " to " + TimeCell(answer, "to") + ", watermark " +
         TimeCell(answer, "watermark");
}

// One count a metric over the whole range.
Status QueryTotals(const QueryOptions& options, HttpClient* http) {
  Table table({"metric", "count"});
  std::string range;
  for (const std::string& metric : options.metrics) {
    auto body = Fetch(
        http,
        HttpTarget(
            {"v1", "ads", options.ad, "aggregated_cnt"},
            {{"from", options.from}, {"to", options.to}, {"filter", options.filter}, {"metric", metric}}));
    if (!body.ok()) return body.status();
    if (options.json) {
      std::printf("%s\n", body->c_str());
      continue;
    }
    auto answer = ParseAnswer(*body);
    if (!answer.ok()) return answer.status();
    table.Add({metric, Cell(*answer, "count")});
    range = RangeText(*answer);
  }
  if (!options.json) std::printf("ad %s, %s\n%s", options.ad.c_str(), range.c_str(), table.Text().c_str());
  return Status::Ok();
}

Status QuerySeries(const QueryOptions& options, HttpClient* http) {
  auto body = Fetch(http, HttpTarget({"v1", "ads", options.ad, "series"},
                                     {{"from", options.from},
                                      {"to", options.to},
                                      {"step", options.step},
                                      {"window", options.window},
                                      {"filter", options.filter},
                                      {"metrics", CLI::detail::join(options.metrics, ",")}}));
  if (!body.ok()) return body.status();
  if (options.json) {
    std::printf("%s\n", body->c_str());
    return Status::Ok();
  }
  auto answer = ParseAnswer(*body);
  if (!answer.ok()) return answer.status();
  std::vector<std::string> header = {"time"};
  header.insert(header.end(), options.metrics.begin(), options.metrics.end());
  Table table(header);
  const boost::json::value* points = answer->if_contains("points");
  if (points == nullptr || !points->is_array()) return Status::Invalid("the server's answer has no points");
  for (const boost::json::value& point : points->as_array()) {
    if (!point.is_object()) return Status::Invalid("the server's answer has a point that is none");
    std::vector<std::string> row = {TimeCell(point.as_object(), "t")};
    for (const std::string& metric : options.metrics) row.push_back(Cell(point.as_object(), metric));
    table.Add(std::move(row));
  }
  std::printf("ad %s, %s\n%s", options.ad.c_str(), RangeText(*answer).c_str(), table.Text().c_str());
  return Status::Ok();
}

int RunQuery(const QueryOptions& options) {
  auto address = ParseHostPort(options.http);
  if (!address.ok()) return Fail(address.status().WithContext("--http"));
  auto http = HttpClient::Create(*address);
  bool series = !options.step.empty() || !options.window.empty();
  Status s = series ? QuerySeries(options, http.get()) : QueryTotals(options, http.get());
  return s.ok() ? 0 : Fail(s);
}

}  // namespace

void AddQueryCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand("query", "Ask a running server for the counts of an ad");
  auto options = std::make_shared<QueryOptions>();
  command->add_option("AD", options->ad, "The ad's id")->required();
  command->add_option("--from", options->from, "Begin of the range: RFC 3339, epoch milliseconds, now-15m")
      ->capture_default_str();
  command->add_option("--to", options->to, "End of the range (default: now)");
  command->add_option("--step", options->step, "A line for every step (1m..30d); without it one total");
  command->add_option("--window", options->window, "Each line covers this much, at least the step");
  command
      ->add_option("--metrics", options->metrics,
                   "impressions, clicks, conversions, revenue; separated by commas")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--filter", options->filter, "Number of a filter (default: 0, everything)");
  command->add_option("--http", options->http, "The server's HTTP port")->capture_default_str();
  command->add_flag("--json", options->json, "Print the server's answers as they are");
  command->footer("Example:\n  tally query ad0000042 --from now-24h --step 1h --metrics clicks,impressions");
  command->callback([=] { *exit_code = RunQuery(*options); });
}

}  // namespace tallymark
