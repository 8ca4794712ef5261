#!/usr/bin/env python3
"""Imports four quarters of real impressions, clicks and conversions by name and holds every total against the data.

usage: import_banners_check.py BIN_DIR FOLDER [--seed N]

Quarter q stands at minute 15(q-1) of one hour. Twelve files are imported by name: impressions count row by row,
clicks and conversions by ids that are unique per quarter. Per quarter impressions, clicks, conversions and revenue
must be those of the files to the last millionth, and top_banners what expected_top10.csv says for every quarter and
campaign: in the natural order of the files, with conversions first, and with SIGKILL in the middle of imports that
are then repeated. The files of dedup_case, identity by value, lose exactly their duplicates. Exit 77 when the folder
is not there.
"""

import argparse
import collections
import csv
import decimal
import pathlib
import random
import sys
import tempfile
import time

from import_check import tally_import
from live_server import SKIPPED, Server, check, say

BEGIN_MS = 1_609_459_200_000  # 2021-01-01T00:00:00Z
QUARTER_MS = 15 * 60_000
KINDS = ("impressions", "clicks", "conversions")
BELONGS = "campaign_id:campaign_id,banner_id:banner_id"


def options(kind, quarter):
    """How the rows of a file become events."""
    found = ["--name", f"q{quarter}-{kind}", "--kind", kind[:-1],
             "--set", f"time=2021-01-01T00:{15 * (quarter - 1):02d}:00Z", "--map"]
    if kind == "impressions":
        return found + [f"ad_id={{campaign_id}}:{{banner_id}},{BELONGS}", "--identity", "row"]
    if kind == "clicks":
        return found + [f"event_id=q{quarter}:{{click_id}},ad_id={{campaign_id}}:{{banner_id}},{BELONGS}"]
    return found + [f"event_id=q{quarter}:{{conversion_id}},click_id=q{quarter}:{{click_id}}"]


def naive_totals(folder):
    """(quarter, campaign) -> [impressions, clicks, conversions, revenue], from the files alone."""
    totals = collections.defaultdict(lambda: [0, 0, 0, decimal.Decimal(0)])
    for quarter in range(1, 5):
        def rows(kind):
            with open(folder / str(quarter) / f"{kind}_{quarter}.csv", newline="", encoding="utf-8") as file:
                yield from csv.DictReader(file)
        for row in rows("impressions"):
            totals[quarter, row["campaign_id"]][0] += 1
        campaigns = {}
        for row in rows("clicks"):
            campaigns[row["click_id"]] = row["campaign_id"]
        for campaign in campaigns.values():
            totals[quarter, campaign][1] += 1
        for row in rows("conversions"):
            total = totals[quarter, campaigns[row["click_id"]]]
            total[2] += 1
            total[3] += decimal.Decimal(row["revenue"])
    return totals


def expected_tops(folder):
    tops = collections.defaultdict(list)
    with open(folder / "expected_top10.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            tops[int(row["quarter"]), row["campaign_id"]].append(
                (int(row["rank"]), row["banner_id"], decimal.Decimal(row["revenue"]), int(row["clicks"]),
                 int(row["x_banners_with_conversions"])))
    return {key: sorted(rows) for key, rows in tops.items()}


def check_totals(server, totals):
    campaigns = sorted({campaign for _, campaign in totals})
    for campaign in campaigns:
        answer = server.get(f"/v1/campaigns/{campaign}/metrics?from={BEGIN_MS}&to={BEGIN_MS + 4 * QUARTER_MS}&step=15m")
        for point in answer["points"]:
            quarter = (point["t"] - BEGIN_MS) // QUARTER_MS + 1
            found = [point[kind] for kind in KINDS] + [decimal.Decimal(point["revenue"])]
            check(found == totals[quarter, campaign], f"quarter {quarter}, campaign {campaign}: {found}, "
                                                      f"counted {totals[quarter, campaign]}")
    say(f"impressions, clicks, conversions and revenue agree: 4 quarters, {len(campaigns)} campaigns")


