#!/usr/bin/env bash
# A training step on quiet cores and beside as many busy loops as there are cores, with waiting threads that soon sleep (what the program
# does of itself) and that spin, in alternation.
#
#   bench/shared_cores.sh SEQVIT [CONFIG]
#
# Environment: TOKENS (1024) where there is no configuration, STEPS (20), ROUNDS (3). Prints seconds a step of every round, then the
# median over rounds of: sleeping over spinning on quiet cores; busy over quiet, sleeping; busy over quiet, spinning. A fair share of busy
# cores is half: 2.
set -euo pipefail
seqvit=$1
model=(--tokens "${TOKENS:-1024}")
[ -z "${2:-}" ] || model=("$2")
step() {  # ENVIRONMENT... -> seconds
  env "$@" "$seqvit" bench "${model[@]}" --steps "${STEPS:-20}" --json - 2>/dev/null |
    awk -F'[:,]' '/"seconds_per_step"/ { print $2 }'
}
loops=()
stop_loops() { [ ${#loops[@]} -eq 0 ] || kill "${loops[@]}" 2>/dev/null || true; loops=(); }
trap stop_loops EXIT
start_loops() {
  for _ in $(seq "$(nproc)"); do
    (exec sh -c 'while :; do :; done') &
    loops+=($!)
  done
}
grep -m1 'model name' /proc/cpuinfo
for round in $(seq "${ROUNDS:-3}"); do
  quiet=$(step) quiet_spinning=$(step OMP_WAIT_POLICY=active)
  start_loops
  busy=$(step) busy_spinning=$(step OMP_WAIT_POLICY=active)
  stop_loops
  echo "$quiet $quiet_spinning $busy $busy_spinning"
done | awk '
  function median(v, n,  i, j, t) {
    for (i = 2; i <= n; ++i) for (j = i; j > 1 && v[j] < v[j - 1]; --j) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
    return v[int((n + 1) / 2)]
  }
  { printf "quiet %.3f s sleeping, %.3f s spinning; busy %.3f s sleeping, %.3f s spinning\n", $1, $2, $3, $4
    a[NR] = $1 / $2; b[NR] = $3 / $1; c[NR] = $4 / $2 }
  END { printf "sleeping / spinning, quiet: %.3f\nbusy / quiet, sleeping: %.2f\nbusy / quiet, spinning: %.2f\n", median(a, NR), median(b, NR), median(c, NR) }'
