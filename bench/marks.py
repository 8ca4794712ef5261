#!/usr/bin/env python3
"""Every mark in one table: runs ingest_e2e with the workload that each row asks for.

    bench/marks.py --bin-dir build/release/bin [--events 100000000] [--runs 3] [--json FILE]
    bench/marks.py --quick               # small, as CI does it: shows that it works, not how fast it is
    bench/marks.py --only hour,trickle   # some of the workloads
    bench/marks.py --scaling             # cost as events and ads grow, instead of the marks

A mark is for the full size; a table made with fewer events says so in its title. Counts are checked by the
programs this one starts, and a wrong count ends it.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from live_server import Server, check  # noqa: E402

# What is measured, where, the mark, and whether more is better.
ROWS = (
    ("ingest over TCP, 1M ads, one hour of event time, drained, M events/s", "hour", "drained_million_per_s", 1.5, True),
    ("the same until the last `synced`, M events/s", "hour", "synced_million_per_s", None, True),
    ("the same over 24 hours (a backlog), drained, M events/s", "backlog", "drained_million_per_s", 1.0, True),
    ("the same with 10M ads, drained, M events/s", "ads", "drained_million_per_s", 0.8, True),
    ("server CPU per million events, s", "hour", "cpu_s_per_million", 1.0, False),
    ("one more filter that matches every event: CPU per million, s", "filter", "cpu_s_per_million", None, False),
    ("disk at rest per event, B", "hour", "at_rest_bytes_per_event", 50, False),
    ("disk at rest fed at 10,000/s and repacked, B", "trickle", "at_rest_bytes_per_event", 55, False),
    ("disk written per event, B", "hour", "written_bytes_per_event", 90, False),
    ("ack at 50,000/s over 100 connections, p50, ms", "hour", "ack_p50_ms", 5, False),
    ("the same, p99, ms", "hour", "ack_p99_ms", 25, False),
    ("how late the sender itself was, p99, ms", "hour", "sender_late_p99_ms", None, False),
    ("event sent to counted in an answer, at 50,000/s, p99, ms", "hour", "counted_p99_ms", 50, False),
    ("one event on an idle server, sent to `synced`, p50, ms", "hour", "single_p50_ms", 3, False),
    ("aggregated_cnt, idle, p50, ms", "hour", "aggregated_cnt_idle_p50_ms", 0.2, False),
    ("aggregated_cnt, idle, p99, ms", "hour", "aggregated_cnt_idle_p99_ms", 1, False),
    ("aggregated_cnt while ingest runs flat out, p99, ms", "hour", "aggregated_cnt_busy_p99_ms", 15, False),
    ("aggregated_cnt with wrk, requests/s", "hour", "aggregated_cnt_requests_per_s", 30000, True),
    ("series of 30 days by hour, p99, ms", "hour", "series_month_p99_ms", 3, False),
    ("popular_ads 100 over 60 minutes, 1M ads, p50, ms", "hour", "popular_ads_hour_p50_ms", 3, False),
    ("popular_ads 100 over 60 minutes, 10M ads alike, p50, ms", "ads", "popular_ads_hour_p50_ms", 30, False),
    ("popular_ads 100 over 97 minutes, p99, ms", "hour", "popular_ads_97_minutes_p99_ms", 1500, False),
    ("popular_ads 100 over 24 hours, p99, ms", "backlog", "popular_ads_1440_minutes_p99_ms", 1500, False),
    ("popular_ads 100 over 7 days, p99, ms", "backlog", "popular_ads_10080_minutes_p99_ms", 1500, False),
    ("ready after SIGKILL, cold cache, s", "hour", "restart_s", 25, False),
    ("peak memory, 1M ads, MiB", "hour", "peak_rss_mib", None, False),
    ("peak memory, 10M ads, MiB", "ads", "peak_rss_mib", 6144, False),
)
# Options of ingest_e2e; trickle is a program of its own below.
WORKLOADS = {
    "hour": ("--modes", "queries,busy,steady,single,restart"),
    "backlog": ("--span", "86400", "--modes", "queries"),
    "ads": ("--ads", "10000000", "--zipf", "0.6", "--modes", "queries"),
    "filter": ("--filters", "1", "--modes", "none"),
}
SCALING_EVENTS = (1_000_000, 10_000_000, 100_000_000)
SCALING_ADS = (10_000, 1_000_000, 10_000_000)
TRICKLE_RATE = 10_000
REPACK_QUIET_S = 5


def say(text):
    print(text, file=sys.stderr, flush=True)


def run_e2e(options, *arguments):
    with tempfile.TemporaryDirectory(prefix="tallymark-marks-", dir=options.folder) as folder:
        result = pathlib.Path(folder) / "result.json"
        command = [options.bin_dir / "ingest_e2e", *arguments, "--runs", str(options.runs), "--json", result,
                   "--data-dir", folder]
        subprocess.run([*map(str, command), *(["--quick"] if options.quick else [])], check=True,
                       stdout=subprocess.DEVNULL)
        return json.loads(result.read_text())


def repacked_blocks(server):
    status, metrics = server.request("GET", "/metrics")
    check(status == 200, f"GET /metrics: {status}")
    return float(metrics.decode().split("\ntallymark_repacked_blocks_total ", 1)[1].split("\n", 1)[0])


def wait_until_repacked(server):
    """Returns once blocks have been repacked and no more come for a while."""
    before, since = 0, time.monotonic()
    while not before or time.monotonic() - since < 3 * REPACK_QUIET_S:
        check(before or time.monotonic() - since < 120, "nothing was repacked within two minutes")
        time.sleep(1)
        if (now := repacked_blocks(server)) != before:
            before, since = now, time.monotonic()


def feed_slowly(options, folder):
    """10,000 events a second, then a clean stop, which seals identities (a running server does it every ten
    minutes): repacking waits for that. A second start repacks."""
    seconds = 5 if options.quick else options.trickle_s
    data = pathlib.Path(folder) / "data"
    server = Server(options.bin_dir, data, ["--repack-quiet", f"{REPACK_QUIET_S}s"])
    try:
        subprocess.run([options.bin_dir / "tally", "gen", "--live", "--rate", str(TRICKLE_RATE), "--events",
                        str(seconds * TRICKLE_RATE), "--ads", "1000000", "--seed", "1", "--to", server.ingest],
                       check=True, stdout=subprocess.DEVNULL)
        stored = server.get("/v1/status")["events"]["accepted"]
        check(stored >= 0.9 * seconds * TRICKLE_RATE, f"only {stored} events of the slow stream were accepted")
        server.stop()
        server.start()
        wait_until_repacked(server)
        server.stop()
    finally:
        server.kill()
    used = sum(path.stat().st_blocks * 512 for path in data.rglob("*") if path.is_file())
    return {"at_rest_bytes_per_event": used / stored, "events": stored}


def run_trickle(options):
    with tempfile.TemporaryDirectory(prefix="tallymark-marks-", dir=options.folder) as folder:
        runs = [feed_slowly(options, tempfile.mkdtemp(dir=folder)) for _ in range(options.runs)]
    return {"title": f"{runs[0]['events']} events at {TRICKLE_RATE}/s", "runs": runs,
            "median": {"at_rest_bytes_per_event": statistics.median(r["at_rest_bytes_per_event"] for r in runs)},
            "ratio": {}, "calibration": {}}


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def calibration_text(c):
    return (f"memcpy {c['memcpy_bytes_per_s'] / 1e9:.1f} GB/s, LZ4 {c['lz4_bytes_per_s'] / 1e6:.0f} MB/s,"
            f" SHA-256 {c['sha256_bytes_per_s'] / 1e6:.0f} MB/s, fdatasync {c['fdatasync_s'] * 1e3:.2f} ms,"
            f" sequential write {c['write_bytes_per_s'] / 1e6:.0f} MB/s")


def show_marks(results):
    print("| what | value | mark | met | ratio to the machine |\n|---|---:|---:|---|---:|")
    for label, workload, key, mark, more in ROWS:
        value = results.get(workload, {}).get("median", {}).get(key)
        if value is None:
            continue
        met = "" if mark is None else "yes" if (value >= mark if more else value <= mark) else "no"
        ratio = results[workload]["ratio"].get(key)
        print(f"| {label} | {number(value)} | {'' if mark is None else number(mark)} | {met} |"
              f" {'' if ratio is None else number(ratio)} |")
    print()
    for workload, result in results.items():
        print(f"- {workload}: {result['title']}"
              + (f"; {calibration_text(result['calibration'])}" if result["calibration"] else ""))


def measure_marks(options):
    results = {}
    for workload in options.only:
        say(f"== {workload}")
        results[workload] = run_trickle(options) if workload == "trickle" else run_e2e(
            options, "--events", str(options.events), *WORKLOADS[workload])
    show_marks(results)
    return results


def measure_scaling(options):
    results = {}
    print("| lines | ads | M lines/s, drained | CPU s per million | written B | at rest B | peak MiB |\n"
          "|---:|---:|---:|---:|---:|---:|---:|")
    for events in SCALING_EVENTS:
        for ads in SCALING_ADS:
            if events > options.events:
                continue
            result = run_e2e(options, "--events", str(events), "--ads", str(ads), "--modes", "none")
            m = result["median"]
            print(f"| {events:,} | {ads:,} | {m['drained_million_per_s']:.2f} | {m['cpu_s_per_million']:.2f} |"
                  f" {m['written_bytes_per_event']:.1f} | {m['at_rest_bytes_per_event']:.1f} |"
                  f" {m['peak_rss_mib']:,.0f} |", flush=True)
            results[f"{events}/{ads}"] = result
    return results


def main():
    every = [*WORKLOADS, "trickle"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin-dir", type=pathlib.Path, default=pathlib.Path("build/release/bin"))
    parser.add_argument("--events", type=int, default=100_000_000, help="lines of each workload")
    parser.add_argument("--runs", type=int, default=3, help="medians of this many")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default=",".join(every), help=f"of {','.join(every)}")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--trickle-s", type=int, default=600, help="seconds of the slow stream")
    parser.add_argument("--folder", type=pathlib.Path,
                        help="where the data goes, made when it is missing; the system's temporary folder by default")
    parser.add_argument("--json", type=pathlib.Path, help="write all figures there too")
    options = parser.parse_args()
    options.bin_dir = options.bin_dir.resolve()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(every):
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    if options.folder:
        options.folder.mkdir(parents=True, exist_ok=True)
    if options.quick:
        options.runs = 1
    try:
        results = measure_scaling(options) if options.scaling else measure_marks(options)
    except subprocess.CalledProcessError as failed:
        say(f"marks: {os.path.basename(failed.cmd[0])} ended with {failed.returncode}")
        return 1
    except AssertionError as wrong:
        say(f"marks: {wrong}")
        return 1
    if options.json:
        options.json.write_text(json.dumps(results) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
