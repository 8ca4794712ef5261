#!/usr/bin/env python3
"""Filters over a real file of clicks, held against a naive count of it.

usage: filters_check.py BIN_DIR CSV

BIN_DIR holds tallyd and tally. The file is imported with device, os and channel as attributes; filters on them are
defined afterwards, while a live stream feeds the server. Every (app, hour) and every top list of each filter must be
exactly what counting the file gives: when the jobs are through, after a SIGKILL in the middle of counting, after
redefinitions, after a restart. Then `tally verify` must find nothing, and `tally dump` print the same counts. Exit 77
when the file is not there.
"""

import collections
import csv
import datetime
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

from live_server import SKIPPED, Server, check, say
from talkingdata_check import HOUR_MS, IMPORT_OPTIONS

LIVE_RATE = 10_000

# Definition and the same in Python; rows are dicts by column.
FILTERS = {
    1: ({"device": "1"}, lambda row: row["device"] == "1"),
    2: ({"os": ["13", "19"], "channel": "!280"}, lambda row: row["os"] in ("13", "19") and row["channel"] != "280"),
    3: ({"ip_number": "87*"}, lambda row: row["ip"].startswith("87")),
    4: ({"device": 1, "kind": "click", "os": "!1*"}, lambda row: row["device"] == "1" and row["os"][0] != "1"),
    5: ({"channel": ["28*", 107], "ad_id": "*"}, lambda row: row["channel"].startswith("28") or row["channel"] == "107"),
    6: ({"kind": "conversion"}, lambda row: False),
    7: ({"nowhere": "!x"}, lambda row: False),
}


class NaiveCount:
    """The distinct rows of the file, by hand."""

    def __init__(self, path):
        with open(path, newline="", encoding="utf-8") as file:
            reader = csv.reader(file)
            header = next(reader)
            self.rows = [dict(zip(header, row)) for row in sorted(set(map(tuple, reader)))]
        for row in self.rows:
            moment = datetime.datetime.strptime(row["click_time"], "%Y-%m-%d %H:%M:%S")
            row["hour"] = int(moment.replace(tzinfo=datetime.timezone.utc).timestamp()) // 3600
        self.begin = min(row["hour"] for row in self.rows)
        self.end = max(row["hour"] for row in self.rows) + 1
        self.apps = sorted({row["app"] for row in self.rows})

    def counts(self, matches):
        """(app, hour) -> clicks of the rows that match."""
        return collections.Counter((row["app"], row["hour"]) for row in self.rows if matches(row))


def put(server, number, definition, expected):
    status, body = server.request("PUT", f"/v1/filters/{number}", json.dumps(dict(definition, filter_id=number)))
    check(status == expected, f"PUT filter {number}: {status} {body[:300]!r}")
    return json.loads(body)


def wait_until_ready(server, numbers):
    waited = 0
    for number in numbers:
        while True:
            answer = server.get(f"/v1/ads/x/aggregated_cnt?from=0&filter={number}")
            if answer["ready"]:
                break
            check(0 <= answer["progress"] <= 1, f"filter {number} is at {answer['progress']}")
            waited += 1
            time.sleep(0.01)
    jobs = {job["id"]: job for job in server.get("/v1/jobs")["jobs"] if job["kind"] == "filter"}
    check(all(job["state"] in ("done", "running") for job in jobs.values()), f"jobs: {jobs}")
    return waited


