#!/usr/bin/env bash
# Installs what seqvit is built with. A second call finds everything there and ends at once.
#
#   ./setup.sh            system packages (Debian/Ubuntu, root or sudo) and libtorch in ./.venv
#
# Without root, or on another system, it lists what is missing and stops: bring your own and build with
#   cmake --preset release -DSEQVIT_TORCH_DIR=/path/to/libtorch     (MPI, netCDF-C, ... are found by CMake as usual)
set -euo pipefail
cd "$(dirname "$0")"

packages=(build-essential cmake ninja-build ccache pkg-config python3 python3-venv python3-pip
  libopenmpi-dev openmpi-bin libnetcdf-dev netcdf-bin libyaml-cpp-dev libcli11-dev libspdlog-dev libfmt-dev
  nlohmann-json3-dev libgtest-dev libpng-dev libxxhash-dev)
# libtorch: the wheel without its 3 GB of CUDA libraries; of those it needs only the two run-time libraries to load.
torch_wheels=(torch==2.11.0 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)

missing_packages() {
  local package
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || echo "$package"
  done
}

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "setup.sh: not a Debian system; make sure these are there (Debian's names): ${packages[*]}" >&2
    return
  fi
  local missing sudo=()
  mapfile -t missing < <(missing_packages)
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      echo "setup.sh: not root. Missing packages: ${missing[*]}" >&2
      echo "setup.sh: ask for them (apt-get install ${missing[*]}), or use your own and see the top of this file." >&2
      exit 2
    fi
    sudo=(sudo)
  fi
  echo "setup.sh: installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

install_libtorch() {
  [ -n "${SEQVIT_TORCH_DIR:-}" ] && return
  compgen -G '.venv/lib/python3*/site-packages/torch/lib/libtorch_cpu.so' >/dev/null &&
    compgen -G '.venv/lib/python3*/site-packages/nvidia/cu13/lib/libcupti.so.13' >/dev/null && return
  echo "setup.sh: installing libtorch into .venv (550 MB)"
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --no-deps "${torch_wheels[@]}"
}

install_packages
install_libtorch
