#!/usr/bin/env python3
"""Questions about campaigns and filters, timed beside imports, and their answers checked.

    bench/campaigns.py --bin-dir build/release/bin [--clicks 200000] [--ads 1000000] [--runs 3] [--quick] [--json FILE]

1. Clicks and conversions of 50 campaigns with 8 banners each are imported. While more of them are imported, wrk asks
   top_banners of random campaigns over 4 connections; then every campaign's list is held against the tables.
2. A campaign of 10,000 ads: metrics and top_banners, one request after another.
3. Clicks and impressions of --ads ads over seven days, half of them in the last hour, and a filter that half of them
   match: popular_ads with that filter over the hour and the week, and over the week by impressions and by all clicks,
   each held against a naive list.

Requests a second are medians of --runs, times the median and the worst of 50 requests on one kept connection. Without
wrk the first part says so and is left out.
"""
import argparse
import collections
import csv
import heapq
import json
import pathlib
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from import_check import finish, tally_import  # noqa: E402
from live_server import Server, check, say  # noqa: E402

CAMPAIGNS = 50
BANNERS = 8  # of a campaign
CLICKS_A_CONVERSION = 10
WEEK_S = 7 * 86_400
BEGIN_S = 1_609_459_200
RANGE = f"from={BEGIN_S * 1000}&to={(BEGIN_S + 3600) * 1000}"
WRK_SECONDS = 6
QUICK = {"clicks": 20_000, "ads": 20_000, "runs": 1, "wrk_seconds": 1}
ASKED = 50  # requests of a kind whose times are sorted
WRK_SCRIPT = """
request = function()
  return wrk.format("GET", string.format("/v1/campaigns/c%d/top_banners?{range}", math.random(0, {last})))
end
"""


class Tables:
    """Clicks, a conversion for every tenth of them, and what a naive program makes of both."""

    def __init__(self, folder):
        self.folder = folder
        self.rng = random.Random(1)
        self.revenue = collections.Counter()  # (campaign, banner) -> millionths
        self.clicks = collections.Counter()

    def write(self, tag, clicks):
        paths = [self.folder / f"{tag}-{kind}.csv" for kind in ("clicks", "conversions")]
        with open(paths[0], "w", newline="", encoding="utf-8") as first, \
                open(paths[1], "w", newline="", encoding="utf-8") as second:
            clicked, converted = csv.writer(first), csv.writer(second)
            clicked.writerow(["click_id", "campaign_id", "banner_id", "at"])
            converted.writerow(["conversion_id", "click_id", "revenue", "at"])
            for i in range(clicks):
                campaign, banner = self.rng.randrange(CAMPAIGNS), self.rng.randrange(BANNERS)
                at = BEGIN_S + self.rng.randrange(3600)
                clicked.writerow([f"{tag}:{i}", f"c{campaign}", f"{campaign * BANNERS + banner}", at])
                self.clicks[campaign, banner] += 1
                if i % CLICKS_A_CONVERSION == 0:
                    micros = self.rng.randrange(1, 2_000_000)
                    converted.writerow([f"{tag}:{i}", f"{tag}:{i}", f"{micros / 1e6:.6f}", at])
                    self.revenue[campaign, banner] += micros
        return paths

    def top(self, campaign):
        """Of 5 to 9 banners with conversions: all, most revenue first."""
        rows = [(-self.revenue[campaign, b], -self.clicks[campaign, b], campaign * BANNERS + b) for b in range(BANNERS)]
        return [(str(b), -clicks, -micros) for micros, clicks, b in sorted(rows)]


def start_import(server, path, kind):
    fields = "event_id:click_id,ad_id={campaign_id}:{banner_id},campaign_id:campaign_id,banner_id:banner_id,time:at"
    if kind == "conversion":
        fields = "event_id:conversion_id,click_id:click_id,revenue:revenue,time:at"
    return tally_import(server, path, ["--kind", kind, "--name", path.name, "--map", fields], wait=False)


