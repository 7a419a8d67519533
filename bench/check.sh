#!/usr/bin/env bash
# Ratios that a change of the code may move, against those that are kept in bench/baseline.json.
#
#   bench/check.sh SEQVIT [--write]             --write: keeps what is found in place of what is there
#
# Each ratio is of two things of one process, or of two runs one after the other: this machine's speed of the minute falls out. What moved by
# more than 5 % is marked, and the exit status is 1 if that is for the worse; run it again before you believe it, on cores with nothing else to
# do. Kept by attention kernel ("seqvit AVX2 fp32"), as ratios of one processor say nothing of another's. Environment: ROUNDS (5), THREADS (2).
set -euo pipefail
cd "$(dirname "$0")"
OMP_NUM_THREADS=${THREADS:-2} exec python3 - "$(realpath "$OLDPWD/$1" 2>/dev/null || command -v "$1")" "${2:-}" <<'PY'
import json, os, statistics, subprocess, sys

program, write = sys.argv[1], sys.argv[2] == "--write"
rounds = int(os.environ.get("ROUNDS", 5))


def bench(*options):
    run = subprocess.run([program, "bench", *options, "--json", "-"], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


def attention(kind, tokens, width):
    found = bench("--attention", "--tokens", str(tokens), "--num_heads", "2", "--embed_dim", str(2 * width), "--precision", kind,
                  "--steps", str(rounds))
    name = f"attention {kind}, {tokens} tokens, E {width}"
    return found["kernel"], {f"{name}: forward / libtorch's": found["forward_speedup_over_libtorch"],
                             f"{name}: backward / libtorch's": found["backward_speedup_over_libtorch"]}


def steps(kind, tokens):
    """Time and memory of recomputation over those of keeping all, in alternation; bytes of tensors are the same in every run."""
    times, peaks = [], {}
    for _ in range(max(1, rounds // 2)):
        both = {mode: bench("--tokens", str(tokens), "--precision", kind, "--steps", "4", "--recompute", mode)
                for mode in ("none", "keep_attention")}
        times.append(both["none"]["seconds_per_step"] / both["keep_attention"]["seconds_per_step"])
        peaks = {mode: run["memory_bytes"]["step_peak"] / tokens for mode, run in both.items()}
    name = f"step {kind}, {tokens} tokens"
    return {f"{name}: speed of keep_attention / none": statistics.median(times),
            f"{name}: tokens a MiB": 2**20 / peaks["none"],
            f"{name}: tokens a MiB, keep_attention": 2**20 / peaks["keep_attention"]}


kernel, found = "", {}
for kind in ("fp32", "bf16"):
    for tokens, width in ((256, 32), (1024, 64), (4096, 64), (1024, 128)):
        used, ratios = attention(kind, tokens, width)
        kernel = kernel or used
        found.update(ratios)
    found.update(steps(kind, 2048))

path = "baseline.json"
kept = json.load(open(path)) if os.path.exists(path) else {}
before = kept.get(kernel, {})
worse = False
print(f"{kernel}; more is better\n{'':66} {'kept':>8} {'now':>8}")
for name, value in found.items():
    was = before.get(name)
    moved = was is not None and abs(value / was - 1) > 0.05
    worse = worse or (moved and value < was)
    print(f"{name:66} {was if was is not None else '-':>8} {value:8.3f}" + (f"  {100 * (value / was - 1):+.0f} %" if moved else ""))
if write:
    kept[kernel] = {name: round(value, 3) for name, value in found.items()}
    with open(path, "w") as file:
        json.dump(kept, file, indent=1, sort_keys=True)
        file.write("\n")
sys.exit(1 if worse and not write else 0)
PY
