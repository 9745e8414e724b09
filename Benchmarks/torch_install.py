"""Fetches PyTorch 1.13 of Debian into .deps/torch, without root and without installing anything.

Only what the machine does not have is fetched: the package `python3-torch`, OpenBLAS, and what they need.
"""

import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".deps/torch"
# What PyTorch's packages ask for, and no computation loads.
UNNEEDED = {"libtorch-test", "gdal-data"}


class Unavailable(Exception):
    """PyTorch cannot be had here; the text says why."""


def environment():
    """The interpreter that PyTorch was made for, and the variables with which it finds what was fetched."""
    libraries = [FOLDER / "root" / place for place in ["usr/lib", "lib"]]
    found = []
    for folder in libraries:
        for triplet in sorted(folder.glob("*-linux-gnu")):
            found += sorted(triplet.glob("openblas-*")) + [triplet]
    packages = FOLDER / "root/usr/lib/python3/dist-packages"
    variables = {"PYTHONPATH": str(packages), "LD_LIBRARY_PATH": ":".join(map(str, found + libraries[:1]))}
    return "/usr/bin/python3", variables


def is_there():
    return (FOLDER / "root/usr/lib/python3/dist-packages/torch").is_dir()


def run(words, folder, what):
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{what} took longer than 15 minutes") from None
    if done.returncode != 0:
        raise Unavailable(f"{what} failed: {done.stderr.strip()[-500:] or done.stdout.strip()[-500:]}")
    return done.stdout


def fetch():
    """Fetches and unpacks PyTorch, 150 MB, unless it is there."""
    if is_there():
        return
    for tool in ["apt-get", "dpkg-deb"]:
        if not shutil.which(tool):
            raise Unavailable(f"there is no {tool}: PyTorch is taken from Debian's packages")
    wish = ["apt-get", "install", "--simulate", "--no-install-recommends"]
    wish += ["python3-torch", "libopenblas0-openmp"]
    try:
        simulated = run(wish, "/", "apt-get install --simulate python3-torch")
    except Unavailable as fault:
        raise Unavailable(f"{fault}\nDebian 12 has it; `apt-get update` as root reads the lists") from None
    packages = [line.split()[1] for line in simulated.splitlines() if line.startswith("Inst ")]
    packages = [name for name in packages if name not in UNNEEDED]
    if not packages:
        raise Unavailable("python3-torch is installed: run with --torch-python /usr/bin/python3")
    shutil.rmtree(FOLDER, ignore_errors=True)
    archives, root = FOLDER / "packages", FOLDER / "unpacked"
    archives.mkdir(parents=True)
    print(f"fetching PyTorch and {len(packages) - 1} packages it needs", flush=True)
    run(["apt-get", "download", *packages], archives, "apt-get download")
    for archive in sorted(archives.glob("*.deb")):
        run(["dpkg-deb", "-x", str(archive), str(root)], FOLDER, f"dpkg-deb -x {archive.name}")
    root.rename(FOLDER / "root")
    shutil.rmtree(archives)
