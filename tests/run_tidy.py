#!/usr/bin/env python3
"""Runs clang-tidy over the compile database, in parallel, and remembers what was clean.

A file is not looked at again while its own text, the project headers it includes (directly or not),
its compile command, .clang-tidy and clang-tidy itself are what they were: their hash names an empty
file in the cache folder. Exits 1 when any file has a finding.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def closure(root, source):
    """The source and every project header it reaches, sorted."""
    seen, waiting = set(), [source]
    while waiting:
        file = waiting.pop()
        if file in seen or not file.is_file():
            continue
        seen.add(file)
        waiting += [root / name for name in INCLUDE.findall(file.read_text(encoding="utf-8"))]
    return sorted(seen)


def fingerprint(root, common, command, source):
    digest = hashlib.sha256(common)
    digest.update(command.encode())
    for file in closure(root, source):
        digest.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def run_one(build_dir, source):
    result = subprocess.run(
        ["clang-tidy", "--quiet", "--warnings-as-errors=*", "-p", str(build_dir),
         "--extra-arg=-Wno-unknown-warning-option", str(source)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return result.returncode, result.stdout, result.stderr


def work_list(root, build_dir, cache):
    """(source, marker) of each translation unit that has no marker yet, and how many have one."""
    version = subprocess.run(["clang-tidy", "--version"], stdout=subprocess.PIPE, check=True).stdout
    common = version + (root / ".clang-tidy").read_bytes() + (root / "tests/.clang-tidy").read_bytes()
    todo, clean = [], 0
    for entry in json.loads((build_dir / "compile_commands.json").read_text()):
        source = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if not source.is_relative_to(root) or source.is_relative_to(root / "build"):
            continue
        marker = cache / fingerprint(root, common, entry["command"], source)
        if marker.exists():
            clean += 1
            marker.touch()
        else:
            todo.append((source, marker))
    return todo, clean


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-dir", type=pathlib.Path, default=root / "build/release")
    parser.add_argument("--cache", type=pathlib.Path, default=root / "build/tidy-cache")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    args = parser.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)

    todo, clean = work_list(root, args.build_dir.resolve(), args.cache)
    print(f"clang-tidy: {len(todo)} files to look at, {clean} unchanged since they were clean", flush=True)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = {pool.submit(run_one, args.build_dir, source): (source, marker) for source, marker in todo}
        for done, future in enumerate(concurrent.futures.as_completed(runs), 1):
            source, marker = runs[future]
            code, out, err = future.result()
            print(f"[{done}/{len(todo)}] {source.relative_to(root)}{'' if code == 0 else ': findings'}", flush=True)
            if code == 0:
                marker.touch()
            else:
                bad += 1
                print(out.strip() or err.strip(), flush=True)
    print(f"clang-tidy: {bad} files with findings" if bad else "clang-tidy: clean")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
