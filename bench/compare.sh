#!/usr/bin/env bash
# One training step of seqvit against the Python peers, in alternation on this machine: ours, a peer, ours, ...
#
#   bench/compare.sh SEQVIT PYTHON [RESULTS.jsonl]
#
# PYTHON needs torch, and deepspeed for the two-rank rows. Environment: TOKENS (default "4096 16384"), TYPES ("bf16 fp32"),
# METHODS ("torch compile checkpoint"), RANKS_METHODS ("ulysses"; "" leaves two ranks out), SEQUENCES ("ulysses lss ring"),
# RECOMPUTE ("none keep_attention": what each peer is compared with), STEPS (5), THREADS (2); CONFIGS, instead of TOKENS and TYPES
# configurations whose data are here: their model in PyTorch as python/seqvit.py writes it down, with batches of 8 from memory
# (METHODS "torch compile"; one step without feeding forecasts back).
# Prints a line a comparison: ours / theirs in time and in growth of resident memory over start-up, ours being the mean of the
# runs before and after. Every number is also appended to RESULTS.jsonl. Absolute times on a shared machine mean little; the
# ratio is the result.
set -euo pipefail
seqvit=$1 python=$2 results=${3:-/dev/null}
here=$(dirname "$0")
export OMP_NUM_THREADS=${THREADS:-2} OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
steps=${STEPS:-5}

# timed OPTION... -> "seconds bytes" of ours. With RANKS=2: two ranks that share the threads (bytes of both).
timed() {
  local run=("$seqvit")
  [ "${RANKS:-1}" = 1 ] || run=(env OMP_NUM_THREADS=$((OMP_NUM_THREADS / RANKS)) mpirun --bind-to none -n "$RANKS" "$seqvit")
  "${run[@]}" bench --steps "$steps" --json - "$@" 2>/dev/null |
    awk -v ranks="${RANKS:-1}" -F'[:,]' '/"seconds_per_step"/ { s = $2 } /"start_rss_bytes"/ { a = $2 } /"peak_rss_bytes"/ { b = $2 } END { print s, (b - a) * ranks }'
}

# ours TOKENS TYPE OPTION...
ours() { timed --tokens "$1" --precision "$2" "${@:3}"; }

# peer METHOD OPTION... -> "seconds bytes", nothing where it failed
peer() {
  "$python" "$here/peers.py" --method "$1" --steps "$steps" "${@:2}" 2>/dev/null |
    sed -n 's/.*"seconds_per_step": \([0-9.e+-]*\), "memory_growth_bytes": \([0-9]*\).*/\1 \2/p' || true
}

# line TOKENS TYPE NAME METHOD BEFORE PEER AFTER, the last three "seconds bytes"
line() {
  awk -v t="$1" -v d="$2" -v n="$3" -v m="$4" -v before="$5" -v peer="${6:-0 0}" -v after="$7" -v out="$results" 'BEGIN {
    split(before, a, " "); split(after, b, " "); split(peer, p, " ")
    seconds = (a[1] + b[1]) / 2; bytes = (a[2] + b[2]) / 2
    if (p[1] == 0) { printf "%6d %s  %-24s %8.3f s   %-12s failed\n", t, d, n, seconds, m; exit }
    printf "%6d %s  %-24s %8.3f s  %-12s %8.3f s  time %.3f  memory %.3f\n", t, d, n, seconds, m, p[1], seconds / p[1], bytes / p[2]
    printf "{\"tokens\": %d, \"type\": \"%s\", \"ours\": \"%s\", \"peer\": \"%s\", \"ours_seconds\": [%s, %s], \"peer_seconds\": %s, \"ours_bytes\": %.0f, \"peer_bytes\": %s}\n", \
      t, d, n, m, a[1], b[1], p[1], bytes, p[2] >> out }'
}

trained=$(mktemp -d)
trap 'rm -r "$trained"' EXIT
for config in ${CONFIGS:-}; do
  "$seqvit" train "$config" --run "$trained/run" --train.steps=1 --train.warmup_steps=1 --train.rollout_steps=1 >/dev/null 2>&1
  tokens=$("$seqvit" bench "$config" --steps 1 2>/dev/null | sed -n 's/ tokens,.*//p')
  before=$(timed "$config" --train.rollout_steps=1)
  for method in ${METHODS-torch compile}; do
    theirs=$(peer "$method" --run "$trained/run" --batch 8)
    after=$(timed "$config" --train.rollout_steps=1)
    line "$tokens" fp32 "$(basename "$config")" "$method" "$before" "$theirs" "$after"
    before=$after
  done
  rm -r "$trained/run"
done
[ -z "${CONFIGS:-}" ] || exit 0

for type in ${TYPES:-bf16 fp32}; do
  for tokens in ${TOKENS:-4096 16384}; do
    for mode in ${RECOMPUTE:-none keep_attention}; do
      declare before_$mode="$(ours "$tokens" "$type" --recompute $mode)"
    done
    for method in ${METHODS-torch compile checkpoint}; do
      theirs=$(peer "$method" --tokens "$tokens" --precision "$type")
      for mode in ${RECOMPUTE:-none keep_attention}; do
        before=before_$mode
        after=$(ours "$tokens" "$type" --recompute $mode)
        line "$tokens" "$type" "one process, $mode" "$method" "${!before}" "$theirs" "$after"
        declare before_$mode="$after"
      done
    done
    for method in ${RANKS_METHODS-ulysses}; do
      theirs=$(peer "$method" --tokens "$tokens" --precision "$type")
      for sequence in ${SEQUENCES:-ulysses lss ring}; do
        mine=$(RANKS=2 ours "$tokens" "$type" --parallel.sp=2 --parallel.sequence=$sequence)
        line "$tokens" "$type" "2 ranks, $sequence" "$method" "$mine" "$theirs" "$mine"
        line "$tokens" "$type" "2 ranks, $sequence" "ours, 1 rank" "$mine" "$before_none" "$mine"
      done
    done
  done
done
