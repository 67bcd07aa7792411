#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""culvert-pktgen bench as a user meets it: command_bench_test.py PROGRAM. Short real runs, without privileges, huge pages
or a NIC. The figures are those of a busy machine: they must be there and be more than 0, no more is asked of them."""
import json
import math
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

PROGRAM = os.path.abspath(sys.argv.pop(1))
QUICK = ("--time", "1", "--trials", "5", "--batch", "8")
SIZES = (64, 128, 256, 512, 1024, 1422, 8192, "imix")
CPUS = sorted(os.sched_getaffinity(0))
FIGURES = ("cycles", "cycles_low", "cycles_high", "mpps", "gbps")
NOBODY = 65534


class Bench(unittest.TestCase):
  def setUp(self):
    self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

  def call(self, *arguments, program=PROGRAM, **more):
    return subprocess.run([program, "bench", *arguments], cwd=self.dir, capture_output=True, text=True, timeout=240,
                          **more)

  def result(self, *arguments):
    done = self.call(*arguments, *QUICK, "--json", "out.json")
    self.assertEqual((done.returncode, done.stderr), (0, ""))
    self.assertEqual([path.name for path in self.dir.glob("*.part")], [])
    return done.stdout, json.loads((self.dir / "out.json").read_text())

  def assert_figures(self, out):
    self.assertGreater(out["tsc_hz"], 0)
    self.assertTrue(out["cpu"])
    self.assertFalse(out["interrupted"])
    for row in out["results"]:
      of_path = row["bench"] == "path"
      # What the source and the sink cost is taken off: on a busy machine, where that was measured in worse times, little is left.
      for name in FIGURES + (("ratio",) if of_path else ()):
        self.assertTrue(math.isfinite(row[name]), (name, row))
      for name in ("cycles_high",) + (("raw_cycles", "source_sink_cycles") if of_path else ()):
        self.assertGreater(row[name], 0, (name, row))
      self.assertTrue(row["cycles_low"] <= row["cycles"] <= row["cycles_high"], row)

  def assert_table(self, text, out):
    """A line for each row, with its case and its figures."""
    lines = [line.split() for line in text.splitlines()[3:]]
    self.assertEqual(len(lines), len(out["results"]), text)
    for line, row in zip(lines, out["results"]):
      self.assertEqual(line[:3], [row["engine"], str(row["frame"]), row["dir"]])
      esn, cycles = (6, 7) if row["bench"] == "path" else (3, 4)
      self.assertEqual(line[esn], "on" if row["esn"] else "off")
      self.assertEqual(line[cycles], f"{row['cycles']:.1f}")
      if row["bench"] == "path":
        self.assertEqual(line[3:6], [str(row[name]) for name in ("sas", "policies", "workers")])

  def engines(self):
    """Those that this processor can run."""
    return [name for name in ("vaes", "ipsec-mb", "openssl")
            if self.call("aead", "--engine", name, "--frames", "64", *QUICK).returncode == 0]

  def test_every_size_direction_and_number_of_workers_is_measured_with_every_engine(self):
    engines = self.engines()
    self.assertIn("openssl", engines)
    workers = [1, 2] if len(CPUS) > 1 else [1]
    text, out = self.result("path", "--engine", ",".join(engines), "--esn", "both", "--sas", "2", "--workers",
                            ",".join(map(str, workers)))
    self.assert_figures(out)
    self.assert_table(text, out)
    self.assertEqual(
      [(r["bench"], r["engine"], r["esn"], r["workers"], r["dir"], r["frame"]) for r in out["results"]],
      [("path", engine, esn, n, way, size) for engine in engines for esn in (False, True) for n in workers
       for way in ("encrypt", "decrypt") for size in SIZES])
    self.assertEqual({(r["sas"], r["policies"], r["batch"], r["window"]) for r in out["results"]}, {(2, 2, 8, 1024)})

  def test_bare_calls_are_measured(self):
    engines = self.engines()
    text, out = self.result("aead", "--engine", ",".join(engines), "--esn", "both")
    self.assert_figures(out)
    self.assert_table(text, out)
    self.assertEqual([(r["bench"], r["engine"], r["esn"], r["dir"], r["frame"]) for r in out["results"]],
                     [("aead", engine, esn, way, size) for engine in engines for esn in (False, True)
                      for way in ("encrypt", "decrypt") for size in SIZES])

  def test_growth_is_measured_and_drawn(self):
    text, out = self.result("path", "--frames", "64,imix", "--sas", "1,100", "--policies", "100,1k", "--stages", "--svg",
                            "out.svg")
    self.assert_figures(out)
    self.assertEqual([(r["sas"], r["policies"], r["dir"], r["frame"]) for r in out["results"]],
                     [(sas, policies, way, size) for sas in (1, 100) for policies in (100, 1000)
                      for way in ("encrypt", "decrypt") for size in (64, "imix")])
    self.assertEqual(len(re.findall(r"source and sink \d+\.\d, taken off; by the worker's own clock: rx \d", text)), 16)
    for row in out["results"]:
      self.assertIn("esp_out" if row["dir"] == "encrypt" else "esp_in", row["stages"])
    svg = xml.etree.ElementTree.parse(self.dir / "out.svg").getroot()
    tag = "{http://www.w3.org/2000/svg}"
    lines = [line.get("points").split() for line in svg.iter(tag + "polyline")]
    self.assertEqual([len(line) for line in lines], [2] * 8)
    points = [tuple(map(float, point.split(","))) for line in lines for point in line]
    self.assertTrue(all(80 <= x <= 660 and 60 <= y <= 500 for x, y in points), points)
    words = {text.text for text in svg.iter(tag + "text")}
    self.assertLessEqual({"64 encrypt, 100 policies", "imix decrypt, 1000 policies", "cycles a packet"}, words)

  def test_whoever_may_run_it_may_measure(self):
    if os.geteuid() != 0:
      return  # then every test here says it
    program = self.dir / "culvert-pktgen"  # where others than the owner of the tree can read it
    shutil.copy(PROGRAM, program)
    self.dir.chmod(0o777)
    for what in "path", "aead":
      done = self.call(what, "--frames", "64", *QUICK, "--json", what + ".json", program=program, user=NOBODY,
                       group=NOBODY, extra_groups=[], env={**os.environ, "HOME": "/"})
      self.assertEqual((done.returncode, done.stderr), (0, ""))
      self.assert_figures(json.loads((self.dir / (what + ".json")).read_text()))

  def test_a_cpu_of_ones_own_choice_is_taken(self):
    _, out = self.result("path", "--frames", "64", "--cpus", str(CPUS[0]))
    self.assert_figures(out)

  def test_what_cannot_be_measured_is_one_line_before_anything_is(self):
    absent = max(CPUS) + 1
    rows = (
      (("--engine", "openssl,nothing"), "--engine nothing: no engine is called 'nothing'; accepted: auto, vaes, ipsec"),
      (("--cpus", str(absent)), f'cpus: "{absent}" must name 1 CPUs of '),
      (("--json", "no/such/dir"), "no/such/dir: cannot be written: No such file or directory"),
    )
    only_path = (
      (("--svg", "no/such/dir", "--sas", "1,2"), "no/such/dir: cannot be written: No such file or directory"),
      (("--workers", "32", "--window", "65536"), f"--workers 32: this process may use {len(CPUS)} CPUs, and each wants"),
    )
    for what, arguments, line in [("path", *row) for row in rows + only_path] + [("aead", *row) for row in rows]:
      if line.startswith("--workers") and len(CPUS) >= 32:
        continue
      with self.subTest(what, arguments=arguments):
        done = self.call(what, "--json", "out.json", *arguments)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertTrue(done.stderr.startswith("culvert-pktgen bench: " + line), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(list(self.dir.iterdir()), [])

  def test_usage_is_told_with_exit_code_2(self):
    for arguments in ((), ("fly",), ("path", "--frames", "63"), ("path", "--svg", "a.svg"), ("aead", "--sas", "1")):
      with self.subTest(arguments):
        done = self.call(*arguments)
        self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")), (2, "", 1))
    done = subprocess.run([PROGRAM, "-q", "bench", "path"], capture_output=True, text=True, timeout=60)
    self.assertEqual((done.returncode, done.stdout), (2, ""))
    self.assertIn("bench must be the first word", done.stderr)

  def test_an_interrupt_ends_it_after_the_last_whole_case_with_what_was_measured(self):
    """Each case takes some seconds, and all of them far longer than a signal may."""
    cases = 16
    with subprocess.Popen([PROGRAM, "bench", "path", "--frames", "64", "--time", "200", "--trials", "5", "--dir",
                           "encrypt", "--sas", ",".join(map(str, range(1, cases + 1))), "--json", "out.json", "--svg",
                           "out.svg"], cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True) as process:
      lines = [process.stdout.readline() for _ in range(4)]
      self.assertIn("encrypt", lines[3])
      process.send_signal(signal.SIGINT)
      rest, errors = process.communicate(timeout=60)
    self.assertEqual((process.returncode, errors), (0, ""))
    out = json.loads((self.dir / "out.json").read_text())
    self.assertTrue(out["interrupted"])
    done = len(out["results"])
    self.assertIn(done, range(1, cases))
    self.assertTrue(rest.endswith(f"note: interrupted after {done} of {cases} cases\n"), rest)
    self.assertEqual([row["sas"] for row in out["results"]], list(range(1, done + 1)))
    xml.etree.ElementTree.parse(self.dir / "out.svg")

  def test_a_table_that_cannot_be_written_is_a_failure(self):
    with open("/dev/full", "w") as full:
      done = subprocess.run([PROGRAM, "bench", "aead", "--frames", "64", *QUICK], stdout=full, stderr=subprocess.PIPE,
                            text=True, timeout=60)
    self.assertEqual(done.returncode, 1)
    self.assertIn("the table cannot be written: No space left on device", done.stderr)

  def test_the_command_and_its_options_are_in_the_help(self):
    done = self.call("--help")
    self.assertEqual((done.returncode, done.stderr), (0, ""))
    done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, timeout=60)
    self.assertRegex(done.stdout, r"bench +path\|aead .*bench --help")


if __name__ == "__main__":
  unittest.main(verbosity=2)
