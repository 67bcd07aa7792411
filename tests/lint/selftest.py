#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Shows every rule of lint.py a tree with one fault, which it must name, and one without, which it must pass."""
import pathlib
import shutil
import sys
import tempfile

import lint

SPDX = "/* SPDX-License-Identifier: BSD-3-Clause\n * A sample. */\n"
FUNCTION = "static int\nlong_one(void)\n{{\n{}\treturn 0;\n}}\n"
UNFINISHED = "TO" + "DO"

CASES = [  # rule, file, a fault, no fault
  ("format", "sa-db/a.c", "int  a ;\n", "int a;\n"),
  ("shell", "tests/a.sh", "#!/bin/sh\nif true; then\n", "#!/bin/sh\nif true; then :; fi\n"),
  ("shell", "bootstrap", "#!/bin/sh\necho $(\n", "#!/bin/sh\necho\n"),
  ("include", "sa-db/a.c", '#include "dataplane/dataplane.h"\n', '#include "sa-db/addr.h"\n'),
  ("include", "sa-db/a.c", "#include <sqlite3.h>\n", "#include <rte_hash.h>\n"),
  ("include", "sa-db/a.c", "#include <rte_mbuf.h>\n", "#include <rte_rcu_qsbr.h>\n"),
  ("include", "sa-db/store.c", "#include <libmnl/libmnl.h>\n", "#include <sqlite3.h>\n"),
  ("include", "dataplane/a.c", '#include "control/client.h"\n', '#include "dataplane/dp.h"\n'),
  ("include", "dataplane/a.c", '#include "dp.h"\n', '#include "dataplane/dp.h"\n'),
  ("include", "dataplane/a.c", "#include <libmnl/libmnl.h>\n", "#include <rte_mbuf.h>\n"),
  ("include", "dataplane/a.c", "#include <intel-ipsec-mb.h>\n", "#include <stdint.h>\n"),
  ("include", "dataplane/engine_ipsec_mb.c", "#include <openssl/evp.h>\n", "#include <intel-ipsec-mb.h>\n"),
  ("include", "dataplane/engine_openssl.c", "#include <intel-ipsec-mb.h>\n", "#include <openssl/evp.h>\n"),
  ("include", "control/a.c", '#include "dataplane/worker.h"\n', '#include "dataplane/dataplane.h"\n'),
  ("include", "control/a.c", "#  include <sqlite3.h>\n", '#include "dataplane/drop.h"\n'),
  ("include", "control/a.c", "#include <rte_ethdev.h>\n", "#include <libmnl/libmnl.h>\n"),
  ("include", "pktgen/a.c", '#include "sa-db/sa.h"\n', '#include "dataplane/dataplane.h"\n'),
  ("include", "pktgen/a.c", '#include "dataplane/esp.h"\n', '#include "pktgen/stream.h"\n'),
  ("spdx", "sa-db/a.c", "/* A sample. */\n", SPDX),
  ("spdx", "tests/a.py", "#!/usr/bin/python3\n", "#!/usr/bin/python3\n# SPDX-License-Identifier: BSD-3-Clause\n"),
  ("spdx", "bootstrap", "#!/bin/sh\n", "#!/bin/sh\n# SPDX-License-Identifier: BSD-3-Clause\n"),
  ("spdx", "control/meson.build", "x = 1\n", "# SPDX-License-Identifier: BSD-3-Clause\n"),
  ("top", "notes.txt", "x\n", None),
  ("top", "tools/a.c", SPDX, None),
  ("top", "README.md", None, "x\n"),
  ("length", "sa-db/a.c", "\n" * 451, "\n" * 450),
  ("length", "tests/a.sh", "#!/bin/sh\n" + "\n" * 450, "#!/bin/sh\n"),
  ("length", "sa-db/a.c", FUNCTION.format("\n" * 68), FUNCTION.format("\n" * 67)),
  ("words", "README.md", "one \u2014 two\n", "one, two\n"),
  ("words", "README.md", "=" * 7 + "\n", "=" * 8 + "\n"),
  ("words", "README.md", "<" * 7 + " HEAD\n", "    <<<<<<<\n"),
  ("words", "sa-db/a.c", f"/* {UNFINISHED} later */\n", "/* done */\n"),
  ("secret", "control/a.c", 'log_info("%s", sa->key);\n', 'log_info("key");\n'),
  ("secret", "control/a.c", 'printf("%u %02x", 1,\n       config.salt[0]);\n', 'printf("%u", config.key_bytes);\n'),
  ("secret", "sa-db/a.c", 'fprintf(stderr, "%02x", key[i]);\n', 'fprintf(stderr, "%u", key->spi_be);\n'),
  ("secret", "dataplane/a.c", "hexdump(sa->key_area, 32);\n", "memcpy(sa->key_area, from, 32);\n"),
  ("secret", "control/a.c", 'json_object_set_new(o, "k", json_string(key_text));\n',
   '/* printf("%s", sa->key) */ json_object_set_new(o, "salt", json_null());\n'),
  ("drops", "dataplane/drop.h", "\tDP_DROP_NO_TEST,\n", "\tDP_DROP_COUNT\n"),
]


def faults(rule, path, content):
  with tempfile.TemporaryDirectory(prefix="culvert-lint-") as name:
    tree = pathlib.Path(name)
    shutil.copy(pathlib.Path(__file__).parents[2] / ".clang-format", tree)
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_text(content, encoding="utf-8")
    return list(lint.RULES[rule](tree))


def main():
  wrong = []
  for rule, path, bad, good in CASES:
    if rule == "format" and not shutil.which("clang-format"):
      continue
    if bad is not None and not faults(rule, path, bad):
      wrong.append(f"{rule} did not find the fault in {path}: {bad!r}")
    if good is not None and faults(rule, path, good):
      wrong.append(f"{rule} found a fault in a good {path}: {good!r}: {faults(rule, path, good)}")
  for rule in lint.RULES:
    if not any(case[0] == rule for case in CASES):
      wrong.append(f"{rule} has no sample")
  print("\n".join(wrong) if wrong else f"{len(CASES)} samples, {len(lint.RULES)} rules")
  sys.exit(1 if wrong else 0)


if __name__ == "__main__":
  main()
