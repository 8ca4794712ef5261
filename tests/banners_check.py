#!/usr/bin/env python3
"""Imports four real quarters of impressions, clicks and conversions and holds the answers against them.

usage: banners_check.py BIN_DIR BANNERS_DIR

BIN_DIR holds tallyd and tally. The files have no times: quarter q stands for minute 15(q-1) of an hour.
Conversions name their click only. Per quarter all impressions, clicks, conversions and the revenue to the last
millionth must be counted, and the top banners of every (quarter, campaign) be those of expected_top10.csv:
loaded in order; with conversions first; and after SIGKILL in the middle of a load that is then repeated.
What `tally dump --format lp` prints must give the same in a new server.
Exit 77 when the files are not there.
"""

import collections
import csv
import decimal
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time

from live_server import SKIPPED, Server, check, say

MINUTE_MS = 60_000
START_MS = 1_609_459_200_000  # 2021-01-01T00:00:00Z
QUARTERS = (1, 2, 3, 4)
KINDS = ("impression", "click", "conversion")


class Expected:
    """What the files say, added up by hand with exact decimals."""

    def __init__(self, folder):
        self.folder = folder
        self.rows = {}  # (quarter, kind) -> rows
        self.revenue = {}  # quarter -> Decimal
        self.campaigns = set()
        for quarter in QUARTERS:
            for kind in KINDS:
                with open(self.path(quarter, kind), newline="", encoding="utf-8") as file:
                    rows = list(csv.DictReader(file))
                self.rows[quarter, kind] = len(rows)
                if kind == "conversion":
                    self.revenue[quarter] = sum(decimal.Decimal(row["revenue"]) for row in rows)
                else:
                    self.campaigns.update(row["campaign_id"] for row in rows)
        self.top = collections.defaultdict(list)  # (quarter, campaign) -> [(x, banner, revenue, clicks)]
        with open(os.path.join(folder, "expected_top10.csv"), newline="", encoding="utf-8") as file:
            for row in sorted(csv.DictReader(file), key=lambda row: int(row["rank"])):
                self.top[int(row["quarter"]), row["campaign_id"]].append(
                    (int(row["x_banners_with_conversions"]), row["banner_id"], decimal.Decimal(row["revenue"]),
                     int(row["clicks"])))

    def path(self, quarter, kind):
        return os.path.join(self.folder, str(quarter), f"{kind}s_{quarter}.csv")


def import_command(bin_dir, server, expected, quarter, kind):
    owners = "campaign_id:campaign_id,banner_id:banner_id"
    ad = "ad_id={campaign_id}:{banner_id}," + owners
    maps = {"impression": ad, "click": ad + f",event_id=q{quarter}:{{click_id}}",
            "conversion": f"event_id=q{quarter}:{{conversion_id}},click_id=q{quarter}:{{click_id}}"}
    command = [os.path.join(bin_dir, "tally"), "import", expected.path(quarter, kind), "--kind", kind,
               "--map", maps[kind], "--set", f"time=2021-01-01T00:{15 * (quarter - 1):02}:00Z",
               "--http", server.http]
    return command + (["--identity", "row"] if kind == "impression" else [])


def import_file(bin_dir, server, expected, quarter, kind, repeated=False):
    run = subprocess.run(import_command(bin_dir, server, expected, quarter, kind), capture_output=True, text=True)
    check(run.returncode == 0, f"import exited with {run.returncode}: {run.stderr}")
    report = json.loads(run.stdout.splitlines()[-1])
    rows = expected.rows[quarter, kind]
    check(report["rows"] == rows and report["rejected"] == 0, f"quarter {quarter}, {kind}s: {report}")
    taken = report["accepted"] + (report["duplicates"] if repeated else 0)
    check(taken == rows, f"quarter {quarter}, {kind}s: {report}")


def range_of(quarter):
    begin = START_MS + 15 * (quarter - 1) * MINUTE_MS
    return f"from={begin}&to={begin + 15 * MINUTE_MS}"


def check_totals(server, expected):
    for quarter in QUARTERS:
        sums = collections.Counter()
        for campaign in expected.campaigns:
            answer = server.get(f"/v1/campaigns/{campaign}/metrics?{range_of(quarter)}&step=15m")
            check(len(answer["points"]) == 1, f"{len(answer['points'])} points in a quarter")
            for metric in ("impressions", "clicks", "conversions", "revenue"):
                sums[metric] += decimal.Decimal(answer["points"][0][metric])
        for kind in KINDS:
            check(sums[kind + "s"] == expected.rows[quarter, kind], f"quarter {quarter}: {sums[kind + 's']} {kind}s")
        check(sums["revenue"] == expected.revenue[quarter], f"quarter {quarter}: revenue {sums['revenue']}")
    status = server.get("/v1/status")
    check(status["waiting_conversions"] == 0, f"{status['waiting_conversions']} conversions wait")
    check(status["events"]["stored"] == sum(expected.rows.values()), f"stored {status['events']['stored']}")
    say("impressions, clicks, conversions and revenue of every quarter agree; nothing waits")


