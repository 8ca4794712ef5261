#!/usr/bin/env python3
"""Imports a real file of clicks and holds every answer against a naive count of it.

usage: talkingdata_check.py BIN_DIR CSV

BIN_DIR holds tallyd and tally. Every (app, minute), every (app, hour) and the top lists of windows of
1, 60 and 1440 minutes ending with any minute must be exactly what counting the file gives: after the
import, after importing it again, after a restart, and when a live stream feeds the server meanwhile.
Exit 77 when the file is not there.
"""

import collections
import csv
import datetime
import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from live_server import SKIPPED, Server, check, say

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
IMPORT_OPTIONS = ["--map", "ad_id:app,time:click_time,ip_number:ip", "--kind", "click"]
WINDOWS = (1, 60, 1440)
LIVE_RATE = 20_000


class NaiveCount:
    """The file, counted by hand: equal rows are one event."""

    def __init__(self, path):
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
        header, rows = rows[0], rows[1:]
        app, click_time = header.index("app"), header.index("click_time")
        self.rows = len(rows)
        distinct = set(map(tuple, rows))
        self.distinct = len(distinct)
        self.minutes = collections.defaultdict(collections.Counter)  # minute -> app -> clicks
        for row in distinct:
            moment = datetime.datetime.strptime(row[click_time], "%Y-%m-%d %H:%M:%S")
            epoch = moment.replace(tzinfo=datetime.timezone.utc).timestamp()
            self.minutes[int(epoch) // 60][row[app]] += 1
        # Whole hours around the file, so that minutes and hours have the same range.
        self.begin = min(self.minutes) // 60 * 60
        self.end = (max(self.minutes) // 60 + 1) * 60
        self.apps = sorted({app for counter in self.minutes.values() for app in counter})

    def series(self, app, step):
        sums = [0] * ((self.end - self.begin) // step)
        for minute, counter in self.minutes.items():
            sums[(minute - self.begin) // step] += counter[app]
        return sums

    def tops(self, window):
        """(end minute, ad ids, counts) of every window with its end in the file's range."""
        sums = collections.Counter()
        for end in range(self.begin + 1, self.end + 1):
            sums.update(self.minutes.get(end - 1, {}))
            sums.subtract(self.minutes.get(end - 1 - window, {}))
            ranked = sorted(((-count, app.encode()) for app, count in sums.items() if count > 0))
            yield end, [app.decode() for _, app in ranked], [-count for count, _ in ranked]


def import_file(bin_dir, server, path, expected):
    run = subprocess.run([os.path.join(bin_dir, "tally"), "import", path, *IMPORT_OPTIONS, "--http", server.http],
                         capture_output=True, text=True)
    check(run.returncode == 0, f"import exited with {run.returncode}: {run.stderr}")
    report = json.loads(run.stdout.splitlines()[-1])
    found = {name: report[name] for name in ("rows", "accepted", "duplicates", "rejected")}
    check(found == expected, f"import reported {found}, not {expected}")
    say(f"import: {found}")


def check_series(server, naive):
    for step in (1, 60):
        cells = 0
        for app in naive.apps:
            answer = server.get(f"/v1/ads/{app}/series?from={naive.begin * MINUTE_MS}&to={naive.end * MINUTE_MS}"
                                f"&step={step}m&metrics=clicks")
            times = [point["t"] for point in answer["points"]]
            check(times == list(range(naive.begin * MINUTE_MS, naive.end * MINUTE_MS, step * MINUTE_MS)),
                  f"app {app}, step {step}m: the times of the points are wrong")
            counts, expected = [point["clicks"] for point in answer["points"]], naive.series(app, step)
            for point, count, right in zip(times, counts, expected):
                check(count == right, f"app {app} at {point}, step {step}m: {count}, counted {right}")
            cells += sum(1 for count in counts if count)
        say(f"every (app, {'minute' if step == 1 else 'hour'}) agrees: {len(naive.apps)} apps, {cells} cells with clicks")


def check_tops(server, naive):
    for window in WINDOWS:
        lists = 0
        for end, ads, counts in naive.tops(window):
            answer = server.get(f"/v1/ads/popular_ads?count=1000&window={window}&to={end * MINUTE_MS}")
            check((answer["ad_ids"], answer["counts"]) == (ads, counts),
                  f"top of {window} minutes to {end * MINUTE_MS}: {answer['ad_ids'][:5]} {answer['counts'][:5]}, "
                  f"counted {ads[:5]} {counts[:5]}")
            lists += 1
        say(f"every top list of {window} minutes agrees: {lists} lists")


def check_all(server, naive):
    check_series(server, naive)
    check_tops(server, naive)


def check_quiet(bin_dir, path, naive, data_dir, servers):
    say("import into an empty server")
    duplicates = naive.rows - naive.distinct
    servers.append(Server(bin_dir, data_dir))
    import_file(bin_dir, servers[-1], path,
                {"rows": naive.rows, "accepted": naive.distinct, "duplicates": duplicates, "rejected": 0})
    check_all(servers[-1], naive)
    all_duplicates = {"rows": naive.rows, "accepted": 0, "duplicates": naive.rows, "rejected": 0}
    say("import again: all duplicates")
    import_file(bin_dir, servers[-1], path, all_duplicates)
    check_series(servers[-1], naive)
    say("restart, and import again")
    servers[-1].stop()
    servers.append(Server(bin_dir, data_dir))
    check_all(servers[-1], naive)
    import_file(bin_dir, servers[-1], path, all_duplicates)
    check_series(servers[-1], naive)
    servers[-1].stop()


def check_live(bin_dir, path, naive, data_dir, servers):
    say(f"import beside a live stream of {LIVE_RATE} events a second")
    servers.append(Server(bin_dir, data_dir))
    live = subprocess.Popen([os.path.join(bin_dir, "tally"), "gen", "--live", "--rate", str(LIVE_RATE), "--to",
                             servers[-1].ingest], stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(1)
        import_file(bin_dir, servers[-1], path, {"rows": naive.rows, "accepted": naive.distinct,
                                                 "duplicates": naive.rows - naive.distinct, "rejected": 0})
        check_all(servers[-1], naive)
    finally:
        live.send_signal(signal.SIGINT)
        out, _ = live.communicate(timeout=120)
    check(live.returncode == 0, f"the live stream exited with {live.returncode}")
    report = json.loads(out.splitlines()[-1])
    say(f"live stream: {report}")
    check(report["accepted"] > 0 and report["rejected"] == 0 and
          report["sent"] == report["accepted"] + report["duplicates"], "the live stream's counts do not add up")
    check_series(servers[-1], naive)
    servers[-1].stop()


def main():
    bin_dir, path = sys.argv[1], sys.argv[2]
    if not os.path.exists(path):
        print(f"SKIPPED: {path} is not there")
        return SKIPPED
    naive = NaiveCount(path)
    say(f"{naive.rows} rows, {naive.distinct} distinct, {len(naive.apps)} apps")
    servers = []
    with tempfile.TemporaryDirectory(prefix="tallymark-check-") as directory:
        try:
            check_quiet(bin_dir, path, naive, os.path.join(directory, "quiet"), servers)
            check_live(bin_dir, path, naive, os.path.join(directory, "live"), servers)
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
