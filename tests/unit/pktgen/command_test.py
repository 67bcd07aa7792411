#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""culvert-pktgen as a user meets it: command_test.py PROGRAM. Devices are net_ring (a loop) and net_memif (two ports of
one process, a wire between them), so neither privileges nor a NIC are needed. No timing decides."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

PROGRAM = os.path.abspath(sys.argv.pop(1))
LOOP = "tx: {device: net_ring0, destination_mac: 02:00:00:00:00:02}\n"
# Other tests of the machine take huge pages and give them back meanwhile.
FLOWS = "huge_pages: off\nflows: {count: 10, source: 10.1.0.1-10.1.0.5, destination: 10.2.0.1-10.2.0.2}\n"
QUICK = LOOP + FLOWS + "threads: 1\nduration: 100ms\n"


class Commands(unittest.TestCase):
  def setUp(self):
    self.dir = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    self.scenario = self.dir / "s.yaml"

  def call(self, scenario, *arguments):
    self.scenario.write_text(scenario)
    return subprocess.run([PROGRAM, *arguments], cwd=self.dir, capture_output=True, text=True, timeout=120)

  def result(self, scenario, *arguments):
    done = self.call(scenario, *arguments, "--json", "out.json")
    self.assertEqual((done.returncode, done.stderr), (0, ""))
    self.assertFalse((self.dir / "out.json.part").exists())
    return done.stdout, json.loads((self.dir / "out.json").read_text())

  def assert_whole(self, result):
    frames = result["frames"]
    self.assertGreater(frames["sent"], 0)
    self.assertEqual(frames["received"], frames["sent"])
    for name in ("lost", "duplicates", "reordered", "too_late", "corrupt_header", "corrupt_flow", "corrupt_payload"):
      self.assertEqual(frames[name], 0, name)
    latency = result["latency_ns"]
    self.assertEqual(latency["count"], frames["received"])
    order = [latency[name] for name in ("min", "p50", "p90", "p99", "p99.9", "max")]
    self.assertEqual(order, sorted(order))

  def test_a_loop_gives_back_what_was_sent(self):
    text, out = self.result(QUICK + "rate: 20kpps\nsizes: imix\nwarm_up: 20ms\n", "run", "s.yaml")
    self.assert_whole(out["result"])
    self.assertEqual((out["tool"], out["command"], out["flow_count"]), ("culvert-pktgen", "run", 10))
    self.assertEqual(out["result"]["rate"]["asked_pps"], 20000)
    self.assertAlmostEqual(out["result"]["seconds"], 0.1, places=6)
    # All that is due, unless the machine kept the generator from its rate, which it then says.
    self.assertLessEqual(out["result"]["frames"]["sent"], 2000)
    self.assertTrue(out["result"]["frames"]["sent"] == 2000 or out["result"]["rate"]["kept"] < 1)
    self.assertEqual(sum(flow["sent"] for flow in out["worst_flows"]), out["result"]["frames"]["sent"])
    self.assertIn(f"sent        {out['result']['frames']['sent']} frames", text)
    self.assertIn("lost        0 (0.0000 %)", text)

  def test_two_ports_and_two_threads_lose_nothing_on_a_plain_wire(self):
    device = "net_memif{n},role={role},socket=" + str(self.dir / "wire") + ",socket-abstract=no"
    tx, rx = (device.format(n=n, role=role) for n, role in enumerate(("server", "client")))
    scenario = (f'tx: {{device: "{tx}", destination_mac: 02:00:00:00:00:02}}\nrx: {{device: "{rx}"}}\n' + FLOWS +
                "sizes: [64, 1514]\nrate: 5kpps\nduration: 200ms\npoll: adaptive\nudp_checksum: full\ndrain: 30s\n")
    _, out = self.result(scenario, "run", "s.yaml")
    self.assert_whole(out["result"])

  def test_a_path_that_carries_nothing_is_told(self):
    scenario = (QUICK + "learn: 150ms\ndrain: 0s\nsearch: {trial: 20ms, max: 10kpps}\n").replace(
      "net_ring0", '"net_null0,no-rx=1"')
    text, out = self.result(scenario, "run", "s.yaml")
    frames = out["result"]["frames"]
    self.assertGreater(frames["sent"], 0)
    self.assertEqual((frames["received"], frames["lost"], frames["loss"]), (0, frames["sent"], 1))
    self.assertEqual((out["learning"]["destinations"], out["learning"]["reached"]), (2, 0))
    self.assertGreater(out["learning"]["sent"], 0)
    self.assertIn("note: no learning frame came through to 2 of 2 destinations", text)
    _, out = self.result(scenario, "search", "s.yaml")
    # A starved machine may keep the generator from its rate.
    self.assertIn(out["results"][0]["outcome"], ("none", "unsteady"))
    self.assertIsNone(out["results"][0]["throughput"])

  def test_learning_reaches_each_destination_and_may_be_left_out(self):
    _, out = self.result(QUICK, "run", "s.yaml")
    learning = out["learning"]
    self.assertEqual((learning["destinations"], learning["reached"]), (2, 2))
    self.assertEqual(learning["sent"], learning["received"])
    _, out = self.result(QUICK + "learn: 0s\n", "run", "s.yaml")
    self.assertEqual(set(out["learning"].values()), {0})
    self.assert_whole(out["result"])

  def test_a_rate_beyond_the_generator_is_said_and_is_no_loss(self):
    text, out = self.result(QUICK + "rate: 1000Mpps\n", "run", "s.yaml")
    self.assert_whole(out["result"])
    self.assertFalse(out["result"]["rate"]["rate_kept"])
    self.assertLess(out["result"]["rate"]["kept"], 0.5)
    self.assertIn("note: the generator could not keep the asked rate", text)
    self.assertIn("could not keep", out["result"]["remarks"][0])

  def test_a_search_tells_rate_and_latency_for_each_size_and_draws_them(self):
    text, out = self.result(QUICK + "search: {sizes: [64, imix], trial: 50ms, max: 1kpps, loads: [50%]}\n", "search",
                            "s.yaml", "--svg", "out.svg")
    self.assertEqual([mix["sizes"] for mix in out["results"]], ["64", "imix"])
    for mix in out["results"]:
      # A starved machine may keep the generator from its rate; nothing may be lost on a loop.
      self.assertIn(mix["outcome"], ("at-max", "generator-limited"))
      self.assertEqual(len(mix["trials"]), 1)
      self.assert_whole(mix["throughput"])
      self.assertEqual(len(mix["loads"]), 1)
      self.assertAlmostEqual(mix["loads"][0]["rate"]["asked_pps"], mix["throughput"]["rate"]["sent_pps"] / 2, delta=1)
    self.assertEqual(len(text.splitlines()), 5)
    svg = xml.etree.ElementTree.parse(self.dir / "out.svg").getroot()
    tag = "{http://www.w3.org/2000/svg}"
    lines = [line.get("points").split() for line in svg.iter(tag + "polyline")]
    self.assertEqual([len(line) for line in lines], [2] * 6)
    points = [tuple(map(float, point.split(","))) for line in lines for point in line]
    self.assertTrue(all(80 <= x <= 660 and 50 <= y <= 700 for x, y in points), points)
    words = {text.text for text in svg.iter(tag + "text")}
    self.assertLessEqual({"64 bytes", "imix bytes", "load, Mpps sent", "Mpps received", "microseconds"}, words)

  def test_an_interrupt_ends_it_in_order_with_the_result_so_far(self):
    self.scenario.write_text(LOOP + FLOWS + "threads: 1\nduration: 10min\nrate: 1kpps\n")
    terminal, stderr = os.openpty()
    with subprocess.Popen([PROGRAM, "run", "s.yaml", "--json", "out.json"], cwd=self.dir, stderr=stderr,
                          stdout=subprocess.PIPE, text=True) as process:
      os.close(stderr)
      shown = b""
      while not re.search(rb"64  +\d+\.\d s  sent \d\.\d{4} Mpps  received \d", shown):
        shown += os.read(terminal, 4096)
      process.send_signal(signal.SIGINT)
      text, _ = process.communicate(timeout=60)
    os.close(terminal)
    self.assertEqual(process.returncode, 0)
    out = json.loads((self.dir / "out.json").read_text())
    self.assert_whole(out["result"])
    self.assertTrue(out["result"]["interrupted"])
    self.assertLess(out["result"]["seconds"], 600)
    self.assertRegex(text, r"note: interrupted after \d+\.\d+ s")

  def test_a_mistake_is_one_line_with_file_line_and_key(self):
    absent = QUICK.replace("net_ring0", "net_af_packet0,iface=not-there").replace("{device: ", '{device: "').replace(
      "not-there", 'not-there"')
    rows = (
      (QUICK + "speed: 1\n", "s.yaml:6: speed: unknown key"),
      (QUICK + "sizes: 63\n", 's.yaml:6: sizes: "63" is out of bounds'),
      (QUICK + "rate: 200%\n", 's.yaml:6: rate: "200%" is out of bounds'),
      (absent, "s.yaml:1: tx.device: device net_af_packet0,iface=not-there: no network interface named not-there"),
      (QUICK.replace("net_ring0", "net_nothing0"), "s.yaml:1: tx.device: device net_nothing0: DPDK cannot open it"),
      (QUICK.replace("net_ring0", "'0000:ff:1f.7'"), "s.yaml:1: tx.device: device 0000:ff:1f.7: DPDK cannot open"),
      (QUICK + "rx: {device: net_nothing1}\n", "s.yaml:6: rx.device: device net_nothing1: DPDK cannot open it"),
      (QUICK + "link: 1Gbit/s\nrate: 2Mpps\n", "s.yaml:7: rate: 2000000 frames of 64 bytes a second do not fit the link"),
      (QUICK.replace("net_ring0", "'net_memif0,socket=/no/such/s,socket-abstract=no'"),
       "s.yaml:1: tx.device: device net_memif0,socket=/no/such/s,socket-abstract=no: folder /no/such of its socket: No"),
      (QUICK + "cpus: [1000]\n", "s.yaml:6: cpus: give 1 of "),
      (QUICK + "cpus: [0, 1]\n", "s.yaml:6: cpus: give 1 of "),
      (QUICK.replace("destination_mac: 02:00:00:00:00:02", "gateway: 10.1.0.99") + "link_wait: 50ms\n",
       "s.yaml:1: tx.gateway: no answer to ARP"),
    )
    for scenario, line in rows:
      for command in "run", "search":
        with self.subTest(line, command=command):
          done = self.call(scenario, command, "s.yaml", "--json", "out.json")
          self.assertEqual((done.returncode, done.stdout), (1, ""))
          self.assertTrue(done.stderr.startswith(line), done.stderr)
          self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
          self.assertEqual(list(self.dir.glob("out*")), [])

  def test_what_cannot_be_read_or_written_is_refused_before_the_work(self):
    for arguments, line in (
      (("run", "absent.yaml"), "absent.yaml: cannot be read: No such file or directory\n"),
      (("run", "s.yaml", "--json", "no/such/dir"), "no/such/dir: cannot be written: No such file or directory\n"),
      (("search", "s.yaml", "--svg", "no/such/dir"), "no/such/dir: cannot be written: No such file or directory\n"),
    ):
      with self.subTest(arguments):
        done = self.call(QUICK, *arguments)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (1, "", line))

  def test_usage_is_told_with_exit_code_2(self):
    for arguments in ((), ("fly",), ("run",), ("run", "a", "b"), ("run", "a", "--fast"), ("run", "a", "--json"),
                      ("run", "a", "--svg", "b"), ("search",)):
      with self.subTest(arguments):
        done = self.call(QUICK, *arguments)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn("see culvert-pktgen --help", done.stderr)

  def test_help_and_version_are_told(self):
    done = self.call(QUICK, "--help")
    self.assertEqual((done.returncode, done.stderr), (0, ""))
    for word in ("run", "search", "--json", "--svg", "Exit code"):
      self.assertIn(word, done.stdout)
    self.assertRegex(self.call(QUICK, "--version").stdout, r"^culvert-pktgen \d+\.\d+\.\d+\n$")

  def test_nothing_is_left_behind(self):
    self.scenario.write_text(QUICK)
    with subprocess.Popen([PROGRAM, "run", "s.yaml"], cwd=self.dir, stdout=subprocess.DEVNULL) as process:
      self.assertEqual(process.wait(timeout=120), 0)
    # Others of the machine may come and go meanwhile.
    self.assertFalse(pathlib.Path(f"/var/run/dpdk/culvert-pktgen-{process.pid}").exists())


if __name__ == "__main__":
  unittest.main(verbosity=2)
