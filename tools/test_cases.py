#!/usr/bin/env python3
"""Counts the cases of a `meson test` run: one line "passed failed skipped".

Usage: test_cases.py TESTLOG.json. A GoogleTest program counts by its cases, any other test as one.
A program that failed without a failed case (a crash, a sanitizer's report, a timeout) is a failure.
"""
import json
import re
import sys


def cases(word, output):
    counts = re.findall(r"^\[  %s \] (\d+) tests?" % word, output, re.MULTILINE)
    return int(counts[-1]) if counts else 0


def main():
    passed = failed = skipped = 0
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        for line in log:
            test = json.loads(line)
            output = test.get("stdout") or ""
            good = test["result"] in ("OK", "EXPECTEDFAIL")
            if "[==========]" in output:
                bad = cases("FAILED ", output)
                passed += cases("PASSED ", output)
                skipped += cases("SKIPPED", output)
                failed += bad if good or bad else 1
            elif test["result"] == "SKIP":
                skipped += 1
            elif good:
                passed += 1
            else:
                failed += 1
    print(passed, failed, skipped)


if __name__ == "__main__":
    main()
