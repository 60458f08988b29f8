#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# format.sh ROOT: every source is as clang-format 14 would leave it.
cd "$1" || exit 1
if ! command -v clang-format >/dev/null; then
	echo "skipped: no clang-format"
	exit 77
fi
find engine xml netlink learn store host rpc tools tests \( -name '*.cc' -o -name '*.h' \) 2>/dev/null | xargs clang-format --dry-run -Werror
