#!/usr/bin/env python3
"""House rules that no compiler checks: sizes, include direction, folder pages, left-overs.

Prints one line a finding (path:line: what) and exits 1 when there is any.
"""

import argparse
import ast
import pathlib
import re
import sys

FOLDERS = ("format", "engine", "server", "tools", "tests", "bench")
HEADER_LINES_MAX = 250
SOURCE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70

# What each layer must not include. Tests and benchmarks stand above all of them.
FORBIDDEN_INCLUDES = {
    "format": ("engine/", "server/", "tools/", "tests/", "bench/"),
    "engine": ("server/", "tools/", "tests/", "bench/"),
    "server": ("tools/", "tests/", "bench/"),
    "tools": ("server/", "tests/", "bench/"),
}
ROCKSDB_FOLDERS = ("engine/", "tests/engine/", "bench/")

INCLUDE = re.compile(r'\s*#\s*include\s*["<]([^">]+)[">]')
LEFT_OVER = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
# GCC drops calls of functions whose only effect is this builtin; PrefetchLine stays.
BARE_PREFETCH = "__builtin_" + "prefetch"
PREFETCH_HEADER = "format/prefetch.h"
# Comments, string and character literals, and preprocessor lines: what may hide a brace.
HIDDEN = re.compile(
    r"""//[^\n]* | /\*.*?\*/ | R"(?P<tag>[^()\s\\]*)\(.*?\)(?P=tag)" | "(?:\\.|[^"\\\n])*"
        | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+' | ^[ \t]*\#(?:[^\n]*\\\n)*[^\n]*""",
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)

LEAD = re.compile(r"\s*((public|private|protected)\s*:\s*)*")  # before a declaration


def blank_hidden(text):
    """The text with every hidden part turned into spaces; line numbers stay."""
    return HIDDEN.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def block_kind(head):
    """What a brace opens, judged by the code before it at namespace or class level."""
    if re.search(r'\bnamespace\b|\bextern\s*$', head):
        return "scope"
    if re.search(r"\b(class|struct|union|enum)\b[^()]*$", head) and not head.endswith("="):
        return "scope"
    return "function" if "(" in head else "other"


def cpp_functions(text):
    """Yields (first line, last line) of every function body, declarator included."""
    code = blank_hidden(text)
    stack = []  # (kind, start of the code before the brace)
    start = 0  # where the current declaration begins
    for match in re.finditer(r"[{};]", code):
        at, token = match.start(), match.group()
        inside_body = any(kind != "scope" for kind, _ in stack)
        if token == ";":
            if not inside_body:
                start = at + 1
        elif token == "{":
            kind = "nested" if inside_body else block_kind(code[start:at].strip())
            stack.append((kind, start))
            if kind == "scope":
                start = at + 1
        elif stack:
            kind, opened = stack.pop()
            if kind == "nested":
                continue
            # `Foo() : a_{1}, b_{2} {`: a member's braces belong to the declarator.
            if kind != "scope" and re.match(r"\s*[,{(]", code[at + 1 :]):
                start = opened
                continue
            if kind == "function":
                first = LEAD.match(code, opened).end()
                yield code.count("\n", 0, first) + 1, code.count("\n", 0, at) + 1
            start = at + 1


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno


def include_findings(path, lines):
    layer = path.split("/")[0]
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match.group(1)
        if target.startswith("rocksdb/") and not path.startswith(ROCKSDB_FOLDERS):
            yield number, f"{layer} must not include RocksDB"
        if target.startswith(FORBIDDEN_INCLUDES.get(layer, ())):
            yield number, f"{layer} must not include {target}"


def file_findings(path, text):
    lines = text.splitlines()
    limit = HEADER_LINES_MAX if path.endswith(".h") else SOURCE_LINES_MAX
    if len(lines) > limit:
        yield len(lines), f"{len(lines)} lines, at most {limit}"
    functions = python_functions if path.endswith(".py") else cpp_functions
    for first, last in functions(text):
        if last - first + 1 > FUNCTION_LINES_MAX:
            yield first, f"function of {last - first + 1} lines, at most {FUNCTION_LINES_MAX}"
    for number, line in enumerate(lines, 1):
        if LEFT_OVER.search(line):
            yield number, "left-over: " + line.strip()
        if BARE_PREFETCH in line and path != PREFETCH_HEADER:
            yield number, f"{BARE_PREFETCH}: use PrefetchLine of {PREFETCH_HEADER}"
    if not path.endswith(".py"):
        yield from include_findings(path, lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    root = parser.parse_args().root
    count = 0
    for folder in FOLDERS:
        if not (root / folder / "README.md").is_file():
            print(f"{folder}/README.md: missing; each folder opens with a page")
            count += 1
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in (".h", ".cc", ".py"):
                continue
            path = file.relative_to(root).as_posix()
            for line, what in file_findings(path, file.read_text(encoding="utf-8")):
                print(f"{path}:{line}: {what}")
                count += 1
    print(f"house rules: {count} findings" if count else "house rules: kept")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
