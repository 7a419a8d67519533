#!/usr/bin/env bash
# How fast files decode: seqvit's data set beside xarray + dask, a deflated NetCDF-4 file and a zstd Zarr store of the same fields
# (200 MB as float32), 1 and 2 threads, alternating, the best of some rounds. Needs Python's xarray, dask, zarr, netCDF4 (./setup.sh --tests).
#
#   bench/decode.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --build --preset "${PRESET:-release}" --target read_all >/dev/null
.venv/bin/python bench/decode.py "build/${PRESET:-release}/tests/data/read_all" "$work" "${1:-5}"