def check_tops(server, tops):
    for (quarter, campaign), expected in tops.items():
        begin = BEGIN_MS + (quarter - 1) * QUARTER_MS
        answer = server.get(f"/v1/campaigns/{campaign}/top_banners?from={begin}&to={begin + QUARTER_MS}")
        found = [(rank, banner["banner_id"], decimal.Decimal(banner["revenue"]), banner["clicks"], answer["x"])
                 for rank, banner in enumerate(answer["banners"], 1)]
        check(found == expected, f"quarter {quarter}, campaign {campaign}: {found[:3]}, expected {expected[:3]}")
    say(f"top_banners agree: {len(tops)} lists")


def import_with_crash(server, path, what, rng):
    """The file, with the server killed while it is loaded, and everything repeated until it is."""
    tool = tally_import(server, path, what, wait=False)
    time.sleep(rng.uniform(0.05, 0.4))
    server.kill()
    tool.kill()
    tool.communicate()
    server.start()
    code, report, err = tally_import(server, path, what)
    check(code == 0 or "was loaded before" in err, f"{path.name}: {err}")
    return report


def load(server, folder, kinds, rng, crash):
    for kind in kinds:
        for quarter in range(1, 5):
            path = folder / str(quarter) / f"{kind}_{quarter}.csv"
            if crash:
                report = import_with_crash(server, path, options(kind, quarter), rng)
            else:
                code, report, err = tally_import(server, path, options(kind, quarter))
                check(code == 0, f"{path.name}: {err}")
                check(report["accepted"] == report["rows"], f"{path.name}: {report}")
            check(report is None or report["rejected"] == 0, f"{path.name}: {report}")


def run(bin_dir, folder, scratch, rng, name, kinds, crash=False):
    say(f"{name}: {', '.join(kinds)}")
    server = Server(bin_dir, scratch / name)
    try:
        load(server, folder, kinds, rng, crash)
        check_totals(server, naive_totals(folder))
        check_tops(server, expected_tops(folder))
        server.stop()
    finally:
        server.kill()


def check_dedup_case(bin_dir, folder, scratch):
    server = Server(bin_dir, scratch / "dedup")
    try:
        kept, duplicates = [], 0
        for kind in KINDS:
            what = ["--name", kind, "--kind", kind[:-1], "--set", "time=2021-01-01T00:00:00Z"]
            if kind != "conversions":
                what += ["--map", f"ad_id={{campaign_id}}:{{banner_id}},{BELONGS}"]
            else:
                what += ["--map", "click_id:click_id"]
            code, report, err = tally_import(server, folder / "dedup_case" / "1" / f"{kind}_1.csv", what)
            check(code == 0, err)
            kept.append(report["accepted"])
            duplicates += report["duplicates"]
        check(kept == [10, 10, 10] and duplicates == 9, f"kept {kept}, {duplicates} duplicates")
        say(f"dedup_case: {kept} kept, {duplicates} duplicates")
        server.stop()
    finally:
        server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin_dir", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=None)
    args = parser.parse_args()
    if not args.folder.exists():
        print(f"SKIPPED: {args.folder} is not there")
        return SKIPPED
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(2**32)
    say(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="tallymark-banners-") as name:
        scratch, rng = pathlib.Path(name), random.Random(seed)
        try:
            check_dedup_case(args.bin_dir, args.folder, scratch)
            run(args.bin_dir, args.folder, scratch, rng, "in-order", KINDS)
            run(args.bin_dir, args.folder, scratch, rng, "crashed", tuple(reversed(KINDS)), crash=True)
        except AssertionError as error:
            print(f"WRONG (seed {seed}): {error}", flush=True)
            return 1
    say("everything agrees")
    return 0


if __name__ == "__main__":
    sys.exit(main())
