#!/usr/bin/env bash
# Every row of docs/faults.md names a test that is there.
set -euo pipefail
cd "$(dirname "$0")/.."
bad=0
while IFS= read -r line; do
  names=$(sed -E 's/\|[[:space:]]*$//; s/.*\|//' <<<"$line" | grep -oE '`[^`]+`' | tr -d '`' || true)
  [ -n "$names" ] || { echo "docs/faults.md: no test: $line"; bad=1; }
  for name in $names; do
    suite=${name%%.*} test=${name#*.}
    if [ "$suite" != "$name" ]; then
      grep -rqE "^TEST(_F|_P)?\($suite, $test\)" tests || { echo "docs/faults.md: no test $name"; bad=1; }
    else
      # A ctest: named in full, or made of a prefix and what a loop fills in.
      grep -rqE "NAME (${name}|${name%_*}_\\$)" tests --include=CMakeLists.txt || { echo "docs/faults.md: no ctest $name"; bad=1; }
    fi
  done
done < <(grep -E '^\|' docs/faults.md | grep -vE '^\| (fault|file|settings) |^\|--')
exit $bad
