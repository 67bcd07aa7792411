#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Installs the default configuration unless there is one: meson would overwrite the administrator's.
# Usage: install_config.sh DIRECTORY (by meson install)
set -eu
dir=${DESTDIR:-}$1
if [ -e "$dir/culvert.yaml" ]; then
	echo "Keeping $dir/culvert.yaml"
else
	install -D -m 0644 "$MESON_SOURCE_ROOT/control/culvert.yaml" "$dir/culvert.yaml"
fi
