#!/usr/bin/env bash
# Everything that is too long for .ci/run, part by part: run it before a change to what a part checks is called done.
#
#   tools/check_all.sh               the parts that have not passed on this commit
#   tools/check_all.sh --list        the parts, and which have passed
#   tools/check_all.sh --only PART   one part, passed or not
#   tools/check_all.sh --again       all parts, passed or not
#
# A part that passes leaves a stamp in build/check_all with what it saw: the commit, and changes that are not committed. So a run that was broken
# off goes on where it stopped. Environment: FUZZ_SECONDS (default 600 for each target), SOAK_KILLS (200).
set -euo pipefail
cd "$(dirname "$0")/.."
stamps=build/check_all
parts=(clang tidy lto asan tsan fuzz soak)

part_clang() {  # The second compiler: all files without headers compiled ahead, warnings are errors, all tests.
  cmake --preset plain-clang && cmake --build --preset plain-clang &&
    ctest --test-dir build/plain-clang -j "$(nproc)" --output-on-failure
}
part_tidy() {  # clang-tidy over all sources (.clang-tidy); .ci/run has it over those without libtorch.
  cmake --preset dev && tools/check_clang.py build/dev --all
}
part_lto() {  # All binaries linked with link-time optimisation: no name with two definitions.
  cmake --preset lto -DBUILD_TESTING=ON && cmake --build --preset lto
}
part_asan() { ./test.sh --asan; }
part_tsan() { tools/tsan.sh; }
part_fuzz() { tools/fuzz.sh "${FUZZ_SECONDS:-600}"; }
part_soak() { cmake --preset dev && cmake --build --preset dev --target seqvit && tests/soak/kill.sh "${SOAK_KILLS:-200}"; }

# What the working tree holds: the commit and what differs from it.
seen() { { git rev-parse HEAD; git diff HEAD; git ls-files -oz --exclude-standard | xargs -0r sha256sum; } | sha256sum | cut -d' ' -f1; }

passed() { [ "$(cat "$stamps/$1" 2>/dev/null)" = "$(seen)" ]; }

run_part() {
  local before start=$SECONDS
  before=$(seen)
  rm -f "$stamps/$1"
  echo "check_all.sh: $1"
  if ! "part_$1"; then
    echo "check_all.sh: $1 failed after $((SECONDS - start)) s" >&2
    return 1
  fi
  echo "$before" >"$stamps/$1"
  echo "check_all.sh: $1 passed in $((SECONDS - start)) s"
}

mkdir -p "$stamps"
again=0
case "${1:-}" in
  "") ;;
  --again) again=1 ;;
  --list)
    for part in "${parts[@]}"; do
      if passed "$part"; then echo "$part: passed"; else echo "$part: not yet"; fi
    done
    exit 0
    ;;
  --only)
    [[ " ${parts[*]} " == *" ${2:-} "* ]] || { echo "check_all.sh: expected --only with one of: ${parts[*]}" >&2; exit 2; }
    run_part "$2"
    exit
    ;;
  *) echo "check_all.sh: unknown option '$1'; it takes --list, --only PART or --again" >&2; exit 2 ;;
esac

./setup.sh --checks
failed=()
for part in "${parts[@]}"; do
  if [ $again -eq 0 ] && passed "$part"; then continue; fi
  run_part "$part" || failed+=("$part")
done
[ ${#failed[@]} -eq 0 ] || { echo "check_all.sh: failed: ${failed[*]}" >&2; exit 1; }
echo "check_all.sh: all parts passed"
