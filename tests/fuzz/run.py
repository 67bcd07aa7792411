#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the fuzzers of a build folder, as many at once as there are CPUs: run.py BUILD SECONDS [TARGET...]. Each has SECONDS.
What they learn stays in BUILD/corpus, what they find in BUILD/findings. Ends with 1 when one found something."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
PROGRESS_S = 10
LEAKS_AT_END = ("inbound", "outbound", "xfrm_server")  # what DPDK's memory points to looks lost before
TARGETS = sorted(path.name for path in (HERE / "seeds").iterdir())


class Run:
  """One fuzzer under way."""

  def __init__(self, build, target, seconds, tmp):
    self.target, self.began = target, time.monotonic()
    self.exe = build / "tests" / "fuzz" / f"fuzz_{target}"
    self.corpus, self.findings = build / "corpus" / target, build / "findings"
    self.log = self.findings / f"{target}.log"
    for folder in (self.corpus, self.findings):
      folder.mkdir(parents=True, exist_ok=True)
    self.known = set(os.listdir(self.corpus))
    self.found_before = set(os.listdir(self.findings))
    options = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=120", "-print_final_stats=1",
               f"-artifact_prefix={self.findings}/{target}-"]
    if target in LEAKS_AT_END:
      options.append("-detect_leaks=0")
    env = {**os.environ, "TMPDIR": tmp, "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
           "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
    with open(self.log, "wb") as log:
      self.process = subprocess.Popen([self.exe, *options, self.corpus, HERE / "seeds" / target], env=env, stdout=log,
                                      stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)

  def last(self, pattern):
    found = re.findall(pattern, self.log.read_text(errors="replace"))
    return int(found[-1]) if found else 0

  def progress(self):
    return f"{self.target} {time.monotonic() - self.began:.0f} s, {self.last(r'#([0-9]+)')} runs"

  def failed(self):
    return self.process.returncode != 0

  def artifacts(self):
    names = set(os.listdir(self.findings)) - self.found_before - {self.log.name}
    return sorted(self.findings / name for name in names if name.startswith(f"{self.target}-"))

  def summary(self):
    runs = self.last(r"stat::number_of_executed_units: ([0-9]+)") or self.last(r"#([0-9]+)")
    new = len(set(os.listdir(self.corpus)) - self.known)
    line = f"{self.target:12} {time.monotonic() - self.began:6.0f} s {runs:11} runs  coverage {self.last(r'cov: ([0-9]+)'):6}"
    return f"{line}  {new:5} inputs kept  {'FOUND SOMETHING' if self.failed() else 'nothing found'}"

  def report(self):
    lines = [f"==> {self.target}: see {self.log}"]
    lines += [f"    again: {self.exe} {path}" for path in self.artifacts()]
    return "\n".join(lines)


def run_all(build, targets, seconds, tmp):
  """Every target's run, in the order in which they ended. ^C ends those under way."""
  waiting, under_way, done, said = list(targets), [], [], time.monotonic()
  try:
    while waiting or under_way:
      while waiting and len(under_way) < len(os.sched_getaffinity(0)):
        under_way.append(Run(build, waiting.pop(0), seconds, tmp))
      time.sleep(0.2)
      for run in [run for run in under_way if run.process.poll() is not None]:
        under_way.remove(run)
        done.append(run)
        print(run.summary(), flush=True)
      if under_way and time.monotonic() - said >= PROGRESS_S:
        said = time.monotonic()
        print("    " + "; ".join(run.progress() for run in under_way) + f"; {len(waiting)} wait", flush=True)
  except KeyboardInterrupt:
    for run in under_way:
      run.process.terminate()
      run.process.wait()
    print(f"interrupted: {', '.join([run.target for run in under_way] + waiting)} did not end")
  return done


def main():
  if len(sys.argv) < 3 or not re.fullmatch(r"[1-9][0-9]{0,6}", sys.argv[2]):
    print("usage: run.py BUILD SECONDS [TARGET...]; SECONDS is 1 to 9999999", file=sys.stderr)
    sys.exit(2)
  build, seconds, targets = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or TARGETS
  for target in targets:
    if target not in TARGETS:
      print(f"there is no target '{target}'; there are: {', '.join(TARGETS)}", file=sys.stderr)
      sys.exit(2)
  tmp = tempfile.mkdtemp(prefix="culvert-fuzz-")
  try:
    done = run_all(build, targets, seconds, tmp)
  finally:
    shutil.rmtree(tmp)
  failed = [run for run in done if run.failed()]
  for run in failed:
    print(run.report())
  print(f"{len(done)} of {len(targets)} targets ran, {len(failed)} found something")
  sys.exit(1 if failed or len(done) < len(targets) else 0)


if __name__ == "__main__":
  main()
