#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Answers a question about what culvert -j printed, from standard input:
balance           ends with 1, naming the worker, unless rx = tx + punted + dropped + held + joined on every worker
sum NAME...       the sum of these counters over all workers
drops [REASON...] packets dropped for these reasons, for all of them without any (of "stats show drops")
count             how many objects there are
values NAME...    what the first object has under these names"""
import json
import sys

PARTS = ("tx", "punted", "dropped", "held", "joined")


def workers(rows):
  found = [row for row in rows if "worker" in row]
  if not found:
    sys.exit("stats: no worker")
  return found


def balance(rows):
  for row in workers(rows):
    out = sum(row[part] for part in PARTS)
    if row["rx"] != out or row["rx"] != row["from_ports"] + row["from_twins"] + row["made"]:
      sys.exit(f"worker {row['worker']}: rx={row['rx']}, out={out}: " + " ".join(f"{p}={row[p]}" for p in PARTS))


def main():
  question, *names = sys.argv[1:]
  rows = json.load(sys.stdin)
  if question == "balance":
    balance(rows)
  elif question == "sum":
    print(sum(row[name] for row in workers(rows) for name in names))
  elif question == "drops":
    print(sum(row["packets"] for row in rows if not names or row["reason"] in names))
  elif question == "count":
    print(len(rows))
  elif question == "values":
    print(*(rows[0][name] for name in names))
  else:
    sys.exit(__doc__)


if __name__ == "__main__":
  main()
