#!/usr/bin/env python3
"""Checks the reports of Autobahn|Testsuite: every case must be there, and must be OK or have the verdict in the list
of exceptions. Prints a table by group, and each case with another verdict.

The exit status is 0 if every case is as it must be, and 1 if not.
"""
import argparse
import csv
import json
import sys
from collections import Counter
from pathlib import Path

OK = ("OK", "OK")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--exceptions", type=Path, required=True, help="case, behavior, close and why, separated by tabs")
    parser.add_argument("--cases", type=Path, required=True, help="the ids of the cases that must have run, one on each line")
    parser.add_argument("side", help="a title")
    parser.add_argument("index", type=Path, nargs="*", help="an index.json of the suite, with some of the cases")
    args = parser.parse_args()

    cases = args.cases.read_text().split()
    expected = dict.fromkeys(cases, OK)
    expected.update((case, verdict) for case, verdict in exceptions(args.exceptions) if case in expected)
    found = dict(verdicts(args.index))

    print(f"{args.side}: {len(found)} of {len(cases)} cases")
    print_table({case: behavior for case, (behavior, _, _) in found.items()})
    wrong = 0
    for case in cases:
        *verdict, report = found.get(case, ("missing", "missing", ""))
        if tuple(verdict) != expected[case]:
            wrong += 1
            print(f"  {case}: {' / '.join(verdict)}, must be {' / '.join(expected[case])}  {report}")
    for case in found.keys() - expected.keys():
        wrong += 1
        print(f"  {case}: was not requested")
    print(f"{args.side}: {wrong} not as they must be" if wrong else f"{args.side}: all as they must be")
    return 1 if wrong or not cases else 0


def exceptions(path):
    lines = (line for line in path.read_text().splitlines() if not line.startswith("#"))
    for case, behavior, close, _why in csv.reader(lines, delimiter="\t"):
        yield case, (behavior, close)


def verdicts(indices):
    for index in indices:
        for cases in json.loads(index.read_text()).values():
            for case, verdict in cases.items():
                yield case, (verdict["behavior"], verdict["behaviorClose"], index.parent / verdict["reportfile"])


def print_table(behaviors):
    counts = Counter((group(case), behavior) for case, behavior in behaviors.items())
    columns = ["OK", *sorted(set(behaviors.values()) - {"OK"})]
    rows = sorted({group(case) for case in behaviors}, key=int)
    print("  group ", *columns, sep="  ")
    for row in rows:
        print(f"  {row:6}", *(f"{counts[row, column]:{len(column)}}" for column in columns), sep="  ")
    totals = Counter(behaviors.values())
    print("  all   ", *(f"{totals[column]:{len(column)}}" for column in columns), sep="  ")


def group(case):
    return case.partition(".")[0]


if __name__ == "__main__":
    sys.exit(main())
