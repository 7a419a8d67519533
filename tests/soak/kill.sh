#!/usr/bin/env bash
# Trains, is killed, resumes, and must end as if nothing had happened: see kill.py for what is tried.
#
#   tests/soak/kill.sh [KILLS] [SEED]     default 200, 1; SEQVIT names another program than build/dev/seqvit
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
exec python3 "$root/tests/soak/kill.py" --program "${SEQVIT:-$root/build/dev/seqvit}" --kills "${1:-200}" --seed "${2:-1}"