def finish_import(process, rows):
    code, report, err = finish(process)
    check(code == 0 and report["accepted"] == rows, f"the import of {rows} rows: {report} {err}")


def micros_of(text):
    whole, _, part = text.partition(".")
    return int(whole) * 1_000_000 + int(part.ljust(6, "0"))


def check_tops(server, tables):
    for campaign in range(CAMPAIGNS):
        answer = server.get(f"/v1/campaigns/c{campaign}/top_banners?{RANGE}")
        found = [(b["banner_id"], b["clicks"], micros_of(b["revenue"])) for b in answer["banners"]]
        check(found == tables.top(campaign), f"top_banners of c{campaign}: {found}, naive {tables.top(campaign)}")


def wrk_top_banners(server, folder, seconds):
    script = folder / "top_banners.lua"
    script.write_text(WRK_SCRIPT.replace("{range}", RANGE).replace("{last}", str(CAMPAIGNS - 1)), encoding="ascii")
    out = subprocess.run(["wrk", "-t1", "-c4", f"-d{seconds}s", "--latency", "-s", script, f"http://{server.http}"],
                         check=True, capture_output=True, text=True).stdout
    check("Non-2xx" not in out and "Socket errors" not in out, f"wrk met errors:\n{out}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])


def measure_top_banners(options, folder):
    if shutil.which("wrk") is None:
        say("SKIPPED top_banners under load: wrk is not installed")
        return {}
    tables = Tables(folder)
    server = Server(options.bin_dir, folder / "data")
    clicks, conversions = tables.write("base", options.clicks)
    finish_import(start_import(server, clicks, "click"), options.clicks)
    finish_import(start_import(server, conversions, "conversion"), options.clicks // CLICKS_A_CONVERSION)
    rates = []
    for run in range(options.runs):
        idle = wrk_top_banners(server, folder, options.wrk_seconds)
        rows = options.clicks * 20
        clicks, conversions = tables.write(f"run{run}", rows)
        importing = start_import(server, clicks, "click")
        busy = wrk_top_banners(server, folder, options.wrk_seconds)
        check(importing.poll() is None, "the import ended before wrk did: more --clicks")
        finish_import(importing, rows)
        finish_import(start_import(server, conversions, "conversion"), rows // CLICKS_A_CONVERSION)
        rates.append((idle, busy))
        say(f"top_banners a second: {idle:,.0f} alone, {busy:,.0f} beside an import")
    check_tops(server, tables)
    server.stop()
    return {"top_banners_per_s": statistics.median(r[0] for r in rates),
            "top_banners_per_s_beside_imports": statistics.median(r[1] for r in rates)}


def times_ms(server, target):
    times = []
    for _ in range(ASKED):
        begin = time.perf_counter()
        answer = server.get(target)
        times.append((time.perf_counter() - begin) * 1000)
    times.sort()
    return answer, statistics.median(times), times[-1]


def feed(server, path):
    host, port = server.ingest.rsplit(":", 1)
    with socket.create_connection((host, int(port))) as to, open(path, "rb") as lines:
        to.sendfile(lines)
        to.sendall(b"#sync end\n")
        answer = to.makefile("rb").readline()
    check(answer.startswith(b"synced end "), f"the server said {answer!r}")


def measure_large_campaign(options, folder):
    server = Server(options.bin_dir, folder / "large")
    with open(folder / "large.lp", "w", encoding="ascii") as out:
        for i in range(100_000):
            out.write(f'click,ad_id=big:{i % 10_000},campaign_id=big,banner_id={i % 1_000} '
                      f'event_id="{i}",user_id="u{i % 5_000}" {(BEGIN_S + i % 3600) * 10**9}\n')
    feed(server, folder / "large.lp")
    metrics, *metrics_ms = times_ms(server, f"/v1/campaigns/big/metrics?{RANGE}&step=1h")
    point = metrics["points"][0]
    check((point["clicks"], point["unique_users"], point["unique_users_exact"]) == (100_000, 5_000, True),
          f"metrics of the large campaign: {point}")
    top, *top_ms = times_ms(server, f"/v1/campaigns/big/top_banners?{RANGE}")
    found = [(banner["banner_id"], banner["clicks"]) for banner in top["banners"]]
    check(found == [(str(i), 100) for i in range(5)], f"top_banners of the large campaign: {found}")
    server.stop()
    return report("large_campaign_metrics", "metrics of a campaign of 10,000 ads", metrics_ms) | \
        report("large_campaign_top_banners", "top_banners of a campaign of 10,000 ads", top_ms)


def report(key, name, times):
    say(f"{name}: median {times[0]:.1f} ms, worst {times[1]:.1f}")
    return {f"{key}_ms": times[0], f"{key}_worst_ms": times[1]}


def write_week(path, ads):
    """Three events an ad, the first ads more often than the last. Naive counts by question, then by ad."""
    rng = random.Random(2)
    naive = {question: [0] * ads for question in ("hour", "week", "week_impressions", "week_clicks")}
    with open(path, "w", encoding="ascii") as out:
        for i in range(ads * 3):
            ad = int(ads * rng.random() ** 2)
            impression, matches, in_hour = rng.random() < 0.25, rng.random() < 0.5, rng.random() < 0.5
            second = BEGIN_S + (WEEK_S - 3600 + rng.randrange(3600) if in_hour else rng.randrange(WEEK_S - 3600))
            out.write(f'{"impression" if impression else "click"},ad_id=a{ad},country={"DE" if matches else "BR"} '
                      f'event_id="{i}" {second * 10**9}\n')
            if impression:
                naive["week_impressions"][ad] += 1
                continue
            naive["week_clicks"][ad] += 1
            if matches:
                naive["week"][ad] += 1
                naive["hour"][ad] += in_hour
    return naive


def naive_top(counts):
    """The hundred with most, ties to the smaller id bytewise."""
    return heapq.nsmallest(100, ((-count, f"a{ad}") for ad, count in enumerate(counts) if count))


def measure_filtered(options, folder):
    server = Server(options.bin_dir, folder / "filtered")
    status, body = server.request("PUT", "/v1/filters/7", json.dumps({"country": ["DE", "US"]}))
    check(status == 201, f"defining a filter: {status} {body!r}")
    naive = write_week(folder / "filtered.lp", options.ads)
    feed(server, folder / "filtered.lp")
    figures = {}
    for name, query in (("hour", "window=60&filter=7"), ("week", "window=10080&filter=7"),
                        ("week_impressions", "window=10080&metric=impressions"), ("week_clicks", "window=10080")):
        answer, *times = times_ms(server, f"/v1/ads/popular_ads?count=100&{query}&to={(BEGIN_S + WEEK_S) * 1000}")
        check(answer.get("ready", True), f"the filter is not ready: {answer}")
        found = [(-count, ad) for ad, count in zip(answer["ad_ids"], answer["counts"])]
        check(found == naive_top(naive[name]), f"popular_ads, {name}: {found[:5]}, naive {naive_top(naive[name])[:5]}")
        figures |= report(f"popular_{name}", f"popular_ads, {name}, {options.ads:,} ads", times)
    server.stop()
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin-dir", required=True, type=pathlib.Path)
    parser.add_argument("--clicks", type=int, default=200_000, help="of the first import; later ones have twenty times as many")
    parser.add_argument("--ads", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--wrk-seconds", type=int, default=WRK_SECONDS, help="of each run of wrk")
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it works")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    if options.quick:
        vars(options).update(QUICK)
    with tempfile.TemporaryDirectory(prefix="tallymark-campaigns-") as name:
        folder = pathlib.Path(name)
        figures = measure_top_banners(options, folder) | measure_large_campaign(options, folder) | \
            measure_filtered(options, folder)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
