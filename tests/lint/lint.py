#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The rules of the house that a program can check. lint.py RULE [TREE] prints one line per fault, file and line first,
and ends with 1 when there was one. selftest.py shows each rule a fault that it must find."""
import pathlib
import re
import subprocess
import sys

ROOMS = ("sa-db", "dataplane", "control", "pktgen", "tests")
TOP = {*ROOMS, "meson.build", "meson_options.txt", "README.md", "CONTRIBUTING.md", "LICENSE", "bootstrap"}
NOT_OURS = re.compile(r"^(build.*|\.git|__pycache__)$")
MAX_FILE_LINES = 450
MAX_FUNCTION_LINES = 70


def files(tree, *endings):
  """Files of the tree, relative; endings: suffixes or whole names. Without any: every file."""
  found = []
  pending = [tree]
  while pending:
    for path in sorted(pending.pop().iterdir()):
      if NOT_OURS.match(path.name):
        continue
      if path.is_dir():
        pending.append(path)
      elif not endings or path.suffix in endings or path.name in endings:
        found.append(path.relative_to(tree))
  return sorted(found)


def read(tree, path):
  return (tree / path).read_text(encoding="utf-8")


def is_script(tree, path):
  return path.suffix in (".sh", ".py") or (not path.suffix and (tree / path).read_bytes().startswith(b"#!"))


# ---- format, syntax ----
def rule_format(tree):
  paths = [str(path) for path in files(tree, ".c", ".h")]
  if not paths:
    return
  done = subprocess.run(["clang-format", "--dry-run", "-Werror", *paths], cwd=tree, stderr=subprocess.PIPE, text=True)
  if done.returncode != 0:
    yield from (line for line in done.stderr.splitlines() if ": error:" in line)


def rule_shell(tree):
  for path in files(tree):
    if not is_script(tree, path) or path.suffix == ".py" or "python" in read(tree, path).split("\n", 1)[0]:
      continue
    done = subprocess.run(["sh", "-n", str(path)], cwd=tree, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
      yield f"{path}: {done.stderr.strip()}"


# ---- who may look into whom: design's table ----
LIBRARIES = {  # header: where it may be included
  "sqlite3.h": r"sa-db/(store\.c|journal\.[ch])|tests/unit/sa-db/.*",
  "libmnl/": r"control/.*|tests/.*",
  "intel-ipsec-mb.h": r"dataplane/engine_ipsec_mb\.c|tests/.*",
  "openssl/": r"dataplane/engine_openssl\.c|control/.*|tests/.*",
  "event2/": r"control/.*|tests/.*",
  "event.h": r"",
  "seccomp.h": r"control/filter\.c|tests/.*",
  "yaml.h": r"(control|pktgen|tests)/.*",
  "jansson.h": r"control/.*|tests/.*|pktgen/.*",
  "systemd/": r"control/.*",
  "cmocka.h": r"tests/.*",
  "rte_ethdev.h": r"(dataplane|pktgen|tests)/.*",
  "rte_mbuf": r"(dataplane|pktgen|tests)/.*",
  "rte_eal.h": r"(dataplane|pktgen|tests)/.*",
}
ROOM_SEES = {
  "sa-db": r"sa-db/.*",
  "dataplane": r"(sa-db|dataplane)/.*",
  "control": r"(sa-db|control)/.*|dataplane/(dataplane|drop)\.h",
  "pktgen": r"pktgen/.*|dataplane/dataplane\.h",
  "tests": r"(sa-db|dataplane|control|pktgen|tests)/.*",
}


def library_fault(path, header):
  for start, places in LIBRARIES.items():
    if header.startswith(start) and not re.fullmatch(places, str(path)):
      return f"<{header}> may be included only by {places or 'no file'}"
  return None


def own_fault(path, header):
  room = path.parts[0]
  if room not in ROOM_SEES:
    return None
  if header.split("/")[0] not in ROOMS:
    return f'"{header}": own headers are named from the top, as in "sa-db/addr.h"'
  if not re.fullmatch(ROOM_SEES[room], header):
    return f'"{header}": {room} may include only {ROOM_SEES[room]}'
  return None


def rule_include(tree):
  for path in files(tree, ".c", ".h"):
    for number, line in enumerate(read(tree, path).splitlines(), 1):
      match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)', line)
      if not match:
        continue
      kind, header = match.groups()
      fault = library_fault(path, header) if kind == "<" else own_fault(path, header)
      if fault:
        yield f"{path}:{number}: {fault}"


# ---- every file says what it is ----
def rule_spdx(tree):
  for path in files(tree):
    if path.suffix in (".c", ".h", ".yaml", ".service", ".y", ".l") or path.name.startswith("meson") or \
       is_script(tree, path) or path.name == ".clang-format":
      head = read(tree, path).split("\n")[:2]
      if not any("SPDX-License-Identifier: BSD-3-Clause" in line for line in head):
        yield f"{path}:1: no SPDX line"


def rule_top(tree):
  for path in sorted(tree.iterdir()):
    if path.name not in TOP and not path.name.startswith(".") and not NOT_OURS.match(path.name):
      yield f"{path.name}: does not belong at the top level; allowed: {', '.join(sorted(TOP))} and dotfiles"


# ---- a file is a job, a function fits on a screen ----
def functions(text):
  """(name, first line, lines) of each function of a C file in the house's format: braces in the first column."""
  lines = text.splitlines()
  start = name = None
  for number, line in enumerate(lines, 1):
    if line == "{" and number > 1:
      start = number
      before = " ".join(lines[max(0, number - 6):number - 1])
      names = re.findall(r"(\w+)\(", before.split(";")[-1].split("}")[-1])
      name = names[0] if names else "?"
    elif line.startswith("}") and start:
      yield name, start, number - start + 1
      start = None


