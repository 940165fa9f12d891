#!/usr/bin/env bash
# Makes .venv and installs the package into it, from the versions pinned in constraints.txt.
# Usage: bash scripts/setup.sh [--dev]        --dev adds the test tools and linters
#        PYTHON=/path/to/python bash scripts/setup.sh        chooses the interpreter (3.10, 3.11 or 3.12)
# Run again at any time: it ends at once when nothing changed, and repairs a broken or half-made .venv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root="$(pwd -P)"
venv="$root/.venv"
stamp="$venv/nerfseg-setup"

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

dev=no
for argument in "$@"; do
  case "$argument" in
    --dev) dev=yes ;;
    -h | --help) sed -n '2,5s/^# //p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) fail "unknown option '$argument'; accepted: --dev" ;;
  esac
done

# Prints the path of the interpreter behind a command, or says why it cannot be used.
# Run, not looked up: version managers leave commands on the path that only print an error.
interpreter_of() {
  "$1" - <<'PYTHON' 2>/dev/null || { echo "does not start"; return 1; }
import sys
found = "%d.%d" % sys.version_info[:2]
if not (3, 10) <= sys.version_info[:2] <= (3, 12):
    print("is Python " + found); sys.exit(0)
try:
    import ensurepip, venv
except ImportError:
    print("lacks the venv module (Debian and Ubuntu: apt-get install python%s-venv)" % found); sys.exit(0)
print("ok " + sys.executable)
PYTHON
}

find_python() {
  local candidates=(python3.12 python3.11 python3.10 python3) reasons="" candidate answer
  if [ -n "${PYTHON:-}" ]; then candidates=("$PYTHON"); fi
  for candidate in "${candidates[@]}"; do
    if ! command -v "$candidate" >/dev/null; then
      reasons+=$'\n'"  $candidate: not found"
      continue
    fi
    answer="$(interpreter_of "$candidate" || true)"
    case "$answer" in
      "ok "*) printf '%s\n' "${answer#ok }"; return ;;
      *) reasons+=$'\n'"  $candidate: ${answer:-does not start}" ;;
    esac
  done
  fail "no Python 3.10, 3.11 or 3.12 to build .venv with:$reasons
Install one (Debian and Ubuntu: apt-get install python3 python3-venv python3-dev g++), or name one:
  PYTHON=/path/to/python3.11 bash scripts/setup.sh"
}

# root and Debian's installer: system packages can be added without asking anybody
can_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
apt_install() {
  say "installing system packages: $*"
  DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null >&2 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}

wanted="location=$root contents=$(cat pyproject.toml constraints.txt | cksum)"
if "$venv/bin/python" -c '' 2>/dev/null && [ -f "$stamp" ]; then
  read -r stamped <"$stamp"
  if [ "$stamped" = "$wanted dev=yes" ] || [ "$stamped" = "$wanted dev=$dev" ]; then
    exit 0
  fi
  case "$stamped" in
    "location=$root "*) ;;
    *)
      say ".venv was made at another place (its commands point there); making it anew"
      rm -rf "$venv"
      ;;
  esac
  case "$stamped" in *dev=yes) dev=yes ;; esac # tools once installed are kept up to date
fi

if [ -e "$venv" ]; then
  problem=""
  if ! version="$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)"; then
    problem="is broken or was left half-made"
  elif [[ ! "$version" =~ ^3\.1[012]$ ]]; then
    problem="has Python $version, which nerfstudio cannot use"
  elif ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    problem="has no working pip"
  elif [ -n "${PYTHON:-}" ] && ! "$PYTHON" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')"; then
    problem="has Python $version, not that of PYTHON=$PYTHON"
  fi
  if [ -n "$problem" ]; then
    if [ -n "$(ls -A "$venv")" ] && [ ! -f "$venv/pyvenv.cfg" ]; then
      fail "$venv exists and is not a Python environment; move it away and run this again"
    fi
    say ".venv $problem; making it anew"
    rm -rf "$venv"
  fi
fi
if [ ! -e "$venv" ]; then
  python="$(find_python)"
  say "making .venv with $python ($("$python" -c 'import platform; print(platform.python_version())'))"
  "$python" -m venv "$venv" || fail "'$python -m venv .venv' failed, see above"
fi
rm -f "$stamp" # from here to the end the environment counts as unfinished

export PIP_DISABLE_PIP_VERSION_CHECK=1
if [ ! -t 2 ]; then export PIP_PROGRESS_BAR=off; fi
pip_install() { "$venv/bin/python" -m pip install -c constraints.txt "$@" </dev/null >&2; }

# The one package in the set that comes as C source alone. Built first: without a compiler it would fail only after
# gigabytes of downloads.
if ! pip_install -q pyliblzfse; then
  version="$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
  system_packages=(g++ "python$version-dev")
  { can_apt && apt_install "${system_packages[@]}" && pip_install -q pyliblzfse; } ||
    fail "pyliblzfse could not be installed, see pip's message above. If it is about the network, try again later.
Otherwise a C compiler or the Python headers are missing; Debian and Ubuntu:
  sudo apt-get install ${system_packages[*]}
then run this again."
fi

target=".[sam,geo,benchmark]"
if [ "$dev" = yes ]; then target=".[dev,sam,geo,benchmark]"; fi
say "installing the package and what it needs (about 3 GB to download the first time, 7 GB on disk)"
pip_install -e "$target" || fail "the installation did not finish, see pip's message above. Run this again to go on: what was downloaded is kept."

if ! command -v g++ >/dev/null && ! { can_apt && apt_install g++; }; then
  say "no C++ compiler: training on a CPU will take about twice as long. Debian and Ubuntu:"
  say "  sudo apt-get install g++"
fi

# nerfstudio's ns-export imports Open3D, which loads these libraries; nothing else here needs them
open3d_packages=(libusb-1.0-0 libgl1 libx11-6 libegl1 libgomp1)
open3d_loads() { "$venv/bin/python" -c 'import open3d' >/dev/null 2>&1; }
if ! open3d_loads; then
  if ! { can_apt && apt_install "${open3d_packages[@]}" && open3d_loads; }; then
    say "ns-export will not start until Open3D finds its system libraries; everything else works. Debian and Ubuntu:"
    say "  sudo apt-get install ${open3d_packages[*]}"
  fi
fi

"$venv/bin/python" -c 'import torch, torchvision, nerfstudio, nerfseg_ns' ||
  fail "the packages in .venv do not import, see above. Delete .venv and run this again."
printf '%s dev=%s\n' "$wanted" "$dev" >"$stamp"
say "ready: $venv"
