#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Makes the guest's initramfs: image.py KERNEL_FOLDER OUTPUT FILE... puts into a cpio archive busybox, the guest's init,
the modules that ESP needs, and the files given with the libraries that they need; a folder is taken whole."""
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
MODULES = ("virtio_pci", "virtio_net", "esp4", "esp6", "gcm", "ctr", "ghash-generic", "chacha_generic",
           "poly1305_generic", "chacha20poly1305", "seqiv", "echainiv", "ansi_cprng",
           "xfrm_user", "tun", "veth")
S_DIR, S_FILE, S_TEXT, S_LINK = 0o040755, 0o100755, 0o100644, 0o120777


class Archive:
  """A cpio archive in the form that the kernel reads ("newc")."""

  def __init__(self, path):
    self.out, self.inode, self.seen = open(path, "wb"), 0, set()

  def pad(self):
    self.out.write(b"\0" * (-self.out.tell() % 4))

  def entry(self, name, mode, data=b""):
    self.inode += 1
    raw = name.encode() + b"\0"
    fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    self.out.write(b"070701" + b"".join(b"%08X" % field for field in fields) + raw)
    self.pad()
    self.out.write(data)
    self.pad()

  def folder(self, name):
    name = name.strip("/")
    if name and name not in self.seen:
      self.folder(os.path.dirname(name))
      self.seen.add(name)
      self.entry(name, S_DIR)

  def add(self, name, data, mode=S_FILE):
    name = name.strip("/")
    if name not in self.seen:
      self.folder(os.path.dirname(name))
      self.seen.add(name)
      self.entry(name, mode, data)

  def close(self):
    self.entry("TRAILER!!!", 0)
    self.out.close()


def modules_in_order(folder):
  """Files of the modules and of those that they need, each after what it needs. What is not there is built in."""
  found = {path.stem.replace("-", "_"): path for path in folder.glob("lib/modules/*/kernel/**/*.ko")}
  order = []

  def visit(name):
    path = found.get(name.replace("-", "_"))
    if path and path not in order:
      needs = re.search(rb"\0depends=([^\0]*)\0", b"\0" + path.read_bytes())
      for need in filter(None, needs[1].decode().split(",") if needs else []):
        visit(need)
      order.append(path)

  for name in MODULES:
    visit(name)
  return order


def libraries_of(path):
  done = subprocess.run(["ldd", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
  return re.findall(r"(/\S+) \(0x", done.stdout)


def everything_in(paths):
  for path in map(pathlib.Path, paths):
    yield from sorted(path.rglob("*")) if path.is_dir() else [path]


def main():
  kernel_folder, output, *paths = sys.argv[1:]
  archive = Archive(output)
  for name in ("proc", "sys", "dev", "run", "tmp", "etc", "root", "var/run", "usr/bin", "usr/sbin", "usr/lib"):
    archive.folder(name)
  for name in ("bin", "sbin", "lib"):  # Debian's merged /usr
    archive.add(name, b"usr/" + name.encode(), S_LINK)
  archive.add("lib64", b"usr/lib64", S_LINK)
  archive.add("usr/bin/busybox", pathlib.Path("/bin/busybox").read_bytes())
  archive.add("etc/passwd", b"root:x:0:0::/root:/bin/sh\n", S_TEXT)
  archive.add("etc/group", b"root:x:0:\n", S_TEXT)
  archive.add("init", (HERE / "init").read_bytes())
  order = modules_in_order(pathlib.Path(kernel_folder))
  if not any(path.stem == "esp4" for path in order):
    sys.exit(f"image.py: no esp4.ko under {kernel_folder}/lib/modules")
  for path in order:
    archive.add(f"modules/{path.name}", path.read_bytes())
  archive.add("modules/order", "".join(f"{path.name}\n" for path in order).encode())
  for path in everything_in(["/bin/dash", "/sbin/ip", *paths]):
    if not path.is_file():
      continue
    for name in (str(path), *libraries_of(path)):
      merged = re.sub(r"^/(bin|sbin|lib|lib64)/", r"/usr/\1/", os.path.abspath(name))
      archive.add(merged, pathlib.Path(name).read_bytes())
  archive.close()


if __name__ == "__main__":
  main()
