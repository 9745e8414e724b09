#!/usr/bin/env bash
# Fills .deps with what the tests and the demonstration need besides the compiler. Needs no root, writes only
# under .deps, and does nothing when that is full already.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=scripts/requirements.txt
stamp=.deps/stamp
wanted=$(cat "$requirements" scripts/requirements-data.txt scripts/prepare-dependencies.sh | sha256sum | cut -d ' ' -f 1)
if [[ -f $stamp && $(cat "$stamp") == "$wanted" && -x .deps/venv/bin/python && -d .deps/onnx/ ]]; then
  exit 0
fi

# Debian 12's pip as a wheel, for a Python that comes without ensurepip.
pip_package=python3-pip-whl
pip_version='23.0.1+dfsg-1'
pip_sha256=cc373690a1cb469fb301b9fe0125048e3102f2e365d1b2d27cab091ec89fccdc

# The images that the demonstration trains on, and the tests where they are there.
images_package=dataset-fashion-mnist
images_version='0.0~git20200523.55506a9-1'
images_sha256=39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0

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

# Unpacks a Debian package under a folder, by its name, version and SHA-256, without root.
unpack_debian_package() {
  local name=$1 version=$2 sha256=$3 folder=$4
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  local apt=.deps/apt
  mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$folder"
  local options=(-q -o "Dir::State=$PWD/$apt/state" -o "Dir::Cache=$PWD/$apt/cache"
    -o "Dir::State::status=/var/lib/dpkg/status" -o "APT::Sandbox::User=$(id -un)")
  apt-get "${options[@]}" update >&2 || return 1
  (cd "$folder" && apt-get "${options[@]}" download "$name=$version" >&2) || return 1
  local package
  package=$(find "$folder" -name "${name}_*.deb" | head -n 1)
  echo "$sha256  $package" | sha256sum --check --quiet >&2 || return 1
  dpkg-deb -x "$package" "$folder" || return 1
  rm -rf "$apt" "$package"
}

download_pip_wheel() {
  unpack_debian_package "$pip_package" "$pip_version" "$pip_sha256" .deps/debian
}

# Fills .deps/fashion-mnist. Without it everything works but the demonstration's training, so that a machine
# without Debian's packages is told and goes on.
prepare_images() {
  [[ ! -f .deps/fashion-mnist/train-images-idx3-ubyte.gz ]] || return 0
  local unpacked=.deps/fashion-mnist-package
  rm -rf "$unpacked"
  if unpack_debian_package "$images_package" "$images_version" "$images_sha256" "$unpacked"; then
    rm -rf .deps/fashion-mnist
    mv "$unpacked/usr/share/datasets/fashion-mnist" .deps/fashion-mnist
  else
    say "the images of Fashion-MNIST could not be downloaded; tests that train on them will be skipped"
    say "what helps: a machine with apt-get and a Debian mirror, or PARTITA_DATA set to a folder that has" \
      "fashion-mnist/train-images-idx3-ubyte.gz and its three companions"
  fi
  rm -rf "$unpacked"
}

# Cuts the digits that come with a wheel into .deps/digits: the last 360 of 1797 are for evaluation.
prepare_digits() {
  local unpacked=.deps/digits-wheel
  rm -rf "$unpacked"
  "${pip[@]}" install --quiet --disable-pip-version-check --no-cache-dir --only-binary :all: --no-deps \
    --require-hashes --requirement scripts/requirements-data.txt --target "$unpacked" >&2 || return 1
  mkdir -p .deps/digits
  gzip --decompress --stdout "$unpacked/easy_model/data/digits.csv.gz" >"$unpacked/digits.csv" || return 1
  head -n 1437 "$unpacked/digits.csv" >.deps/digits/train.csv
  tail -n +1438 "$unpacked/digits.csv" >.deps/digits/test.csv
  rm -rf "$unpacked"
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
say "filling .deps (about 110 MB to download)"
make_environment
"${pip[@]}" install --quiet --disable-pip-version-check --no-cache-dir --only-binary :all: \
  --require-hashes --requirement "$requirements" >&2 ||
  fail "the wheels of $requirements could not be installed" "a network that reaches the Python package index"

# One path for the example networks, whatever the version of Python.
package=$(cd .deps && find venv/lib -type d -path '*/site-packages/onnx' | head -n 1)
[[ -n $package ]] || fail "the onnx package is not where it should be"
ln -sfn "$package" .deps/onnx

# One path for oneDNN, which its wheel puts into the environment itself; without it kernels of our own run.
[[ ! -e .deps/venv/lib/libdnnl.so.3 ]] || ln -sfn venv .deps/onednn

prepare_digits || fail "the digits could not be unpacked"
prepare_images
echo "$wanted" >"$stamp"
