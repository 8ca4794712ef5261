#!/usr/bin/env python3
"""The same events through Tallymark and through ClickHouse, counts checked, ratios shown.

    bench/peers.py --bin-dir build/release/bin [--events 2000000] [--ads 100000] [--json FILE]

The job is the same for both: the raw records are kept, an event that comes twice counts once, clicks by minute
and by hour are ready to be asked. Tallymark reads line protocol over TCP. ClickHouse reads the same events as
TSV through its own client (made before anything is timed) into a ReplacingMergeTree keyed by ad and event id,
has it drop the repeats (OPTIMIZE ... FINAL), and sums minutes and hours with INSERT ... SELECT: a batch job,
which is the way it does this exactly, and in its favour. Where ClickHouse is not installed only Tallymark runs,
and the output says so.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from live_server import Server  # noqa: E402

MINUTE_NS = 60 * 10**9
ADS_ASKED = 200
LINE = re.compile(
    rb'click,ad_id=([^,]+),country=(\S+) event_id="([^"]+)",user_id="([^"]+)",ip="([^"]+)" (\d+)\n')
TABLES = (
    "CREATE TABLE raw (ad String, country String, id String, user String, ip String, ns UInt64,"
    " time DateTime MATERIALIZED toDateTime(intDiv(ns, 1000000000))) ENGINE = ReplacingMergeTree()"
    " PARTITION BY toYYYYMMDD(toDateTime(intDiv(ns, 1000000000))) ORDER BY (ad, id)",
    "CREATE TABLE minutes (ad String, minute DateTime, clicks UInt64) ENGINE = SummingMergeTree()"
    " PARTITION BY toYYYYMMDD(minute) ORDER BY (ad, minute)",
    "CREATE TABLE hours (ad String, hour DateTime, clicks UInt64) ENGINE = SummingMergeTree()"
    " PARTITION BY toYYYYMMDD(hour) ORDER BY (ad, hour)",
)
COUNT = (
    "OPTIMIZE TABLE raw FINAL",
    "INSERT INTO minutes SELECT ad, toStartOfMinute(time), count() FROM raw GROUP BY ad, toStartOfMinute(time)",
    "INSERT INTO hours SELECT ad, toStartOfHour(minute), sum(clicks) FROM minutes GROUP BY ad, toStartOfHour(minute)",
)


class Failure(Exception):
    """A benchmark without right counts has no result."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def disk_bytes(folder):
    # Files may go while they are looked at.
    total = 0
    for path in pathlib.Path(folder).rglob("*"):
        try:
            total += path.stat().st_blocks * 512 if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


