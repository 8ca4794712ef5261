#!/usr/bin/env python3
"""Imports named files into a real tallyd, kills it in the middle, and counts.

usage: import_check.py BIN_DIR [--seed N] [--rounds N] [--any-memory]

Crashes: each round imports a table of several batches with `tally import --name`, kills tallyd with SIGKILL
at a random moment, restarts it on the same ports, sometimes kills the tool too and repeats the command; in the
end every (ad, minute) equals a naive count of the table, the report adds up to its rows, and `tally verify`
agrees. Rounds take turns with identity by event_id, by the whole row, and by the row's number.
Memory: a table many times larger than a batch must not show in tallyd's memory.
Batches: a TSV of impressions and clicks with duplicate rows gives the counts of a naive program, distinct users
and addresses included.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

from live_server import Server, check, say

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
BEGIN_S = 1_609_459_200
MEMORY_TABLE_BYTES = 128 << 20
MEMORY_GROWTH_KB_MAX = 80 << 10  # batches, engine deltas and buffers, not the table


def series(server, ad, begin_s, end_s, step, metric):
    answer = server.get(f"/v1/ads/{ad}/series?from={begin_s * 1000}&to={end_s * 1000}&step={step}&metrics={metric}")
    return {point["t"] // 1000: point[metric] for point in answer["points"] if point[metric]}


def memory_kb(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])


def tally_import(server, path, options, wait=True):
    process = subprocess.Popen([server.bin_dir / "tally", "import", path, "--http", server.http, "--patience", "120",
                                *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return finish(process) if wait else process


def finish(process):
    out, err = process.communicate(timeout=600)
    report = json.loads(out.splitlines()[-1]) if process.returncode == 0 else None
    return process.returncode, report, err


def make_table(path, rng, rows, by, tag):
    """A table and, for each (ad, minute), how many of its rows count; its event ids are those of no other tag."""
    columns = ["ad", "at", "user_id"] + (["event_id"] if by == "event_id" else [])
    lines, counts, seen, rejected = [], collections.Counter(), set(), 0
    for number in range(rows):
        ad = f"ad{rng.randrange(40)}"
        second = BEGIN_S + rng.randrange(7200)
        user = f"u{rng.randrange(30)}"
        line = f"{ad},{second},{user}"
        if by == "event_id":
            line += f",{tag}e{number}" if rng.random() < 0.95 or not lines else "," + lines[rng.randrange(len(lines))].split(",")[3]
        if rng.random() < 0.001:
            line = "," + line.split(",", 1)[1]
            rejected += 1
        elif by == "row":
            counts[ad, second // 60 * 60] += 1
        else:
            identity = line.split(",")[3] if by == "event_id" else line
            if identity not in seen:
                counts[ad, second // 60 * 60] += 1
            seen.add(identity)
        lines.append(line)
    path.write_text(",".join(columns) + "\n" + "\n".join(lines) + "\n", encoding="ascii")
    return counts, rejected


def check_counts(server, counts):
    for ad in sorted({ad for ad, _ in counts}):
        expected = {minute: count for (name, minute), count in counts.items() if name == ad}
        found = series(server, ad, BEGIN_S, BEGIN_S + 7200, "1m", "clicks")
        check(found == expected, f"{ad}: {sum(found.values())} clicks, counted {sum(expected.values())}")


def crash_round(server, folder, rng, number):
    by = ("event_id", "whole row", "row")[number % 3]
    path = folder / f"table{number}.csv"
    rows = rng.randrange(150_000, 300_000)
    # One directory for all rounds: a round's ads and event ids are its own.
    prefix = f"r{number}-"
    counts, rejected = make_table(path, rng, rows, by, prefix)
    options = ["--name", path.name, "--kind", "click", "--map", f"ad_id={prefix}{{ad}},time:at"]
    options += ["--identity", "row"] if by == "row" else []
    tool = tally_import(server, path, options, wait=False)
    for _ in range(rng.randrange(1, 4)):
        time.sleep(rng.uniform(0.02, 0.6))
        server.kill()
        if rng.random() < 0.5:
            tool.kill()
            tool.communicate()
        server.start()
        if tool.poll() is not None and tool.returncode < 0:
            tool = tally_import(server, path, options, wait=False)
    code, report, err = finish(tool)
    if code != 0 and "no server at" in err:
        # It had not even begun when the server was killed, and says so at once.
        code, report, err = tally_import(server, path, options)
    if code != 0:
        # The tool that was killed may have been told, or not, that it was through.
        check("was loaded before" in err, f"import exited with {code}: {err}")
        report = server.get(f"/v1/imports/{path.name}")["result"]
    check(report["rows"] == rows, f"{report['rows']} rows reported of {rows}")
    check(report["rows"] == report["accepted"] + report["duplicates"] + report["rejected"], f"does not add up: {report}")
    check(report["rejected"] == rejected, f"{report['rejected']} rejected, counted {rejected}")
    counted = sum(counts.values())
    unsure = report.get("unsure_duplicates", 0)
    check(counted - unsure <= report["accepted"] <= counted, f"{report['accepted']} accepted, counted {counted}, unsure {unsure}")
    check_counts(server, {(prefix + ad, minute): count for (ad, minute), count in counts.items()})
    say(f"round {number}, identity by {by}: {rows} rows, {report['accepted']} accepted, {unsure} unsure")
    code, _, err = tally_import(server, path, options)
    check(code == 1 and "was loaded before" in err, f"repeating a loaded name exited with {code}: {err}")
    code, _, err = tally_import(server, path, ["--name", "other" + path.name, *options[2:]])
    check(code == 1 and "was loaded before as" in err, f"the same content again exited with {code}: {err}")


def check_crashes(bin_dir, folder, rng, rounds):
    server = Server(bin_dir, folder / "crashes")
    try:
        for number in range(rounds):
            crash_round(server, folder, rng, number)
        server.stop()
        left = os.listdir(folder / "crashes" / "imports")
        check(not left, f"spooled files are left: {left}")
        verify = subprocess.run([bin_dir / "tally", "verify", "--data-dir", folder / "crashes"], capture_output=True, text=True)
        check(verify.returncode == 0, f"verify: {verify.stdout} {verify.stderr}")
    finally:
        server.kill()


def check_memory(bin_dir, folder):
    path = folder / "large.csv"
    row = b"ad1,1609459200,user,Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML; like Gecko) Chrome/96,home\n"
    block = row * 10_000
    with path.open("wb") as file:
        file.write(b"ad_id,time,user_id,agent,page\n")
        while file.tell() < MEMORY_TABLE_BYTES:
            file.write(block)
    server = Server(bin_dir, folder / "memory", ["--memory", "256MiB"])
    try:
        small = folder / "small.csv"
        small.write_bytes(b"ad_id,time,user_id,agent,page\n" + block)
        code, _, err = tally_import(server, small, ["--name", "small", "--kind", "click"])
        check(code == 0, err)
        before = memory_kb(server)
        begin = time.monotonic()
        code, report, err = tally_import(server, path, ["--name", "large", "--kind", "click"])
        check(code == 0, err)
        seconds = time.monotonic() - begin
        grown = memory_kb(server) - before
        say(f"{path.stat().st_size >> 20} MiB, {report['rows']} rows in {seconds:.1f} s: memory grew by {grown >> 10} MiB")
        check(report["rows"] == report["duplicates"], f"equal rows are one event: {report}")
        check(grown < MEMORY_GROWTH_KB_MAX, f"memory grew by {grown} KB with a table of {path.stat().st_size} bytes")
        server.stop()
    finally:
        server.kill()


def check_batch(bin_dir, folder, rng):
    """The hourly batch: impressions and clicks mixed, some rows twice."""
    path = folder / "hour.tsv"
    rows = []
    for number in range(20_000):
        ad, user, ip = f"ad{rng.randrange(20)}", f"u{rng.randrange(5000)}", f"10.0.{rng.randrange(16)}.{rng.randrange(256)}"
        second = BEGIN_S + rng.randrange(3 * 3600)
        rows.append(("impression", f"i{number}", ad, user, ip, second))
        if rng.random() < 0.1:
            rows.append(("click", f"i{number}", ad, user, ip, second + rng.randrange(60)))
    rows += rng.sample(rows, 500)
    rng.shuffle(rows)
    with path.open("w", encoding="ascii") as file:
        file.write("event\timpression_id\tad_id\tuser_id\tip\ttimestamp\n")
        for row in rows:
            file.write("\t".join(map(str, row)) + "\n")
    naive = {kind: collections.defaultdict(set) for kind in ("impression", "click", "user", "ip")}
    for kind, identity, ad, user, ip, second in rows:
        for what, value in ((kind, identity), ("user", user), ("ip", ip)):
            naive[what][ad, second // 3600 * 3600].add(value)
    server = Server(bin_dir, folder / "batch")
    try:
        code, report, err = tally_import(server, path, ["--name", "hour", "--map", "event_id:impression_id,time:timestamp"])
        check(code == 0, err)
        distinct = len(set(rows))
        check((report["rows"], report["accepted"], report["rejected"]) == (len(rows), distinct, 0), f"{report}, distinct {distinct}")
        for kind, metric in (("impression", "impressions"), ("click", "clicks")):
            for ad in sorted({ad for ad, _ in naive[kind]}):
                expected = {hour: len(ids) for (name, hour), ids in naive[kind].items() if name == ad}
                found = series(server, ad, BEGIN_S, BEGIN_S + 4 * 3600, "1h", metric)
                check(found == expected, f"{ad} {metric}: {found}, counted {expected}")
        for ad, hour in naive["user"]:
            answer = server.get(f"/v1/ads/{ad}/metrics?from={hour * 1000}&to={(hour + 3600) * 1000}&step=1h")["points"][0]
            for metric, what in (("unique_users", "user"), ("unique_ips", "ip")):
                expected = len(naive[what][ad, hour])
                check(answer[metric] == expected and answer[f"{metric}_exact"],
                      f"{ad} {hour} {metric}: {answer}, counted {expected}")
        say(f"a batch of {len(rows)} rows: impressions, clicks, users and addresses of every (ad, hour) agree")
        server.stop()
    finally:
        server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin_dir", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--any-memory", action="store_true", help="for sanitizers, which keep what was freed")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    say(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="tallymark-import-") as name:
        try:
            check_batch(options.bin_dir, pathlib.Path(name), random.Random(seed))
            if not options.any_memory:
                check_memory(options.bin_dir, pathlib.Path(name))
            check_crashes(options.bin_dir, pathlib.Path(name), random.Random(seed), options.rounds)
        except AssertionError as error:
            print(f"WRONG (seed {seed}): {error}", flush=True)
            return 1
    say("everything agrees")
    return 0


if __name__ == "__main__":
    sys.exit(main())
