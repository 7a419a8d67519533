#!/usr/bin/env bash
# No include runs against the layers of the design: each layer may use those listed for it, and libraries that a single
# file pair is to hide stay there. What a layer defines stands in its namespace, so that no two can meet in the linker: seqvit::LAYER, core's
# in seqvit itself, which every layer sees. Prints each offending line.
set -euo pipefail
cd "$(dirname "$0")/.."
declare -A may_use=(
  [core]="core"
  [grid]="core grid"
  [data]="core grid data"
  [comm]="core comm"
  [ops]="core grid ops"
  [parallel]="core grid comm ops parallel"
  [model]="core grid comm ops parallel model"
  [draw]="core grid draw"
  [evaluate]="core grid data draw evaluate"
  [report]="core grid data draw evaluate report"
  [generate]="core grid data generate"
  [train]="core grid data comm ops parallel model evaluate train"
  [plan]="core grid comm ops parallel model plan"
  [cli]="core grid data comm ops parallel model draw evaluate report generate train plan cli"
)
bad=0
for layer in "${!may_use[@]}"; do
  while IFS= read -r line; do
    used=${line##*#include \"}
    used=${used%%/*}
    if [[ " ${may_use[$layer]} " != *" $used "* ]]; then
      echo "$line   <- $layer must not use $used"
      bad=1
    fi
  done < <(grep -rnE '#include "[a-z_]+/' "src/$layer" || true)
done
for layer in "${!may_use[@]}"; do
  space=seqvit::$layer
  [ "$layer" = core ] && space=seqvit
  for tree in src tests; do
    [ -d "$tree/$layer" ] || continue
    found=$(grep -rnE '^namespace [a-z]' "$tree/$layer" --include='*.h' --include='*.cpp' | grep -vE ":namespace ($space(::[a-z]+)? \{|fs = )" || true)
    [ -z "$found" ] || { echo "$found   <- expected namespace $space"; bad=1; }
  done
done
hide() {  # HEADER FILE_PATTERN: only files of this pattern may include the header
  local found
  found=$(grep -rlE "#include <$1>" src | grep -vE "$2" || true)
  [ -z "$found" ] || { echo "<$1> is included outside $2: $found"; bad=1; }
}
hide 'mpi\.h' '^src/comm/'
hide 'nccl\.h' '^src/comm/'
hide 'cuda_runtime_api\.h' '^src/comm/'
hide '(hip|rccl)/.*' '^src/comm/'
hide 'cairo\.h' '^src/draw/'
hide 'netcdf\.h' '^src/data/'
hide 'torch/torch\.h' 'nowhere'
exit $bad
