#!/usr/bin/env python3
"""test_summary.py RESULTS.xml: of what ctest wrote with --output-junit, the ten slowest tests and, in one line, what was left out and why.

A test is a ctest entry, or where that is a gtest binary each of its tests.
"""
import collections
import re
import sys
import xml.etree.ElementTree

GTEST_TIME = re.compile(r"^\[ +(?:OK|FAILED) +\] (\S+?),? .*?\((\d+) ms\)$", re.MULTILINE)
GTEST_SKIPPED = re.compile(r": Skipped\n(.*)\n")
SCRIPT_SKIPPED = re.compile(r"^skipped: (.*)$", re.MULTILINE)


def read(path):
    """(seconds, name) of each test, and how many were left out for each reason."""
    times, left_out = [], collections.Counter()
    for entry in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name, output = entry.get("name"), entry.findtext("system-out") or ""
        if entry.find("skipped") is not None or entry.get("status") in ("notrun", "disabled"):
            reason = SCRIPT_SKIPPED.search(output)
            left_out[f"{name}: {reason.group(1) if reason else 'not run'}"] += 1
            continue
        cases = [(int(ms) / 1000, f"{name}: {case}") for case, ms in GTEST_TIME.findall(output)]
        times += cases or [(float(entry.get("time") or 0), name)]
        for reason in GTEST_SKIPPED.findall(output):
            left_out[f"{name}: {reason}"] += 1
    return times, left_out


def main():
    times, left_out = read(sys.argv[1])
    print("Slowest tests:")
    for seconds, name in sorted(times, reverse=True)[:10]:
        print(f"  {seconds:7.1f} s  {name}")
    reasons = "; ".join(f"{reason} ({n} tests)" if n > 1 else reason for reason, n in sorted(left_out.items()))
    print(f"Left out: {reasons or 'nothing'}")


main()
