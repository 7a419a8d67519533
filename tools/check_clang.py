#!/usr/bin/env python3
"""A second compiler reads the sources: clang's front end and the checks of .clang-tidy; what they say are errors.

    tools/check_clang.py BUILD_DIRECTORY                     layers without libtorch: five minutes of two cores
    tools/check_clang.py BUILD_DIRECTORY --all               all sources: half an hour; programs built by clang: tools/check_all.sh
    tools/check_clang.py BUILD_DIRECTORY src/data/frame.cpp  these

Needs clang-tidy-14 and BUILD_DIRECTORY/compile_commands.json; exit 77 (skipped) where there is no clang-tidy.
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
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-Wnon-virtual-dtor", "-Wno-missing-field-initializers"]


def check(entry):
    words = iter(shlex.split(entry["command"]))
    flags = []
    for word in words:
        if word in ("-isystem", "-D", "-I"):
            flags += [word, next(words)]
        elif word.startswith(("-D", "-I", "-std=", "-m")):
            flags.append(word)
    command = ["clang-tidy-14", "--quiet", entry["file"], "--", *flags, *WARNINGS]
    return subprocess.run(command, cwd=entry["directory"], capture_output=True, text=True)


def main():
    if not shutil.which("clang-tidy-14"):
        print("skipped: clang-tidy-14 is not installed (./setup.sh --checks)")
        return 77
    source = pathlib.Path(__file__).resolve().parents[1] / "src"
    wanted = [pathlib.Path(name).resolve() for name in sys.argv[2:] if name != "--all"]

    def is_wanted(file):
        if wanted:
            return file in wanted
        return source in file.parents and ("--all" in sys.argv or file.relative_to(source).parts[0] in LAYERS)

    commands = json.loads((pathlib.Path(sys.argv[1]) / "compile_commands.json").read_text())
    entries = [entry for entry in commands if is_wanted(pathlib.Path(entry["file"]))]
    if len(entries) < (len(wanted) or 50):
        print(f"check_clang.py: {len(entries)} of {len(wanted) or 'more than 50'} files are in compile_commands.json")
        return 1
    with multiprocessing.pool.ThreadPool(os.cpu_count()) as pool:
        results = pool.map(check, entries, chunksize=1)
    for result in results:
        if result.returncode != 0:
            print(result.stdout)
    print(f"clang-tidy-14 has read {len(entries)} files")
    return int(any(result.returncode != 0 for result in results))


if __name__ == "__main__":
    sys.exit(main())
