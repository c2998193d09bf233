#!/usr/bin/env bash
# Formatting, layering, clang-tidy. Ends with 0 only if nothing is to be mended.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bad=0

printf '==> formatting\n' >&2
unformatted=$(git ls-files '*.hpp' '*.cpp' | xargs clang-format --dry-run -Werror 2>&1 | grep -oE '^[^:]+' | sort -u)
[ -z "$unformatted" ] || { printf 'not formatted (./dev format):\n%s\n' "$unformatted"; bad=1; }

printf '==> layers\n' >&2
python3 tests/house/layers.py || bad=1

printf '==> clang-tidy\n' >&2
git ls-files 'lib/*.cpp' | xargs -P 2 -n 4 clang-tidy -p build --quiet 2>/dev/null || bad=1

exit "$bad"
