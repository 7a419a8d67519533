#!/usr/bin/env bash
# Attention alone over head widths and lengths, against one large matrix product and libtorch's kernel.
#
#   bench/attention.sh SEQVIT [TYPE...]         default type: bf16
#
# Environment: KERNELS, values of SEQVIT_ATTENTION ("amx avx512_bf16 avx512 avx2 libtorch"; default: what the program takes by itself),
# WIDTHS ("32 48 64 80 96 128"), TOKENS ("256 1024 4096 16384"), HEADS (2), ROUNDS (5), THREADS (2).
set -euo pipefail
seqvit=$1; shift
export OMP_NUM_THREADS=${THREADS:-2}
printf '%-5s %6s %4s  %22s  %22s  %s\n' type tokens E 'share of matmul f / b' 'x libtorch f / b' kernel
for type in "${@:-bf16}"; do
  for width in ${WIDTHS:-32 48 64 80 96 128}; do
    for tokens in ${TOKENS:-256 1024 4096 16384}; do
      for kernel in ${KERNELS:-""}; do
        SEQVIT_ATTENTION=$kernel "$seqvit" bench --attention --tokens "$tokens" --num_heads "${HEADS:-2}" --embed_dim $((width * ${HEADS:-2})) \
          --precision "$type" --steps "${ROUNDS:-5}" --json - 2>/dev/null |
          awk -F'[:,]' -v t="$type" -v n="$tokens" -v e="$width" -v asked="$kernel" '
            /_share_of/ || /_speedup_/ || /"kernel"/ { v[$1] = $2 }
            END { gsub(/^ *"|"$/, "", v["  \"kernel\""])
                  if (!v["  \"forward_share_of_matmul\""]) printf "%-5s %6d %4d  %s is not on this machine\n", t, n, e, asked
                  else printf "%-5s %6d %4d  %10.2f / %.2f  %15.2f / %.2f      %s\n", t, n, e, v["  \"forward_share_of_matmul\""],
                    v["  \"backward_share_of_matmul\""], v["  \"forward_speedup_over_libtorch\""], v["  \"backward_speedup_over_libtorch\""],
                    v["  \"kernel\""] }' || true
      done
    done
  done
done
