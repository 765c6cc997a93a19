#!/bin/sh
# Create or reuse the virtual environment .venv and install trtc with extras.
#
#   scripts/setup.sh [extra ...]     extras of pyproject.toml, such as: demo test lint
#
# The CUDA extra is chosen by the driver (cuda12 for drivers 525 to 579, cuda13 otherwise and without a GPU: NVRTC compiles
# without one). TRTC_CUDA=cuda12|cuda13|none overrides it, TRTC_VENV the place, PYTHON the interpreter. What is installed is
# remembered by a hash of pyproject.toml and the extras, so that the second call does nothing.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
venv=${TRTC_VENV:-$root/.venv}

fail() {
    printf 'trtc setup: %s\n' "$1" >&2
    exit 1
}

new_enough() {
    "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not Python 3.11 or newer; point PYTHON at one that is."
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python3.13 python3.12 python3.11 python3.14 python; do
        if command -v "$candidate" >/dev/null 2>&1 && new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is missing; install it with: sudo apt-get install python3 python3-venv"
}

cuda_extra() {
    if [ -n "${TRTC_CUDA:-}" ]; then
        case $TRTC_CUDA in
            cuda12 | cuda13 | none) echo "$TRTC_CUDA" ;;
            *) fail "TRTC_CUDA=$TRTC_CUDA is not known; use cuda12, cuda13 or none." ;;
        esac
        return
    fi
    driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1 | cut -d. -f1) || driver=
    case $driver in
        '' | *[!0-9]*) echo cuda13 ;;
        *)
            [ "$driver" -ge 525 ] || fail "the NVIDIA driver $driver is too old; trtc needs 525 (CUDA 12) or 580 (CUDA 13). Update it, or set TRTC_CUDA=cuda13 to work without the GPU."
            if [ "$driver" -ge 580 ]; then echo cuda13; else echo cuda12; fi
            ;;
    esac
}

python=$(find_python) || exit 1
cuda=$(cuda_extra) || exit 1

if [ ! -x "$venv/bin/python" ] || ! new_enough "$venv/bin/python"; then
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
        fail "Python's venv module is missing; install it with: sudo apt-get install python3-venv"
    echo "trtc setup: creating $venv with $("$python" --version 2>&1)"
    rm -rf "$venv"
    "$python" -m venv "$venv" || fail "could not create $venv; install venv with: sudo apt-get install python3-venv"
fi

extras=
for extra in "$@" "$cuda"; do
    [ "$extra" = none ] || extras="$extras${extras:+,}$extra"
done
key=$(cat "$root/pyproject.toml" | cksum | tr ' ' -)-$(printf '%s' "$extras" | tr ',' -)
stamp=$venv/.trtc-$key
[ ! -e "$stamp" ] || exit 0

echo "trtc setup: installing trtc[$extras] into $venv"
start=$(date +%s)
"$venv/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --editable "$root[$extras]" ||
    fail "pip could not install trtc[$extras]; see its message above."
touch "$stamp"
echo "trtc setup: done in $(($(date +%s) - start)) s"
