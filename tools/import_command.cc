#include <CLI/CLI.hpp>
#include <cstdio>

#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/import_file.h"
#include "tools/input_file.h"
#include "tools/progress.h"

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

Status Import(ImportOptions options) {
  if (Status s = CompleteMapping(&options); !s.ok()) return s;
  auto address = ParseHostPort(options.http);
  if (!address.ok()) return address.status().WithContext("--http");
  auto input = InputFile::Open(options.file);
  if (!input.ok()) return input.status();
  auto delimiter = DelimiterOf(options, input->bytes());
  if (!delimiter.ok()) return delimiter.status();

  ImportFile import(input->bytes(), *delimiter);
  auto percent = [](double share) { return std::to_string(static_cast<int>(share * 100)) + " %"; };
  Status checked;
  {
    Progress progress(options.progress);
    checked = import.Check(options.mapping, [&](double share, const ImportReport&) {
      if (progress.Due()) progress.Show("checking " + percent(share));
    });
  }
  if (!checked.ok()) return checked.WithContext(options.file);

  auto http = HttpClient::Create(*address);
  // Nobody there at all is said at once; later interruptions are waited out.
  if (auto ping = http->Get("/ping"); !ping.ok()) return ping.status();
  WriteClient client(std::move(http), {std::chrono::seconds(options.patience_s), {}});
  ImportReport report;
  Progress progress(options.progress);
  Status loaded = import.Load(
      &client,
      [&](double share, const ImportReport& now) {
        if (progress.Due()) {
          progress.Show(percent(share) + "  " + ProgressText(now.rows, 0, "rows", progress.Seconds()));
        }
      },
      &report);
  if (!loaded.ok()) return loaded.WithContext("stopped after " + report.Json());
  std::printf("%s\n", report.Json().c_str());
  return Status::Ok();
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
  command->add_option("--kind", options->mapping.kind, "Kind of rows that a column `event` does not name")
      ->check(CLI::IsMember({"impression", "click", "conversion"}));
  command->add_option("--identity", options->identity, "row: each row is an event of its own, named NAME#row")
      ->check(CLI::IsMember({"row"}));
  command->add_option("--name", options->name,
                      "Name of the file for --identity row (default: its last part)");
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
      "one by one. The last line on stdout is the report as JSON.\n\n"
      "Example:\n"
      "  tally import clicks.csv --map ad_id:app,time:click_time,ip_number:ip --kind click");
  command->callback([=] {
    Status s = Import(*options);
    *exit_code = s.ok() ? 0 : Fail(s);
  });
}

}  // namespace tallymark
