#include <CLI/CLI.hpp>
#include <cstdio>

#include "format/table_import.h"
#include "tools/ad_import.h"
#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/input_file.h"
#include "tools/named_import.h"
#include "tools/progress.h"
#include "tools/write_client.h"
#include "tools/write_sink.h"

namespace tallymark {
namespace {

struct ImportOptions {
  std::string file;
  MappingOptions mapping;
  std::string identity;
  std::string name;
  std::string delimiter;
  std::string time_unit = "auto";
  std::string http = "127.0.0.1:8086";
  uint32_t patience_s = 120;
  bool progress = false;
};

// A comma, a semicolon, "tab" or any other single byte.
Result<char> DelimiterOf(const ImportOptions& options, std::string_view bytes) {
  if (options.delimiter.empty()) return GuessDelimiter(options.file, bytes);
  if (options.delimiter == "tab" || options.delimiter == "\\t") return '\t';
  if (options.delimiter.size() == 1 && options.delimiter != "\"" && options.delimiter != "\n") {
    return options.delimiter.front();
  }
  return Status::Invalid("--delimiter: one character or \"tab\"");
}

// Nobody there at all is said at once; interruptions, of this question too, are waited out.
Status CheckSomebodyListens(HttpClient* http) {
  const Status asked = http->Get("/ping").status();
  return asked.code() == Code::kUnavailable ? asked : Status::Ok();
}

Status CompleteMapping(ImportOptions* options) {
  auto unit = ParseEpochUnit(options->time_unit);
  if (!unit) return Status::Invalid("--time-unit: one of auto, s, ms, us, ns");
  options->mapping.time_unit = *unit;
  options->mapping.identity_by_row = options->identity == "row";
  options->mapping.name = options->name;
  if (!options->name.empty()) return Status::Ok();
  size_t slash = options->file.rfind('/');
  options->mapping.name = slash == std::string::npos ? options->file : options->file.substr(slash + 1);
  return Status::Ok();
}

std::string Percent(double share) { return std::to_string(static_cast<int>(share * 100)) + " %"; }

// Rows are checked and sent from here; what was loaded before are duplicates.
Status SendRows(const ImportOptions& options, std::string_view bytes, char delimiter,
                std::unique_ptr<HttpClient> http) {
  TableImport import(bytes, delimiter);
  Status checked = import.Open(options.mapping);
  auto share = [&](size_t position) {
    return static_cast<double>(position) / static_cast<double>(bytes.size());
  };
  if (checked.ok()) {
    Progress progress(options.progress);
    auto show = [&](size_t position, const ImportReport&) {
      if (progress.Due()) progress.Show("checking " + Percent(share(position)));
    };
    WriteSink check(nullptr, show, nullptr);
    checked = import.Check(&check);
  }
  if (!checked.ok()) return checked.WithContext(options.file);
  if (Status s = CheckSomebodyListens(http.get()); !s.ok()) return s;
  WriteClient client(std::move(http), {std::chrono::seconds(options.patience_s), {}});
  ImportReport report;
  Progress progress(options.progress);
  WriteSink sink(&client, nullptr, [&](size_t position, const ImportReport& now) {
    if (!progress.Due()) return;
    progress.Show(Percent(share(position)) + "  " + ProgressText(now.rows, 0, "rows", progress.Seconds()));
  });
  Status loaded = import.Load(&sink, &report);
  if (!loaded.ok()) return loaded.WithContext("stopped after " + report.Json());
  std::printf("%s\n", report.Json().c_str());
  return Status::Ok();
}

// The server takes the whole file under its name and loads it once.
Status HandOver(const ImportOptions& options, std::string_view bytes, char delimiter, HttpClient* http) {
  std::vector<std::pair<std::string, std::string>> parameters = {{"name", options.name},
                                                                 {"kind", options.mapping.kind},
                                                                 {"identity", options.identity},
                                                                 {"time", options.time_unit}};
  // As the server guesses, where nothing else is asked for: the same import then looks the same to it
  // however it is sent.
  if (delimiter != GuessDelimiter(options.name, bytes))
    parameters.emplace_back("delimiter", std::string(1, delimiter));
  for (const std::string& map : options.mapping.maps) parameters.emplace_back("map", map);
  for (const std::string& constant : options.mapping.constants) parameters.emplace_back("set", constant);
  if (Status s = CheckSomebodyListens(http); !s.ok()) return s;
  Progress progress(options.progress);
  NamedImport import(
      http,
      {.patience = std::chrono::seconds(options.patience_s), .sleep = {}, .progress = [&](double share) {
         if (progress.Due()) progress.Show("loading " + Percent(share));
       }});
  auto report = import.Run(HttpTarget({"v1", "imports"}, parameters), bytes);
  if (!report.ok()) return report.status();  // the server names the file
  std::printf("%s\n", report->c_str());
  return Status::Ok();
}

// Ads of the catalogue, set one by one.
Status SetAds(const ImportOptions& options, std::string_view bytes, char delimiter, HttpClient* http) {
  if (!options.name.empty()) return Status::Invalid("--name: ads are set as often as their file changes");
  if (Status s = CheckSomebodyListens(http); !s.ok()) return s;
  ImportReport report;
  Progress progress(options.progress);
  Status status =
      AdImport(bytes, delimiter, http)
          .Run(
              options.mapping,
              [&](size_t position, const ImportReport&) {
                if (!progress.Due()) return;
                progress.Show(Percent(static_cast<double>(position) / static_cast<double>(bytes.size())));
              },
              &report);
  if (!status.ok()) return status.WithContext(options.file);
  std::printf("%s\n", report.Json().c_str());
  return Status::Ok();
}

Status Import(ImportOptions options) {
  if (Status s = CompleteMapping(&options); !s.ok()) return s;
  auto address = ParseHostPort(options.http);
  if (!address.ok()) return address.status().WithContext("--http");
  auto input = InputFile::Open(options.file);
  if (!input.ok()) return input.status();
  auto delimiter = DelimiterOf(options, input->bytes());
  if (!delimiter.ok()) return delimiter.status();
  auto http = HttpClient::Create(*address);
  if (options.mapping.kind == kAdKind) return SetAds(options, input->bytes(), *delimiter, http.get());
  if (!options.name.empty()) return HandOver(options, input->bytes(), *delimiter, http.get());
  return SendRows(options, input->bytes(), *delimiter, std::move(http));
}

}  // namespace

void AddImportCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand("import", "Load a CSV or TSV file into a running server");
  auto options = std::make_shared<ImportOptions>();
  command->add_option("FILE", options->file, "The file; its first row names the columns")->required();
  command->add_option("--map", options->mapping.maps, "ours:column or ours=template, separated by commas")
      ->allow_extra_args(false);
  command->add_option("--set", options->mapping.constants, "ours=value for every row; may be repeated")
      ->allow_extra_args(false);
  command
      ->add_option("--kind", options->mapping.kind,
                   "Kind of rows that a column `event` does not name; ad: rows of the catalogue")
      ->check(CLI::IsMember({"impression", "click", "conversion", "ad"}));
  command->add_option("--identity", options->identity, "row: each row is an event of its own, named NAME#row")
      ->check(CLI::IsMember({"row"}));
  command->add_option(
      "--name", options->name,
      "Load the file once, under this name: the server refuses the name and the content from then on "
      "(without: rows that were loaded before are duplicates)");
  command->add_option("--delimiter", options->delimiter,
                      "One character or tab (default: by extension, header)");
  command
      ->add_option("--time-unit", options->time_unit,
                   "Unit of epoch numbers: s, ms, us, ns; auto: by their size")
      ->capture_default_str();
  command->add_option("--http", options->http, "The server's HTTP port")->capture_default_str();
  command
      ->add_option("--patience", options->patience_s,
                   "Seconds to go on trying when the server does not answer")
      ->capture_default_str();
  command->add_flag("--progress", options->progress, "Show progress on stderr also when it is no terminal");
  command->footer(
      "The whole file is checked first; a row of another width, an open quote or a value that is no time\n"
      "or no amount refuses it with line and column. Rows without a value in a mapped column are rejected\n"
      "one by one. The last line on stdout is the report as JSON.\n"
      "With --name the server takes the whole file, refuses a name or a content that it has loaded before,\n"
      "and goes on by itself after a crash; repeating an unfinished import follows or continues it.\n\n"
      "Examples:\n"
      "  tally import clicks.csv --map ad_id:app,time:click_time,ip_number:ip --kind click\n"
      "  tally import q1.csv --name q1-impressions --kind impression --identity row \\\n"
      "      --map 'ad_id={campaign_id}:{banner_id}' --set time=2021-01-01T00:00:00Z\n"
      "  tally import ads.csv --kind ad          (columns ad_id, redirect_url, campaign_id, ...)");
  command->callback([=] {
    Status s = Import(*options);
    *exit_code = s.ok() ? 0 : Fail(s);
  });
}

}  // namespace tallymark