def check_banners(server, expected):
    for (quarter, campaign), right in sorted(expected.top.items()):
        answer = server.get(f"/v1/campaigns/{campaign}/top_banners?{range_of(quarter)}")
        found = [(answer["x"], banner["banner_id"], decimal.Decimal(banner["revenue"]), banner["clicks"])
                 for banner in answer["banners"]]
        check(found == right, f"quarter {quarter}, campaign {campaign}: {found}, not {right}")
    say(f"top banners of {len(expected.top)} (quarter, campaign) agree")


def check_all(server, expected):
    check_totals(server, expected)
    check_banners(server, expected)


def load_all(bin_dir, server, expected, kinds):
    for kind in kinds:
        for quarter in QUARTERS:
            import_file(bin_dir, server, expected, quarter, kind)


def send_lines(server, path):
    host, port = server.ingest.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=300) as connection, open(path, "rb") as file:
        while piece := file.read(1 << 20):
            connection.sendall(piece)
        connection.sendall(b"#sync all\n")
        return connection.makefile().readline().strip()


def check_dump(bin_dir, expected, data_dir, servers):
    say("dump as lines into a new server")
    lines = data_dir + ".lp"
    with open(lines, "wb") as file:
        dumped = subprocess.run([os.path.join(bin_dir, "tally"), "dump", "--data-dir", data_dir, "--format", "lp"],
                                stdout=file)
    check(dumped.returncode == 0, "dump failed")
    servers.append(Server(bin_dir, data_dir + "-copy"))
    answer = send_lines(servers[-1], lines)
    check(answer == f"synced all accepted={sum(expected.rows.values())} duplicates=0 rejected=0", answer)
    check_all(servers[-1], expected)
    servers[-1].stop()


def check_in_order(bin_dir, expected, data_dir, servers):
    say("impressions, clicks, conversions")
    servers.append(Server(bin_dir, data_dir))
    load_all(bin_dir, servers[-1], expected, KINDS)
    check_all(servers[-1], expected)
    servers[-1].stop()
    verified = subprocess.run([os.path.join(bin_dir, "tally"), "verify", "--data-dir", data_dir],
                              capture_output=True, text=True)
    check(verified.returncode == 0, f"verify: {verified.stdout} {verified.stderr}")
    check_dump(bin_dir, expected, data_dir, servers)


def check_conversions_first(bin_dir, expected, data_dir, servers):
    say("conversions, then clicks, then impressions, with a restart after the conversions")
    servers.append(Server(bin_dir, data_dir))
    load_all(bin_dir, servers[-1], expected, ("conversion",))
    waiting = servers[-1].get("/v1/status")["waiting_conversions"]
    check(waiting == sum(expected.rows[q, "conversion"] for q in QUARTERS), f"{waiting} conversions wait")
    servers[-1].stop()
    servers.append(Server(bin_dir, data_dir))
    load_all(bin_dir, servers[-1], expected, ("click", "impression"))
    check_all(servers[-1], expected)
    servers[-1].stop()


def check_killed(bin_dir, expected, data_dir, servers):
    say("SIGKILL in the middle of a load of clicks, with the conversions waiting")
    servers.append(Server(bin_dir, data_dir))
    load_all(bin_dir, servers[-1], expected, ("conversion",))
    for quarter in QUARTERS:
        command = import_command(bin_dir, servers[-1], expected, quarter, "click") + ["--patience", "1"]
        load = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while load.poll() is None and time.monotonic() < deadline:
            if servers[-1].get("/v1/status")["events"]["stored"] > 0:
                break
        servers[-1].kill()
        load.kill()
        load.wait()
        servers.append(Server(bin_dir, data_dir))
        import_file(bin_dir, servers[-1], expected, quarter, "click", repeated=True)
    load_all(bin_dir, servers[-1], expected, ("impression",))
    check_all(servers[-1], expected)
    servers[-1].stop()


def main():
    bin_dir, folder = sys.argv[1], sys.argv[2]
    if not os.path.exists(os.path.join(folder, "expected_top10.csv")):
        print(f"SKIPPED: {folder} is not there")
        return SKIPPED
    expected = Expected(folder)
    say(f"{sum(expected.rows.values())} rows, {len(expected.campaigns)} campaigns, {len(expected.top)} top lists")
    servers = []
    with tempfile.TemporaryDirectory(prefix="tallymark-banners-") as scratch:
        try:
            check_in_order(bin_dir, expected, os.path.join(scratch, "ordered"), servers)
            check_conversions_first(bin_dir, expected, os.path.join(scratch, "conversions-first"), servers)
            check_killed(bin_dir, expected, os.path.join(scratch, "killed"), servers)
        finally:
            for server in servers:
                server.kill()
    say("all agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
