#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Counts the tests of all builds given, from meson's testlog*.json: a cmocka program counts by its cases, any other test
as one. Ends with 1 when one failed, or when a build has no log: a count that is not there is not a pass."""
import collections
import json
import pathlib
import re
import sys

CASE = re.compile(r"^\[\s*(OK|FAILED|SKIPPED)\s*\] (?!\d+ test)", re.MULTILINE)
OF_CASE = {"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}
OF_TEST = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}  # everything else failed


def count_test(test):
  """A program that failed though all its cases passed (a sanitizer's report, a crash) counts as failed once more."""
  verdict = OF_TEST.get(test["result"], "failed")
  cases = collections.Counter(OF_CASE[word] for word in CASE.findall(test.get("stdout", "")))
  if not cases or (verdict == "failed" and not cases["failed"]):
    cases[verdict] += 1
  return cases


def count_build(folder):
  logs = sorted(pathlib.Path(folder, "meson-logs").glob("testlog*.json"))
  if not logs:
    return collections.Counter(failed=1), ["no log"]
  total, failed = collections.Counter(), []
  for log in logs:
    for line in log.read_text().splitlines():
      test = json.loads(line)
      counts = count_test(test)
      total += counts
      if counts["failed"]:
        failed.append(test["name"])
  return total, failed


def text(counts):
  return ", ".join(f"{counts[word]} {word}" for word in ("passed", "failed", "skipped"))


def main():
  total, failed = collections.Counter(), []
  for folder in sys.argv[1:]:
    counts, names = count_build(folder)
    print(f"{folder}: {text(counts)}")
    total += counts
    failed += [f"{folder}: {name}" for name in names]
  for name in failed:
    print(f"failed: {name}")
  print(text(total))
  sys.exit(1 if total["failed"] or not total["passed"] else 0)


if __name__ == "__main__":
  main()