class Workload:
    """The generated lines, the same as TSV, and what must be counted."""

    def __init__(self, folder, options):
        self.lines_file = folder / "events.lp"
        self.tsv_file = folder / "events.tsv"
        self.lines = options.events
        subprocess.run([options.bin_dir / "tally", "gen", "--events", str(options.events), "--ads", str(options.ads),
                        "--seed", str(options.seed), "--span", options.span, "--late-spread", "30m",
                        "--output", str(self.lines_file)], check=True, stdout=subprocess.DEVNULL)
        self.clicks = collections.Counter()
        self.begin_ns, self.end_ns = 2**63, 0
        seen = set()
        with open(self.lines_file, "rb") as source, open(self.tsv_file, "wb") as tsv:
            for line in source:
                match = LINE.fullmatch(line)
                if match is None:
                    raise Failure(f"the generator wrote a line this program does not know: {line!r}")
                tsv.write(b"\t".join(match.groups()) + b"\n")
                ad, _, event_id, _, _, ns = match.groups()
                if event_id in seen:
                    continue
                seen.add(event_id)
                self.clicks[ad.decode()] += 1
                self.begin_ns, self.end_ns = min(self.begin_ns, int(ns)), max(self.end_ns, int(ns))
        self.fresh = len(seen)
        os.sync()

    def asked(self):
        """The most popular ads and some of the others."""
        by_clicks = sorted(self.clicks, key=lambda ad: (-self.clicks[ad], ad))
        return by_clicks[:ADS_ASKED // 2] + by_clicks[ADS_ASKED // 2::max(1, 2 * len(by_clicks) // ADS_ASKED)]

    def check(self, name, total, by_ad):
        if total is not None and total != self.fresh:
            raise Failure(f"{name} counted {total} events, {self.fresh} are right")
        for ad, count in by_ad.items():
            if count != self.clicks[ad]:
                raise Failure(f"{name} counted {count} clicks of {ad}, {self.clicks[ad]} are right")


def figures(workload, name, seconds, cpu, disk):
    return {"name": name, "seconds": seconds, "million_per_s": workload.lines / seconds / 1e6,
            "cpu_s_per_million": cpu / workload.lines * 1e6, "bytes_per_event": disk / workload.fresh}


def run_tallymark(workload, folder, options):
    data = folder / "tallymark"
    server = Server(options.bin_dir, data)
    try:
        host, port = server.ingest.rsplit(":", 1)
        begin = time.monotonic()
        with socket.create_connection((host, int(port))) as line, open(workload.lines_file, "rb") as lines:
            line.sendfile(lines)
            line.sendall(b"#sync end\n")
            answer = line.makefile("rb").readline().decode()
        synced = time.monotonic() - begin
        tallies = dict(word.split("=") for word in answer.split()[2:])
        if int(tallies["accepted"]) != workload.fresh or int(tallies["rejected"]) != 0:
            raise Failure(f"Tallymark answered {answer!r}, {workload.fresh} are right")
        span = f"from={workload.begin_ns // 10**6}&to={workload.end_ns // 10**6 + 1}"
        by_ad = {ad: server.get(f"/v1/ads/{ad}/aggregated_cnt?{span}")["count"] for ad in workload.asked()}
        workload.check("Tallymark", None, by_ad)
        cpu = cpu_seconds(server.process.pid)
        begin = time.monotonic()
        server.stop()
        stop = time.monotonic() - begin
    finally:
        server.kill()
    result = figures(workload, "Tallymark", synced, cpu, disk_bytes(data))
    result["stop_s"] = stop
    return result


class ClickHouse:
    """A server of its own in a folder of its own."""

    CONFIG = ("<yandex><logger><level>warning</level><log>{folder}/log</log><errorlog>{folder}/err</errorlog></logger>"
              "<tcp_port>{port}</tcp_port><listen_host>127.0.0.1</listen_host><path>{folder}/data/</path>"
              "<tmp_path>{folder}/tmp/</tmp_path><users_config>{folder}/users.xml</users_config>"
              "<mark_cache_size>1073741824</mark_cache_size><default_profile>default</default_profile>"
              "<default_database>default</default_database></yandex>")
    USERS = ("<yandex><profiles><default><max_memory_usage>12000000000</max_memory_usage></default></profiles>"
             "<users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile>"
             "<quota>default</quota></default></users><quotas><default></default></quotas></yandex>")

    def __init__(self, folder):
        self.port = free_port()
        for name in ("data", "tmp"):
            (folder / name).mkdir(parents=True)
        (folder / "config.xml").write_text(self.CONFIG.format(folder=folder, port=self.port))
        (folder / "users.xml").write_text(self.USERS)
        self.folder = folder
        self.process = subprocess.Popen(["clickhouse-server", f"--config-file={folder}/config.xml"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            if self.process.poll() is not None:
                break
            try:
                self.ask("SELECT 1")
                return
            except subprocess.CalledProcessError:
                time.sleep(0.2)
        self.stop()
        raise Failure(f"clickhouse-server did not start, see {folder}/err")

    def ask(self, query, source=None):
        done = subprocess.run(["clickhouse-client", "--host", "127.0.0.1", "--port", str(self.port), "--query", query],
                              stdin=source or subprocess.DEVNULL, check=True, capture_output=True)
        return done.stdout.decode()

    def cpu(self):
        return cpu_seconds(self.process.pid)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def run_clickhouse(workload, folder):
    server = ClickHouse(folder / "clickhouse")
    try:
        for statement in TABLES:
            server.ask(statement)
        cpu_before, begin = server.cpu(), time.monotonic()
        with open(workload.tsv_file, "rb") as rows:
            server.ask("INSERT INTO raw (ad, country, id, user, ip, ns) FORMAT TabSeparated", rows)
        inserted = time.monotonic() - begin
        for statement in COUNT:
            server.ask(statement)
        seconds, cpu = time.monotonic() - begin, server.cpu() - cpu_before
        total = int(server.ask("SELECT sum(clicks) FROM hours"))
        names = ",".join(f"'{ad}'" for ad in workload.asked())
        rows = server.ask(f"SELECT ad, sum(clicks) FROM hours WHERE ad IN ({names}) GROUP BY ad").splitlines()
        by_ad = {ad: int(count) for ad, count in (row.split("\t") for row in rows)}
        workload.check("ClickHouse", total, {ad: by_ad.get(ad, 0) for ad in workload.asked()})
        version = server.ask("SELECT version()").strip()
    finally:
        server.stop()
    shutil.rmtree(folder / "clickhouse" / "tmp", ignore_errors=True)
    result = figures(workload, f"ClickHouse {version}", seconds, cpu, disk_bytes(folder / "clickhouse" / "data"))
    result["insert_s"] = inserted
    return result


def show(workload, results):
    print(f"{workload.lines:,} lines, {workload.fresh:,} events after duplicates; both counts checked\n")
    print("| | seconds | M lines/s | CPU s per million | bytes per event |\n|---|---:|---:|---:|---:|")
    for r in results:
        print(f"| {r['name']} | {r['seconds']:.2f} | {r['million_per_s']:.3f} | {r['cpu_s_per_million']:.2f} |"
              f" {r['bytes_per_event']:.1f} |")
    if len(results) == 2:
        mine, other = results
        print(f"\nTallymark: {mine['million_per_s'] / other['million_per_s']:.1f} times the rate,"
              f" {mine['cpu_s_per_million'] / other['cpu_s_per_million']:.2f} of the CPU,"
              f" {mine['bytes_per_event'] / other['bytes_per_event']:.2f} of the disk.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin-dir", type=pathlib.Path, default=pathlib.Path("build/release/bin"))
    parser.add_argument("--events", type=int, default=2_000_000)
    parser.add_argument("--ads", type=int, default=100_000)
    parser.add_argument("--span", default="1h", help="event time from the first line to the last")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", help="where the data goes; a temporary folder by default")
    parser.add_argument("--json", type=pathlib.Path, help="write the figures there too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tallymark-peers-", dir=options.folder) as name:
        folder = pathlib.Path(name)
        try:
            workload = Workload(folder, options)
            results = [run_tallymark(workload, folder, options)]
            installed = shutil.which("clickhouse-server") and shutil.which("clickhouse-client")
            if installed:
                results.append(run_clickhouse(workload, folder))
        except (Failure, AssertionError) as failure:
            print(f"peers: {failure}", file=sys.stderr)
            return 1
    show(workload, results)
    if not installed:
        print("\nClickHouse is not installed (apt install clickhouse-server clickhouse-client): not compared.")
    if options.json:
        options.json.write_text(json.dumps({"lines": workload.lines, "events": workload.fresh, "results": results}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
