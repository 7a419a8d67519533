#!/usr/bin/env bash
# On a machine with a GPU: builds for it, runs the GPU tests, and times training steps at long sequences.
#
#   tools/gpu_check.sh [PYTHON]
#
# PYTHON (default: the one in .venv): its torch must have come with the CUDA packages (`pip install torch`). Needs the CUDA toolkit
# and NCCL. Environment: TOKENS (default "4096 16384 65536 188416"), STEPS (5), LONGEST (default "524288 1048576": one step each
# with activations in the host's memory). Prints what docs/performance.md shows.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-.venv/bin/python}
torch=$("$python" -c 'import torch, pathlib; print(pathlib.Path(torch.__file__).parent)')
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv

cmake --preset cuda -DSEQVIT_TORCH_DIR="$torch" >/dev/null
cmake --build --preset cuda --target seqvit cli_test
SEQVIT_GPU=1 build/cuda/tests/cli/cli_test --gtest_filter='Gpu.*'

# NCCL needs a GPU a rank.
gpus=$(nvidia-smi --list-gpus | wc -l)
if [ "$gpus" -gt 1 ]; then
  mpirun --bind-to none -n "$gpus" build/cuda/seqvit bench --tokens 16384 --embed_dim 768 --num_heads 12 --depth 12 --precision bf16 \
    --recompute keep_attention --parallel.device=cuda --parallel.sp="$gpus" --steps 5
fi

for heads in 12 6; do
  for tokens in ${TOKENS:-4096 16384 65536 188416}; do
    echo "== width 768, 12 blocks, $heads heads, $tokens tokens"
    build/cuda/seqvit bench --tokens "$tokens" --embed_dim 768 --num_heads "$heads" --depth 12 --precision bf16 \
      --recompute keep_attention --parallel.device=cuda --steps "${STEPS:-5}" || true
  done
done

for tokens in ${LONGEST:-524288 1048576}; do
  echo "== width 768, 12 blocks, 6 heads, $tokens tokens, activations in the host's memory"
  build/cuda/seqvit bench --tokens "$tokens" --embed_dim 768 --num_heads 6 --depth 12 --precision bf16 --recompute keep_attention \
    --memory.offload=host --model.positions=fixed --parallel.device=cuda --steps 1 || true
done