def check_filter(server, naive, number, matches):
    counts = naive.counts(matches)
    span = f"from={naive.begin * HOUR_MS}&to={naive.end * HOUR_MS}&filter={number}"
    for app in naive.apps:
        answer = server.get(f"/v1/ads/{app}/series?{span}&step=1h&metrics=clicks")
        for point in answer["points"]:
            expected = counts[(app, point["t"] // HOUR_MS)]
            check(point["clicks"] == expected,
                  f"filter {number}, app {app} at {point['t']}: {point['clicks']}, counted {expected}")
    totals = collections.Counter()
    for (app, hour), clicks in counts.items():
        if hour >= naive.end - 24 * 7:
            totals[app] += clicks
    ranked = sorted((-clicks, app.encode()) for app, clicks in totals.items())
    answer = server.get(f"/v1/ads/popular_ads?count=10000&window=168h&to={naive.end * HOUR_MS}&filter={number}")
    check(list(zip(answer["ad_ids"], answer["counts"])) == [(app.decode(), -clicks) for clicks, app in ranked],
          f"filter {number}: top list {answer['ad_ids'][:5]} {answer['counts'][:5]}, counted {ranked[:5]}")
    return sum(counts.values())


def check_filters(server, naive, filters):
    sums = {number: check_filter(server, naive, number, matches) for number, (_, matches) in filters.items()}
    say(f"every (app, hour) and top list agrees: {sums}")


def import_file(bin_dir, server, path):
    run = subprocess.run([os.path.join(bin_dir, "tally"), "import", path, *IMPORT_OPTIONS, "--http", server.http],
                         capture_output=True, text=True)
    check(run.returncode == 0, f"import exited with {run.returncode}: {run.stderr}")


def start_live(bin_dir, server):
    return subprocess.Popen([os.path.join(bin_dir, "tally"), "gen", "--live", "--rate", str(LIVE_RATE), "--seed",
                             str(random.getrandbits(30)), "--to", server.ingest],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def stop_live(live):
    live.send_signal(signal.SIGINT)
    live.wait(timeout=120)


def check_tools(bin_dir, naive, data_dir, filters):
    run = subprocess.run([os.path.join(bin_dir, "tally"), "verify", "--data-dir", data_dir], capture_output=True, text=True)
    check(run.returncode == 0, f"verify: {run.stdout[-2000:]} {run.stderr[-500:]}")
    dump = subprocess.run([os.path.join(bin_dir, "tally"), "dump", "--data-dir", data_dir, "--what", "counters", "--step",
                           "1h", "--to", str(naive.end * HOUR_MS)], capture_output=True, text=True, check=True)
    found = collections.defaultdict(collections.Counter)
    for line in dump.stdout.splitlines():
        row = json.loads(line)
        if row["filter_id"] in filters:
            found[row["filter_id"]][(row["ad_id"], row["bucket"] // HOUR_MS)] += row["clicks"]
    for number, (_, matches) in filters.items():
        check(found[number] == naive.counts(matches), f"dump: filter {number} differs")
    names = subprocess.run([os.path.join(bin_dir, "tally"), "dump", "--data-dir", data_dir, "--what", "filters"],
                           capture_output=True, text=True, check=True).stdout
    check({json.loads(line)["filter_id"] for line in names.splitlines()} == set(filters), f"dump of filters: {names}")
    say("verify and dump agree")


def run_check(bin_dir, path, naive, data_dir, servers):
    servers.append(Server(bin_dir, data_dir))
    server = servers[-1]
    import_file(bin_dir, server, path)
    live = start_live(bin_dir, server)
    time.sleep(1)
    for number, (definition, _) in FILTERS.items():
        put(server, number, definition, 201)
    say(f"{len(FILTERS)} filters defined; not ready at first: {wait_until_ready(server, FILTERS)} times")
    check_filters(server, naive, FILTERS)

    say("redefinitions, and SIGKILL in the middle of them")
    moved = {number: FILTERS[(number % len(FILTERS)) + 1] for number in FILTERS}
    for number, (definition, _) in moved.items():
        put(server, number, definition, 200)
    time.sleep(random.random() * 0.05)
    server.kill()
    live.wait(timeout=120)
    servers.append(Server(bin_dir, data_dir))
    server = servers[-1]
    live = start_live(bin_dir, server)
    wait_until_ready(server, moved)
    check_filters(server, naive, moved)

    say("restart")
    stop_live(live)
    server.stop()
    servers.append(Server(bin_dir, data_dir))
    check_filters(servers[-1], naive, moved)
    servers[-1].stop()
    check_tools(bin_dir, naive, data_dir, moved)


def main():
    bin_dir, path = sys.argv[1], sys.argv[2]
    if not os.path.exists(path):
        print(f"SKIPPED: {path} is not there")
        return SKIPPED
    seed = int(os.environ.get("TALLYMARK_SEED", random.SystemRandom().getrandbits(32)))
    random.seed(seed)
    say(f"seed {seed}")
    naive = NaiveCount(path)
    say(f"{len(naive.rows)} distinct rows, {len(naive.apps)} apps, {naive.end - naive.begin} hours")
    servers = []
    with tempfile.TemporaryDirectory(prefix="tallymark-filters-") as directory:
        try:
            run_check(bin_dir, path, naive, os.path.join(directory, "data"), servers)
        except AssertionError as error:
            print(f"WRONG: {error}", flush=True)
            return 1
        finally:
            for server in servers:
                server.kill()
    say("everything agrees")
    return 0


if __name__ == "__main__":
    sys.exit(main())
