#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>

#include "engine/event_line.h"
#include "engine/inspect.h"
#include "format/decimal.h"
#include "format/time_text.h"
#include "tools/command_line.h"
#include "tools/commands.h"
#include "tools/dead_letter_files.h"
#include "tools/event_text.h"
#include "tools/record_writer.h"

namespace tallymark {
namespace {

struct DumpOptions {
  std::string data_dir = "./tallymark-data";
  std::string what = "raw";
  std::string ad;
  std::string from;
  std::string to;
  std::string step;
  std::string format = "jsonl";
};

using Type = RecordValue::Type;

Result<InspectRange> RangeOf(const DumpOptions& options) {
  InspectRange range;
  range.ad_id = options.ad;
  if (!options.from.empty()) {
    auto from = TimeOption("--from", options.from);
    if (!from.ok()) return from.status();
    range.from_ns = *from;
  }
  if (!options.to.empty()) {
    auto to = TimeOption("--to", options.to);
    if (!to.ok()) return to.status();
    range.to_ns = *to;
  }
  if (range.from_ns >= range.to_ns) return Status::Invalid("--from must lie before --to");
  return range;
}

void WriteEvent(const DumpOptions& options, const RawEvent& event, RecordWriter* writer) {
  if (options.format == "lp") {
    writer->WriteLine(EventLine(event));
  } else {
    writer->Write(options.format == "csv" ? EventRow(event) : EventRecord(event));
  }
}

Status DumpWaiting(Inspector* inspector, const DumpOptions& options, const InspectRange& range,
                   RecordWriter* writer) {
  return inspector->ForEachWaiting(range, [&](const RawEvent& event) {
    WriteEvent(options, event, writer);
    return true;
  });
}

// As lines also what waits, so that they give the same counters elsewhere, then and later.
Status DumpRaw(Inspector* inspector, const DumpOptions& options, const InspectRange& range,
               RecordWriter* writer) {
  Status s = inspector->ForEachEvent(range, [&](const RawEvent& event) {
    WriteEvent(options, event, writer);
    return true;
  });
  return s.ok() && options.format == "lp" ? DumpWaiting(inspector, options, range, writer) : s;
}

std::string Decimal(__int128 value) {
  return FitsInt64(value) ? std::to_string(static_cast<int64_t>(value)) : "\"overflow\"";
}

Status DumpCounters(Inspector* inspector, const DumpOptions& options, const InspectRange& range,
                    RecordWriter* writer) {
  for (bool hours : {false, true}) {
    const char* step = hours ? "1h" : "1m";
    if (!options.step.empty() && options.step != step) continue;
    Status s = inspector->ForEachCounter(range, hours, [&](const CounterRecord& counter) {
      __int128 revenue = counter.sums[Metric::kRevenue];
      writer->Write(
          {{"ad_id", counter.ad_id},
           {"bucket", std::to_string(counter.bucket_ms), Type::kNumber},
           {"step", step},
           {"filter_id", std::to_string(counter.filter_id), Type::kNumber},
           {"impressions", Decimal(counter.sums[Metric::kImpressions]), Type::kNumber},
           {"clicks", Decimal(counter.sums[Metric::kClicks]), Type::kNumber},
           {"conversions", Decimal(counter.sums[Metric::kConversions]), Type::kNumber},
           {"revenue", FitsInt64(revenue) ? FormatMicros(static_cast<int64_t>(revenue)) : "overflow"}});
      return true;
    });
    if (!s.ok()) return s;
  }
  return Status::Ok();
}

Status DumpDistinct(Inspector* inspector, const InspectRange& range, RecordWriter* writer) {
  return inspector->ForEachDistinct(range, [&](const DistinctRecord& hour) {
    writer->Write({{"ad_id", hour.ad_id},
                   {"bucket", std::to_string(hour.bucket_ms), Type::kNumber},
                   {"unique_users", std::to_string(hour.users.count), Type::kNumber},
                   {"unique_users_exact", hour.users.exact ? "true" : "false", Type::kJson},
                   {"unique_ips", std::to_string(hour.ips.count), Type::kNumber},
                   {"unique_ips_exact", hour.ips.exact ? "true" : "false", Type::kJson},
                   {"complete", hour.complete ? "true" : "false", Type::kJson}});
    return true;
  });
}

Status DumpIdentities(Inspector* inspector, const InspectRange& range, RecordWriter* writer) {
  return inspector->ForEachIdentity(range, [&](const IdentityRecord& identity) {
    writer->Write({{"identity", identity.id_hex},
                   {"ad_id", identity.ad_id},
                   {"hour", std::to_string(identity.hour_ms), Type::kNumber},
                   {"sequence", std::to_string(identity.sequence), Type::kNumber},
                   {"sealed", identity.sealed ? "true" : "false", Type::kJson}});
    return true;
  });
}

std::string DefinitionJson(const FilterDefinition& definition) {
  std::string json = "{";
  for (const AttributePattern& pattern : definition.patterns) {
    if (json.size() > 1) json += ',';
    json += JsonText(pattern.attribute) + ":";
    if (pattern.terms.empty()) json += "\"*\"";
    if (pattern.terms.size() == 1)
      json += JsonText((pattern.negated ? "!" : "") + TermText(pattern.terms.front()));
    if (pattern.terms.size() < 2) continue;
    for (size_t i = 0; i < pattern.terms.size(); ++i)
      json += (i == 0 ? "[" : ",") + JsonText(TermText(pattern.terms[i]));
    json += ']';
  }
  return json + "}";
}

Status DumpFilters(Inspector* inspector, RecordWriter* writer) {
  return inspector->ForEachFilter([&](const FilterDump& filter) {
    writer->Write({{"filter_id", std::to_string(filter.id), Type::kNumber},
                   {"definition", DefinitionJson(filter.definition), Type::kJson},
                   {"ready", filter.ready ? "true" : "false", Type::kJson},
                   {"number", std::to_string(filter.number), Type::kNumber},
                   {"active_from", std::to_string(filter.active_from), Type::kNumber},
                   {"job", std::to_string(filter.job), Type::kNumber}});
    return true;
  });
}

std::string OthersJson(const AdSettings& entry) {
  std::string json = "{";
  for (const auto& [name, value] : entry.others)
    json += (json.size() > 1 ? "," : "") + JsonText(name) + ":" + JsonText(value);
  return json + "}";
}

Status DumpAds(Inspector* inspector, const DumpOptions& options, RecordWriter* writer) {
  return inspector->ForEachAd([&](const AdRecord& ad) {
    if (!options.ad.empty() && options.ad != ad.ad_id) return true;
    auto owner = [&](AdOwner which) { return ad.entry.owners[static_cast<size_t>(which)].value_or(""); };
    writer->Write({{"number", ad.number ? std::to_string(*ad.number) : "", Type::kNumber},
                   {"ad_id", ad.ad_id},
                   {"campaign_id", owner(AdOwner::kCampaign)},
                   {"banner_id", owner(AdOwner::kBanner)},
                   {"advertiser_id", owner(AdOwner::kAdvertiser)},
                   {"redirect_url", ad.entry.redirect_url.value_or("")},
                   {"attributes", OthersJson(ad.entry), Type::kJson}});
    return true;
  });
}

Status DumpMeta(Inspector* inspector, RecordWriter* writer) {
  auto meta = inspector->Meta();
  if (!meta.ok()) return meta.status();
  for (const auto& [name, value] : *meta) writer->Write({{"name", name}, {"value", value}});
  return Status::Ok();
}

Status DumpRejected(const DumpOptions& options, const InspectRange& range, RecordWriter* writer) {
  uint64_t damaged = 0;
  Status s = ForEachDeadLetter(
      options.data_dir,
      [&](const DeadLetter& letter) {
        if (letter.time_ns < range.from_ns || letter.time_ns >= range.to_ns) return true;
        if (options.format == "csv") {
          writer->Write({{"time", std::to_string(letter.time_ns)},
                         {"reason", letter.reason},
                         {"detail", letter.detail},
                         {"source", letter.source},
                         {"text", letter.text},
                         {"cut", letter.cut ? "true" : "false", Type::kJson}});
        } else {
          std::string line;
          EncodeDeadLetter(letter, &line);
          writer->WriteLine(line);
        }
        return true;
      },
      &damaged);
  if (damaged > 0)
    std::fprintf(stderr, "tally: passed over %llu damaged records\n",
                 static_cast<unsigned long long>(damaged));
  return s;
}

Status Dump(const DumpOptions& options) {
  if (options.format == "lp" && options.what != "raw" && options.what != "waiting")
    return Status::Invalid("--format lp is for --what raw and --what waiting");
  auto range = RangeOf(options);
  if (!range.ok()) return range.status();
  RecordWriter writer(options.format == "csv" ? RecordFormat::kCsv : RecordFormat::kJsonLines, stdout);
  if (!std::filesystem::is_directory(options.data_dir)) {
    return Status::NotFound("there is no directory " + options.data_dir);
  }
  Status s;
  if (options.what == "rejected") {
    s = DumpRejected(options, *range, &writer);
  } else {
    auto inspector = Inspector::Open(options.data_dir);
    if (!inspector.ok()) return inspector.status();
    if (options.what == "raw") s = DumpRaw(inspector->get(), options, *range, &writer);
    if (options.what == "waiting") s = DumpWaiting(inspector->get(), options, *range, &writer);
    if (options.what == "counters") s = DumpCounters(inspector->get(), options, *range, &writer);
    if (options.what == "filters") s = DumpFilters(inspector->get(), &writer);
    if (options.what == "distinct") s = DumpDistinct(inspector->get(), *range, &writer);
    if (options.what == "ads") s = DumpAds(inspector->get(), options, &writer);
    if (options.what == "identities") s = DumpIdentities(inspector->get(), *range, &writer);
    if (options.what == "meta") s = DumpMeta(inspector->get(), &writer);
  }
  Status written = writer.Flush();
  return s.ok() ? written : s;
}

}  // namespace

void AddDumpCommand(CLI::App* app, int* exit_code) {
  CLI::App* command = app->add_subcommand("dump", "Print what a data directory holds, without a server");
  auto options = std::make_shared<DumpOptions>();
  command->add_option("--data-dir", options->data_dir, "The data directory; a server may be using it")
      ->capture_default_str();
  command
      ->add_option(
          "--what", options->what,
          "raw, waiting (conversions), counters, filters, distinct, ads, identities, rejected or meta")
      ->check(CLI::IsMember(
          {"raw", "waiting", "counters", "filters", "distinct", "ads", "identities", "rejected", "meta"}))
      ->capture_default_str();
  command->add_option("--ad", options->ad, "Only this ad")->check([](const std::string& ad) {
    return ad.empty() ? std::string("an ad's id is not empty") : std::string();
  });
  command->add_option("--from", options->from,
                      "Only from this time on: RFC 3339, epoch milliseconds, now-15m");
  command->add_option("--to", options->to, "Only before this time");
  command->add_option("--step", options->step, "Counters: 1m or 1h only (default: minutes, then hours)")
      ->check(CLI::IsMember({"1m", "1h"}));
  command->add_option("--format", options->format, "jsonl, csv or, for events, lp: line protocol")
      ->check(CLI::IsMember({"jsonl", "csv", "lp"}))
      ->capture_default_str();
  command->footer(
      "Raw records come by hour, counters by (ad_id, bucket, filter_id). Raw records as lp, waiting\n"
      "conversions behind them, give the same counters when they are piped into a new server.\n\n"
      "Examples:\n"
      "  tally dump --data-dir tallymark-data --what counters --ad ad7 --step 1h --format csv\n"
      "  tally dump --data-dir tallymark-data --format lp | nc -N 127.0.0.1 9009");
  command->callback([=] {
    Status s = Dump(*options);
    *exit_code = s.ok() ? 0 : Fail(s);
  });
}

}  // namespace tallymark
