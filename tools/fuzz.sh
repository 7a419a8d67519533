#!/usr/bin/env bash
# Fuzzes what the program reads: builds the targets of tests/fuzz with clang's libFuzzer and runs one after another.
#
#   tools/fuzz.sh                      600 seconds each
#   tools/fuzz.sh 20                   20 seconds each
#   tools/fuzz.sh 3600 netcdf times    these targets only
#
# New inputs gather in build/fuzz/corpus/TARGET, so that a later run goes on where this one ended. Ends with 1 where an input was
# found, which lies in build/fuzz/findings then. Mend its kind and keep it in tests/fuzz/corpus/TARGET under a name that says what it is.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-600}
shift || true
targets=("$@")
cmake --preset fuzz >/dev/null
if [ ${#targets[@]} -eq 0 ]; then
  for source in tests/fuzz/*_fuzz.cpp; do targets+=("$(basename "$source" _fuzz.cpp)"); done
fi
cmake --build --preset fuzz --target "${targets[@]/%/_fuzz}" -- -j2

# Files that targets write lie in memory where there is a directory for that.
memory=/dev/shm
[ -w "$memory" ] || memory=${TMPDIR:-/tmp}
TMPDIR=$(mktemp -d -p "$memory")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
export LSAN_OPTIONS="suppressions=$PWD/tests/fuzz/leaks.supp:print_suppressions=0"

found=0
mkdir -p build/fuzz/findings
for target in "${targets[@]}"; do
  corpus=build/fuzz/corpus/$target log=build/fuzz/$target.log
  mkdir -p "$corpus"
  # Leaks are looked for once, at the end: HDF5 keeps memory from run to run, which would have them looked for after each.
  options=(-max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=512 -max_len=4096 -print_final_stats=1 -detect_leaks=0
           -artifact_prefix="build/fuzz/findings/$target-")
  [ -f "tests/fuzz/dictionaries/$target" ] && options+=(-dict="tests/fuzz/dictionaries/$target")
  ended=0
  "build/fuzz/tests/fuzz/${target}_fuzz" "${options[@]}" "$corpus" "tests/fuzz/corpus/$target" >"$log" 2>&1 || ended=$?
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
  edges=$(grep -o 'cov: [0-9]*' "$log" | tail -1 || true)
  echo "$target: ${runs:-0} executions, ${edges:-cov: 0}, $([ "$ended" -eq 0 ] && echo clean || echo "FOUND, see $log")"
  [ "$ended" -eq 0 ] || { found=1; grep -E -m3 'finding:|runtime error|ERROR: |what\(\)|Test unit written' "$log" || true; }
done
exit "$found"
