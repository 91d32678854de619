#!/usr/bin/env python3
"""Judges what Autobahn|Testsuite has reported: every case is there, and is OK, or else is what the list of
exceptions says. Prints a table by group, and each case that is not as it should be.

Ends with 0 if all is well, with 1 if not.
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
    parser.add_argument("--exceptions", type=Path, required=True, help="case, behavior, close and why, with tabs between")
    parser.add_argument("--cases", type=Path, required=True, help="the ids of the cases that had to run, one a line")
    parser.add_argument("side", help="a title")
    parser.add_argument("index", type=Path, nargs="*", help="an index.json of the suite, with a share of the cases")
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
        print(f"  {case}: not asked for")
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