def rule_length(tree):
  for path in files(tree):
    if path.suffix not in (".c", ".h") and not is_script(tree, path):
      continue
    text = read(tree, path)
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
      yield f"{path}: {lines} lines; a file is a job of at most {MAX_FILE_LINES}"
    if path.suffix in (".c", ".h"):
      for name, start, count in functions(text):
        if count > MAX_FUNCTION_LINES:
          yield f"{path}:{start}: {name} has {count} lines; a function fits on a screen ({MAX_FUNCTION_LINES})"


# ---- words ----
def rule_words(tree):
  dash, unfinished = "\u2014", re.compile("TO" + "DO|FIX" + "ME|XX" + "X:")
  unmerged = re.compile(r"(<{7}|>{7}|\|{7}) |={7}$")
  for path in files(tree):
    try:
      text = read(tree, path)
    except UnicodeDecodeError:
      continue
    for number, line in enumerate(text.splitlines(), 1):
      if dash in line:
        yield f"{path}:{number}: an em dash"
      if unfinished.search(line):
        yield f"{path}:{number}: unfinished work is an issue, not a comment"
      if unmerged.match(line):
        yield f"{path}:{number}: git could not merge this, and nobody has"


# ---- no secret in what is written for people ----
PRINTERS = re.compile(r"\b(\w*printf|\w*log_\w+|\w*_log|syslog|sd_journal_\w+|rte_log|RTE_LOG|puts|fputs|perror|json_\w+|"
                      r"\w*_error_(set|add)|\w*_hex|\w*hexdump)\s*\(")
SECRET = re.compile(r"(\.|->)(key|salt)\b(?!\s*(\.|->))|\b(salt|key_area|raw_key|key_text|secret)\b|\bkey\s*\[")
MAY_PRINT = {  # names that look like a secret's and are none
  ("control/client.c", "salt"),  # makes a socket's file name unlike any other
  ("control/config_yaml.c", "->key"),  # of a YAML mapping
  ("control/keying_offer.c", "->key"),  # the one text that exists to hold a key: an offer to the peer
  ("control/keying_offer.c", "->salt"),
}


def arguments(text, start):
  """What stands between the parentheses from start, strings blanked, and its end."""
  depth, at, out = 1, start, []
  while at < len(text) and depth:
    char = text[at]
    if char in "\"'":
      end = at + 1
      while end < len(text) and text[end] != char:
        end += 2 if text[end] == "\\" else 1
      at = end
      char = " "
    depth += {"(": 1, ")": -1}.get(char, 0)
    out.append(char)
    at += 1
  return "".join(out)


def rule_secret(tree):
  for path in files(tree, ".c", ".h"):
    if path.parts[0] == "tests":
      continue
    text = re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match[0]), read(tree, path), flags=re.DOTALL)
    for match in PRINTERS.finditer(text):
      found = SECRET.search(arguments(text, match.end()))
      if found and (str(path), found[0]) not in MAY_PRINT:
        line = text.count("\n", 0, match.start()) + 1
        yield f"{path}:{line}: {match[1]}() is given '{found[0]}': keys and salts are never written out"


# A test that only lists all reasons causes none.
LISTS_REASONS = ("tests/unit/dataplane/drop_test.c", "tests/unit/control/own_codec_test.c")


def rule_drops(tree):
  """Every reason to drop a packet is one that some test causes: a unit test by its constant, a witness by its name."""
  if not (tree / "dataplane/drop.h").is_file():
    return
  tests = [path for path in files(tree, ".c", ".h", ".py") if path.parts[0] == "tests"]
  units = "".join(read(tree, path) for path in tests if path.parts[1] == "unit" and str(path) not in LISTS_REASONS)
  witnesses = "".join(read(tree, path) for path in tests if path.parts[1] == "witness")
  for number, line in enumerate(read(tree, "dataplane/drop.h").splitlines(), 1):
    match = re.match(r"\tDP_DROP_(?!COUNT)(\w+),", line)
    name = match and match[1].lower().replace("_", "-")
    if match and not re.search(rf"\bDP_DROP_{match[1]}\b", units) and f'"{name}"' not in witnesses:
      yield f"dataplane/drop.h:{number}: no test causes {name}"


RULES = {name[5:]: rule for name, rule in list(globals().items()) if name.startswith("rule_")}


def main():
  if len(sys.argv) not in (2, 3) or sys.argv[1] not in RULES:
    print(f"usage: lint.py {'|'.join(RULES)} [TREE]", file=sys.stderr)
    sys.exit(2)
  tree = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else pathlib.Path(__file__).parents[2]).resolve()
  faults = list(RULES[sys.argv[1]](tree))
  print("\n".join(faults) if faults else f"{sys.argv[1]}: no fault")
  sys.exit(1 if faults else 0)


if __name__ == "__main__":
  main()
