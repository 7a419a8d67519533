#!/usr/bin/env bash
# The library as others build on it: installs it, configures examples/ against what was installed and nothing else, builds and runs them.
#
#   tools/check_examples.sh BUILD_DIRECTORY
set -euo pipefail
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --component library --prefix "$work/prefix" >/dev/null
cp -r examples "$work/examples"
cmake -G Ninja -S "$work/examples" -B "$work/build" -DCMAKE_PREFIX_PATH="$work/prefix" -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 >/dev/null
cmake --build "$work/build"
export OMP_NUM_THREADS=1
one=$("$work/build/train_in_memory" 1) two=$("$work/build/train_in_memory" 2)
echo "$one"
echo "$two"
"$work/build/new_strategy" 3
"$work/build/new_reader"
awk -v one="$one" -v two="$two" 'BEGIN {
  split(one, a, " "); split(two, b, " ")
  if ((a[4] - b[4]) ^ 2 > 1e-10 * a[4] ^ 2) { print "check_examples.sh: two ranks begin with another loss than one"; exit 1 }
}'
