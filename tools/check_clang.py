#!/usr/bin/env python3
"""A second compiler reads the sources: clang's front end, its warnings errors.

    tools/check_clang.py BUILD_DIRECTORY          layers without libtorch: a minute
    tools/check_clang.py BUILD_DIRECTORY --all    all sources: several minutes; programs built by clang: tools/check_all.sh

Needs clang++-14 and BUILD_DIRECTORY/compile_commands.json; exit 77 (skipped) where there is no clang.
"""

import json
import multiprocessing.pool
import os
import pathlib
import shlex
import shutil
import subprocess
import sys

LAYERS = ("core", "grid", "data", "draw", "evaluate", "report")
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wnon-virtual-dtor", "-Wno-missing-field-initializers", "-Werror"]


def check(entry):
    words = iter(shlex.split(entry["command"]))
    flags = []
    for word in words:
        if word in ("-isystem", "-D", "-I"):
            flags += [word, next(words)]
        elif word.startswith(("-D", "-I", "-std=", "-m")):
            flags.append(word)
    command = ["clang++-14", "-fsyntax-only", *flags, *WARNINGS, entry["file"]]
    return subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True)


def main():
    if not shutil.which("clang++-14"):
        print("skipped: clang++-14 is not installed (./setup.sh --checks)")
        return 77
    source = pathlib.Path(__file__).resolve().parents[1] / "src"
    entries = [
        entry
        for entry in json.loads((pathlib.Path(sys.argv[1]) / "compile_commands.json").read_text())
        if source in pathlib.Path(entry["file"]).parents
        and ("--all" in sys.argv or pathlib.Path(entry["file"]).relative_to(source).parts[0] in LAYERS)
    ]
    if len(entries) < 50:
        print(f"check_clang.py: expected the sources of {', '.join(LAYERS)}, found {len(entries)} files")
        return 1
    with multiprocessing.pool.ThreadPool(os.cpu_count()) as pool:
        results = pool.map(check, entries, chunksize=1)
    for result in results:
        if result.returncode != 0:
            print(result.stderr)
    print(f"clang++-14 has read {len(entries)} files")
    return int(any(result.returncode != 0 for result in results))


if __name__ == "__main__":
    sys.exit(main())
