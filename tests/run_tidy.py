#!/usr/bin/env python3
"""Runs clang-tidy over the compile database, in parallel, and remembers what was clean.

A file is not looked at again while its own text, the project headers it includes (directly or not),
its compile command, .clang-tidy and clang-tidy itself are what they were: their hash names an empty
file in the cache folder. Exits 1 when any file has a finding. A plugin (tests/lint/own_code_only.cc),
built on the way, spares clang-tidy the system headers.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

PLUGIN_SOURCE = "tests/lint/own_code_only.cc"
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


def build_plugin(root, cache):
    """Compiles the plugin against the headers of the clang-tidy that will load it."""
    source = root / PLUGIN_SOURCE
    llvm = pathlib.Path(shutil.which("clang-tidy")).resolve().parent.parent
    name = hashlib.sha256(str(llvm).encode() + source.read_bytes()).hexdigest()[:16]
    library = cache / f"own_code_only-{name}.so"
    if not library.exists():
        fresh = library.with_suffix(f".{os.getpid()}")
        subprocess.run(
            ["g++", "-std=c++17", "-O1", "-fPIC", "-shared", "-fno-rtti", "-isystem", str(llvm / "include"),
             str(source), "-o", str(fresh)], check=True)
        fresh.rename(library)
    return library


def run_one(build_dir, plugin, source):
    result = subprocess.run(
        ["clang-tidy", f"--load={plugin}", "--quiet", "--warnings-as-errors=*", "-p", str(build_dir),
         "--extra-arg=-Wno-unknown-warning-option", str(source)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return result.returncode, result.stdout, result.stderr


def work_list(root, build_dir, cache):
    """(source, marker) of each translation unit that has no marker yet, and how many have one."""
    version = subprocess.run(["clang-tidy", "--version"], stdout=subprocess.PIPE, check=True).stdout
    common = version + b"".join(
        (root / name).read_bytes() for name in (".clang-tidy", "tests/.clang-tidy", "bench/.clang-tidy", PLUGIN_SOURCE))
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
    plugin = build_plugin(root, args.cache.resolve()) if todo else None
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        runs = {pool.submit(run_one, args.build_dir, plugin, source): (source, marker) for source, marker in todo}
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
