#!/usr/bin/env python3
"""A stream goes through a server, and the tool reads back offline exactly what was sent.

usage: round_trip_check.py BIN_DIR

`tally gen --to` counts as the server counts; the counters `tally dump` prints are what a naive count of
the generated lines gives; `tally verify` agrees; raw records as line protocol, sent to a new server,
make the same counters; rejected lines are in the dead letters.
"""

import collections
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

GEN = ["--events", "60000", "--ads", "300", "--span", "3h", "--duplicates", "0.1", "--bad-lines", "0.02",
       "--impressions", "0.4", "--conversions", "0.1", "--late", "0.1", "--seed", "11"]
LINE = re.compile(r"(click|impression|conversion),ad_id=(\w+),.*? (\d+)$")
METRICS = {"click": "clicks", "impression": "impressions", "conversion": "conversions"}


def check(condition, text):
    if not condition:
        raise AssertionError(text)


class Tool:
    def __init__(self, bin_dir):
        self.bin_dir = bin_dir

    def run(self, *arguments):
        run = subprocess.run([os.path.join(self.bin_dir, "tally"), *arguments], capture_output=True, text=True)
        check(run.returncode == 0, f"tally {' '.join(arguments)}: exit code {run.returncode}, {run.stderr}")
        return run.stdout

    def lines(self, *arguments):
        return [json.loads(line) for line in self.run(*arguments).splitlines()]


class Server:
    def __init__(self, bin_dir, data_dir):
        self.process = subprocess.Popen(
            [os.path.join(bin_dir, "tallyd"), "--data-dir", data_dir, "--ingest-listen", "127.0.0.1:0",
             "--http-listen", "127.0.0.1:0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.ingest = re.search(r" ingest=(\S+)", self.process.stdout.readline()).group(1)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.process.send_signal(signal.SIGTERM if kind is None else signal.SIGKILL)
        code = self.process.wait(timeout=300)
        check(kind is not None or code == 0, f"tallyd exited with {code}")


def naive_count(lines):
    """(ad, minute) -> metric -> amount over distinct lines; how many are distinct, repeated, bad."""
    cells = collections.defaultdict(collections.Counter)
    seen, repeated, bad = set(), 0, 0
    for line in lines:
        found = LINE.match(line)
        if not found or 'ip="300.' in line:
            bad += 1
        elif line in seen:
            repeated += 1
        else:
            seen.add(line)
            cell = cells[found.group(2), int(found.group(3)) // 60_000_000_000 * 60_000]
            cell[METRICS[found.group(1)]] += 1
            revenue = re.search(r"revenue=(\d+)\.(\d{6}) ", line)
            if revenue:
                cell["revenue"] += int(revenue.group(1) + revenue.group(2))
    return cells, (len(seen), repeated, bad)


def check_cells(records, cells, bucket_ms):
    expected = collections.defaultdict(collections.Counter)
    for (ad, minute), cell in cells.items():
        expected[ad, minute // bucket_ms * bucket_ms].update(cell)
    keys = [(record["ad_id"].encode(), record["bucket"], record["filter_id"]) for record in records]
    check(keys == sorted(keys), "counters are not in the order of (ad_id, bucket, filter_id)")
    check(len(records) == len(expected), f"{len(records)} counters, counted {len(expected)}")
    for record in records:
        cell = expected[record["ad_id"], record["bucket"]]
        for metric in METRICS.values():
            check(record[metric] == cell[metric], f"{record}, counted {dict(cell)}")
        check(int(record["revenue"].replace(".", "")) == cell["revenue"], f"{record}, counted {dict(cell)}")


def send_raw(address, text):
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=120) as connection:
        connection.sendall(text.encode() + b"#sync end\n")
        return connection.makefile().readline()


def run_checks(bin_dir, directory):
    tool = Tool(bin_dir)
    first, second = os.path.join(directory, "first"), os.path.join(directory, "second")
    cells, (fresh, repeated, bad) = naive_count(tool.run("gen", *GEN).splitlines())
    with Server(bin_dir, first) as server:
        report = tool.lines("gen", *GEN, "--to", server.ingest)[-1]
        check((report["sent"], report["accepted"], report["duplicates"], report["rejected"]) ==
              (60000, fresh, repeated, bad), f"the server reported {report}, counted {fresh}, {repeated}, {bad}")
        live = tool.run("dump", "--data-dir", first, "--what", "counters")
    counters = tool.run("dump", "--data-dir", first, "--what", "counters")
    check(live == counters, "a live directory dumps other counters than a stopped one")
    for step, bucket_ms in (("1m", 60_000), ("1h", 3_600_000)):
        check_cells(tool.lines("dump", "--data-dir", first, "--what", "counters", "--step", step), cells, bucket_ms)
    check(tool.lines("verify", "--data-dir", first)[0]["ok"], "verify does not agree")
    check(len(tool.lines("dump", "--data-dir", first, "--what", "rejected")) == bad, "dead letters are missing")
    check(len(tool.lines("dump", "--data-dir", first, "--what", "ads")) == len({ad for ad, _ in cells}), "ads differ")
    check(len(tool.lines("dump", "--data-dir", first, "--what", "identities")) == fresh, "identities differ")
    with Server(bin_dir, second) as server:
        answer = send_raw(server.ingest, tool.run("dump", "--data-dir", first, "--format", "lp"))
        check(answer == f"synced end accepted={fresh} duplicates=0 rejected=0\n", f"sent again: {answer}")
    check(tool.run("dump", "--data-dir", second, "--what", "counters") == counters,
          "raw records sent to a new server make other counters")


def main():
    with tempfile.TemporaryDirectory(prefix="tallymark-round-trip-") as directory:
        try:
            run_checks(sys.argv[1], directory)
        except AssertionError as error:
            print(f"WRONG: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
