#!/usr/bin/env bash
# One training step of seqvit against the Python peers, in alternation on this machine: ours, a peer, ours, ...
#
#   bench/compare.sh SEQVIT PYTHON PEERS.py [RESULTS.jsonl]
#
# PYTHON needs torch, and deepspeed for the two-rank rows. Environment: TOKENS (default "4096 16384"), TYPES ("bf16 fp32"),
# METHODS ("torch compile checkpoint"), RANKS_METHODS ("ulysses"; "" leaves two ranks out), STEPS (5), THREADS (2).
# Prints a line a comparison: seconds of both and ours / theirs, ours being the mean of the runs before and after. Every
# number is also appended to RESULTS.jsonl. Absolute times on a shared machine mean little; the ratio is the result.
set -euo pipefail
seqvit=$1 python=$2 peers=$3 results=${4:-/dev/null}
export OMP_NUM_THREADS=${THREADS:-2} OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
steps=${STEPS:-5}

# ours TOKENS TYPE OPTION... -> seconds a step. With RANKS=2: two ranks that share the threads.
ours() {
  local tokens=$1 type=$2; shift 2
  local run=("$seqvit")
  [ "${RANKS:-1}" = 1 ] || run=(env OMP_NUM_THREADS=$((OMP_NUM_THREADS / RANKS)) mpirun --bind-to none -n "$RANKS" "$seqvit")
  "${run[@]}" bench --tokens "$tokens" --precision "$type" --steps "$steps" --json - "$@" 2>/dev/null |
    sed -n 's/.*"seconds_per_step": \([0-9.e+-]*\),.*/\1/p'
}

# peer TOKENS TYPE METHOD -> seconds a step
peer() {
  "$python" "$peers" --tokens "$1" --dtype "$2" --methods "$3" --steps "$steps" --ranks 2 2>/dev/null |
    sed -n 's/.* \([0-9.]*\) s\/step.*/\1/p'
}

# line TOKENS TYPE NAME METHOD BEFORE PEER AFTER
line() {
  awk -v t="$1" -v d="$2" -v n="$3" -v m="$4" -v a="$5" -v p="${6:-0}" -v b="$7" -v out="$results" 'BEGIN {
    o = (a + b) / 2
    if (p == 0) { printf "%6d %s  %-26s %8.3f s   %-12s failed\n", t, d, n, o, m; exit }
    printf "%6d %s  %-26s %8.3f s   %-12s %8.3f s   ratio %.3f\n", t, d, n, o, m, p, o / p
    printf "{\"tokens\": %d, \"type\": \"%s\", \"ours\": \"%s\", \"peer\": \"%s\", \"ours_seconds\": [%s, %s], \"peer_seconds\": %s}\n", \
      t, d, n, m, a, b, p >> out }'
}

for type in ${TYPES:-bf16 fp32}; do
  for tokens in ${TOKENS:-4096 16384}; do
    before=$(ours "$tokens" "$type")
    for method in ${METHODS-torch compile checkpoint}; do
      theirs=$(peer "$tokens" "$type" "$method")
      after=$(ours "$tokens" "$type")
      line "$tokens" "$type" "one process" "$method" "$before" "$theirs" "$after"
      before=$after
    done
    for method in ${RANKS_METHODS-ulysses}; do
      theirs=$(peer "$tokens" "$type" "$method")
      for sequence in ulysses lss ring; do
        mine=$(RANKS=2 ours "$tokens" "$type" --parallel.sp=2 --parallel.sequence=$sequence)
        line "$tokens" "$type" "2 ranks, $sequence" "$method" "$mine" "$theirs" "$mine"
        line "$tokens" "$type" "2 ranks, $sequence" "ours, 1 rank" "$mine" "$before" "$mine"
      done
    done
  done
done
