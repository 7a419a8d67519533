#!/usr/bin/env python3
"""No two types of one name with external linkage: the linker would keep one destructor of two, without a word.

    tools/check_names.py [ROOT]

The quick form of what link-time optimisation checks (preset `lto`, tools/check_all.sh): types that stand at namespace scope outside of an
anonymous namespace, which clang-format puts into the first column. Prints each pair; exit 1 where there is one.
"""

import collections
import pathlib
import re
import sys

NAMESPACE = re.compile(r"^(?:inline )?namespace ?([\w:]*) ?\{")
CLOSE = re.compile(r"^\}  // namespace")
TYPE = re.compile(r"^(?:template <.*> )?(?:class|struct|union|enum(?: class| struct)?) (?:\[\[.*?\]\] |alignas\(\S+\) )?([\w:]+)[^;]*(?:\{|$)")


def types_of(path):
    """(qualified name, line) of every type that a file defines with external linkage."""
    namespaces, lines = [], path.read_text().splitlines()
    for number, line in enumerate(lines, 1):
        if opened := NAMESPACE.match(line):
            namespaces.append(opened[1] or "(anonymous)")
        elif CLOSE.match(line) and namespaces:
            namespaces.pop()
        elif (found := TYPE.match(line)) and namespaces and "(anonymous)" not in namespaces:
            if "{" in line or (number < len(lines) and lines[number].startswith("{")):
                yield "::".join([*namespaces, found[1]]), number


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    places = collections.defaultdict(set)
    for path in sorted([*root.glob("src/**/*.h"), *root.glob("src/**/*.cpp")]):
        for name, number in types_of(path):
            places[name].add((str(path.relative_to(root)), number))
    bad = 0
    for name, where in sorted(places.items()):
        if len({file for file, _ in where}) > 1:
            print(f"{name}: " + ", ".join(f"{file}:{number}" for file, number in sorted(where)))
            bad = 1
    if len(places) < 100:
        print(f"check_names.py: expected the types of a program, found {len(places)}")
        bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
