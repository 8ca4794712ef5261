#!/usr/bin/env python3
"""Every command of `tally` explains itself and answers misuse as promised.

usage: help_check.py TALLY
"""

import subprocess
import sys

COMMANDS = ["gen", "import", "query", "top", "dump", "verify", "parse"]
USAGE_ERRORS = [[], ["no-such-command"], ["gen", "--no-such-option"], ["import"], ["query"], ["top", "--count", "0"],
                ["dump", "--what", "everything"], ["import", "x", "--kind", "view"]]
FAILURES = [["gen", "--live"], ["gen", "--duplicates", "2"], ["gen", "--to", "nowhere"], ["gen", "--start", "soon"],
            ["parse", "/no/such/file"], ["parse", "--precision", "year"], ["import", "/no/such/file"],
            ["query", "ad", "--http", "127.0.0.1:1"], ["top", "--http", "127.0.0.1:1"],
            ["dump", "--data-dir", "/no/such/dir"], ["verify", "--data-dir", "/no/such/dir"],
            ["dump", "--format", "lp", "--what", "counters"]]


def run(tally, arguments):
    return subprocess.run([tally, *arguments], capture_output=True, text=True, timeout=60)


def main():
    tally = sys.argv[1]
    wrong = []
    overview = run(tally, ["--help"])
    for command in COMMANDS:
        if f"  {command} " not in overview.stdout:
            wrong.append(f"--help does not name {command}")
        text = run(tally, [command, "--help"])
        if text.returncode != 0 or "Example" not in text.stdout or f"tally {command}" not in text.stdout.split("Example")[1]:
            wrong.append(f"{command} --help shows no example")
    for arguments in USAGE_ERRORS:
        if run(tally, arguments).returncode != 2:
            wrong.append(f"{arguments}: exit code is not 2")
    for arguments in FAILURES:
        failed = run(tally, arguments)
        lines = failed.stderr.splitlines()
        if failed.returncode != 1 or len(lines) != 1 or not lines[0].startswith("tally: ") or failed.stdout:
            wrong.append(f"{arguments}: exit code {failed.returncode}, stderr {failed.stderr!r}")
    for text in wrong:
        print(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
