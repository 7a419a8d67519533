#!/usr/bin/env bash
# Installs what seqvit is built with. A second call finds everything there and ends at once.
#
#   ./setup.sh            system packages (Debian/Ubuntu, root or sudo) and libtorch in ./.venv
#   ./setup.sh --tests    also what only tests need: Python modules in ./.venv (with all of PyTorch: 3 GB), Chromium, clang-format.
#                         What cannot be had is named, and the tests that need it are skipped.
#   ./setup.sh --checks   also clang and clang-tidy, for .ci/run and tools/check_all.sh
#
# Without root, or on another system, it lists what is missing and stops: bring your own and build with
#   cmake --preset release -DSEQVIT_TORCH_DIR=/path/to/libtorch     (MPI, netCDF-C, ... are found by CMake as usual)
set -euo pipefail
cd "$(dirname "$0")"

packages=(build-essential cmake ninja-build ccache pkg-config python3 python3-venv python3-pip
  libopenmpi-dev openmpi-bin libnetcdf-dev netcdf-bin libyaml-cpp-dev libcli11-dev libspdlog-dev libfmt-dev
  nlohmann-json3-dev libgtest-dev libcairo2-dev libudunits2-dev libhdf5-dev libdeflate-dev libzstd-dev libblosc-dev libeccodes-dev libxxhash-dev)
test_packages=(chromium clang-format-14)
check_packages=(clang-14 clang-tidy-14)
# libtorch: the wheel without its 3 GB of CUDA libraries; of those it needs only the two run-time libraries to load.
torch_wheels=(torch==2.11.0 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
# Python's own torch loads all of them.
test_wheels=(torch==2.11.0 numpy netCDF4 safetensors timm xarray dask zarr)

missing_packages() {
  local package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || echo "$package"
  done
}

# Installs packages; 1 where that is not for us to do, with a line that says so.
install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: not a Debian system; make sure these are there (Debian's names): $*" >&2
    return
  fi
  local missing sudo=()
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      echo "setup.sh: not root. Missing packages: ${missing[*]} (apt-get install ${missing[*]})" >&2
      return 1
    fi
    sudo=(sudo)
  fi
  echo "setup.sh: installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

pip_install() { .venv/bin/pip install --quiet --disable-pip-version-check "$@"; }

install_libtorch() {
  [ -n "${SEQVIT_TORCH_DIR:-}" ] && return
  compgen -G '.venv/lib/python3*/site-packages/torch/lib/libtorch_cpu.so' >/dev/null &&
    compgen -G '.venv/lib/python3*/site-packages/nvidia/cu13/lib/libcupti.so.13' >/dev/null && return
  echo "setup.sh: installing libtorch into .venv (550 MB)"
  python3 -m venv .venv
  pip_install --no-deps "${torch_wheels[@]}"
}

install_test_modules() {
  [ -x .venv/bin/python ] || python3 -m venv .venv
  .venv/bin/python -c 'import sys; from importlib.util import find_spec as found
sys.exit(not all(map(found, ("netCDF4", "safetensors", "timm", "xarray", "dask", "zarr"))))' && return
  echo "setup.sh: installing Python modules for the tests into .venv (3 GB)"
  pip_install "${test_wheels[@]}"
}

case "${1:-}" in
  "" | --tests | --checks) ;;
  *) echo "setup.sh: unknown option '$1'; it takes --tests or --checks" >&2; exit 2 ;;
esac
if ! install_packages "${packages[@]}"; then
  echo "setup.sh: ask for them, or use your own and see the top of this file." >&2
  exit 2
fi
install_libtorch
if [ -n "${1:-}" ]; then
  for package in "${test_packages[@]}"; do
    install_packages "$package" || echo "setup.sh: without $package; the tests that need it are skipped" >&2
  done
  install_test_modules || echo "setup.sh: without Python modules (see pip's message); the tests that need them are skipped" >&2
fi
if [ "${1:-}" = --checks ]; then
  install_packages "${check_packages[@]}" || { echo "setup.sh: the checks need clang" >&2; exit 2; }
fi
