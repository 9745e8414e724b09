#!/usr/bin/env bash
# Fills .deps with what the tests and the demonstration need besides the compiler. Needs no root, writes only
# under .deps, and does nothing when that is full already.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=scripts/requirements.txt
stamp=.deps/stamp
wanted=$(cat "$requirements" "scripts/prepare-dependencies.sh" | sha256sum | cut -d ' ' -f 1)
if [[ -f $stamp && $(cat "$stamp") == "$wanted" && -x .deps/venv/bin/python && -d .deps/onnx/ ]]; then
  exit 0
fi

# Debian 12's pip as a wheel, for a Python that comes without ensurepip.
pip_package=python3-pip-whl
pip_version='23.0.1+dfsg-1'
pip_sha256=cc373690a1cb469fb301b9fe0125048e3102f2e365d1b2d27cab091ec89fccdc

say() { echo "make deps: $*" >&2; }

# Ends with a message, and with what helps where a second one is given.
fail() {
  say "$1"
  [[ -z ${2:-} ]] || say "what helps: $2"
  exit 69
}

install='apt-get install python3 python3-venv'

command -v python3 >/dev/null || fail "python3 is missing" "$install"
python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' ||
  fail "Python 3.11, 3.12 or 3.13 is needed, and python3 is $(python3 --version 2>&1)"

# Prints the path of a pip wheel from the system, or from a package unpacked under .deps.
find_pip_wheel() {
  local folder
  for folder in .deps/debian /usr/share/python-wheels; do
    if [[ -d $folder ]]; then find "$folder" -name 'pip-*.whl'; fi
  done | sort | head -n 1
}

download_pip_wheel() {
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  local apt=.deps/apt
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" .deps/debian
  local options=(-q -o "Dir::State=$PWD/$apt/state" -o "Dir::Cache=$PWD/$apt/cache"
    -o "Dir::State::status=/var/lib/dpkg/status" -o "APT::Sandbox::User=$(id -un)")
  apt-get "${options[@]}" update >&2 || return 1
  (cd .deps/debian && apt-get "${options[@]}" download "$pip_package=$pip_version" >&2) || return 1
  local package
  package=$(find .deps/debian -name "${pip_package}_*.deb" | head -n 1)
  echo "$pip_sha256  $package" | sha256sum --check --quiet >&2 || return 1
  dpkg-deb -x "$package" .deps/debian || return 1
  rm -rf "$apt" "$package"
}

make_environment() {
  rm -rf .deps/venv
  if python3 -m venv .deps/venv >/dev/null 2>&1; then
    pip=(.deps/venv/bin/python -m pip)
    return
  fi
  say "python3 has no ensurepip; taking pip from its Debian wheel"
  rm -rf .deps/venv
  python3 -m venv --without-pip .deps/venv >&2 || fail "python3 cannot make a virtual environment" "$install"
  local wheel
  wheel=$(find_pip_wheel)
  if [[ -z $wheel ]]; then
    download_pip_wheel || fail "pip could not be downloaded" "$install"
    wheel=$(find_pip_wheel)
  fi
  [[ -n $wheel ]] || fail "pip was not found" "$install"
  pip=(.deps/venv/bin/python "$wheel/pip")
}

mkdir -p .deps
rm -f "$stamp"
say "filling .deps (about 40 MB to download)"
make_environment
"${pip[@]}" install --quiet --disable-pip-version-check --no-cache-dir --only-binary :all: \
  --require-hashes --requirement "$requirements" >&2 ||
  fail "the wheels of $requirements could not be installed" "a network that reaches the Python package index"

# One path for the example networks, whatever the version of Python.
package=$(cd .deps && find venv/lib -type d -path '*/site-packages/onnx' | head -n 1)
[[ -n $package ]] || fail "the onnx package is not where it should be"
ln -sfn "$package" .deps/onnx
echo "$wanted" >"$stamp"
