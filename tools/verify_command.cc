#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "engine/inspect.h"
#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/progress.h"
#include "tools/record_writer.h"

namespace tallymark {
namespace {

struct VerifyOptions {
  std::string data_dir = "./tallymark-data";
  bool progress = false;
};

using Type = RecordValue::Type;

std::string MismatchJson(const VerifyReport::Mismatch& mismatch) {
  std::string json = "{\"ad_id\":";
  json += JsonText(mismatch.ad_id);
  json += ",\"bucket\":" + std::to_string(mismatch.bucket_ms);
  json += ",\"filter_id\":" + std::to_string(mismatch.filter_id);
  json += ",\"metric\":" + JsonText(mismatch.metric);
  json += ",\"counted\":" + JsonText(mismatch.counted);
  json += ",\"raw\":" + JsonText(mismatch.raw);
  json += '}';
  return json;
}

std::vector<RecordValue> ReportRecord(const VerifyReport& report) {
  auto number = [](uint64_t value) { return std::to_string(value); };
  std::string damage = "[", mismatches = "[";
  for (const std::string& text : report.damage) {
    if (damage.size() > 1) damage += ',';
    damage += JsonText(text);
  }
  for (const VerifyReport::Mismatch& mismatch : report.mismatches) {
    if (mismatches.size() > 1) mismatches += ',';
    mismatches += MismatchJson(mismatch);
  }
  return {{"ok", report.ok() ? "true" : "false", Type::kJson},
          {"blocks", number(report.blocks), Type::kNumber},
          {"events", number(report.events), Type::kNumber},
          {"counter_rows", number(report.counter_rows), Type::kNumber},
          {"distinct_rows", number(report.distinct_rows), Type::kNumber},
          {"identities", number(report.identities), Type::kNumber},
          {"top_lists", number(report.top_lists), Type::kNumber},
          {"damage_count", number(report.damage_count), Type::kNumber},
          {"damage", damage + "]", Type::kJson},
          {"mismatch_count", number(report.mismatch_count), Type::kNumber},
          {"mismatches", mismatches + "]", Type::kJson}};
}

Status Verify(const VerifyOptions& options) {
  if (!std::filesystem::is_directory(options.data_dir)) {
    return Status::NotFound("there is no directory " + options.data_dir);
  }
  auto inspector = Inspector::Open(options.data_dir);
  if (!inspector.ok()) return inspector.status();
  Progress progress(options.progress);
  auto report = (*inspector)->Verify([&progress](double share) {
    if (progress.Due()) progress.Show("verifying " + std::to_string(static_cast<int>(share * 100)) + " %");
  });
  if (!report.ok()) return report.status();
  RecordWriter writer(RecordFormat::kJsonLines, stdout);
  writer.Write(ReportRecord(*report));
  if (Status s = writer.Flush(); !s.ok()) return s;
  if (!report->identities_compared)
    std::fprintf(stderr,
                 "tally: identities were not compared: %s is of an earlier format; tallyd makes them anew "
                 "when it opens it\n",
                 options.data_dir.c_str());
  if (report->ok()) return Status::Ok();
  return Status::Corruption(options.data_dir + ": " + std::to_string(report->damage_count) + " damaged, " +
                            std::to_string(report->mismatch_count) + " counts that do not agree");
}

}  // namespace

void AddVerifyCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand(
      "verify", "Check every checksum of a data directory and count all raw records again");
  auto options = std::make_shared<VerifyOptions>();
  command->add_option("--data-dir", options->data_dir, "The data directory")->capture_default_str();
  command->add_flag("--progress", options->progress, "Show progress on stderr also when it is no terminal");
  command->footer(
      "Prints a report as one JSON line. The exit code is 0 only when all agrees.\n\n"
      "Example:\n"
      "  tally verify --data-dir tallymark-data");
  command->callback([=] {
    Status s = Verify(*options);
    *exit_code = s.ok() ? 0 : Fail(s);
  });
}

}  // namespace tallymark
