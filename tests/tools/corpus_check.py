#!/usr/bin/env python3
"""Runs InfluxData's line protocol corpus through `tally parse --any`.

usage: corpus_check.py TALLY CORPUS_JSON [--all]

A case must be taken or refused as the corpus says, and every point taken must have the corpus's
name, tags, fields (type and value) and time. A process for each of 6,220 refused cases takes minutes,
and LineProtocolCorpus holds the parser against all of them: here it is every eighth, unless asked for
--all, and every taken one. Exit 77 when the corpus is not there.
"""

import base64
import json
import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

SKIPPED = 77
REFUSED_STEP = 8
PRECISIONS = {"1ns": "ns", "1µs": "us", "1ms": "ms", "1s": "s"}


def as_bytes(text):
    return base64.b64decode(text["binary"]) if isinstance(text, dict) else text.encode()


def as_text(text):
    return as_bytes(text).decode("utf-8", errors="replace")


def same_value(kind, expected, found):
    if kind == "float":
        return struct.pack("d", float(expected)) == struct.pack("d", float(found))
    if kind == "string":
        return as_text(expected) == found
    return expected == found and type(expected) is type(found)


def same_point(expected, found):
    if as_text(expected["name"]) != found["name"] or str(expected["time"]) != found["time"]:
        return False
    tags = {as_text(tag["key"]): as_text(tag["value"]) for tag in expected.get("tags") or []}
    if tags != found["tags"] or len(expected["fields"]) != len(found["fields"]):
        return False
    for field in expected["fields"]:
        (kind, value), = field["value"].items()
        other = found["fields"].get(as_text(field["key"]))
        if other is None or list(other) != [kind] or not same_value(kind, value, other[kind]):
            return False
    return True


def check_case(tally, case):
    """None when the case agrees, else what is wrong."""
    given, expected = case["input"], case["output"]
    command = [tally, "parse", "--any", "--precision", PRECISIONS[given["precision"]],
               "--default-time", str(given["defaultTime"])]
    run = subprocess.run(command, input=as_bytes(given["text"]), capture_output=True)
    if run.returncode not in (0, 1):
        return f"exit code {run.returncode}: {run.stderr!r}"
    if "error" in expected:
        if run.returncode == 0:
            return f"taken, but the corpus refuses it: {expected['error']}"
        return None if run.stderr.startswith(b"line ") else f"no line and column: {run.stderr!r}"
    if run.returncode != 0:
        return f"refused: {run.stderr!r}"
    points = [json.loads(line) for line in run.stdout.decode().splitlines()]
    if len(points) != len(expected["result"]):
        return f"{len(points)} points, not {len(expected['result'])}"
    for want, found in zip(expected["result"], points):
        if not same_point(want, found):
            return f"{found} is not {want}"
    return None


def main():
    tally, corpus = sys.argv[1], sys.argv[2]
    if not os.path.exists(corpus):
        print(f"SKIPPED: {corpus} is not there")
        return SKIPPED
    with open(corpus, encoding="utf-8") as file:
        cases = json.load(file)["decode"]
    if "--all" not in sys.argv[3:]:
        refused = [key for key, case in cases.items() if "error" in case["output"]]
        skipped = {key for place, key in enumerate(refused) if place % REFUSED_STEP}
        cases = {key: case for key, case in cases.items() if key not in skipped}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        answers = list(pool.map(lambda case: check_case(tally, case), cases.values()))
    wrong = [(key, answer) for key, answer in zip(cases, answers) if answer]
    for key, answer in wrong[:50]:
        print(f"{key}: {answer}")
    print(f"{len(cases)} cases, {len(wrong)} disagree")
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
