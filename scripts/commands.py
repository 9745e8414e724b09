"""Runs the commands of a list in an empty folder and keeps what they print and write."""

import pathlib
import shlex
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def read_commands(path=ROOT / "scripts" / "commands.txt"):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def run_all(binary, commands, environment=None):
    """Returns (command, exit code, standard output, standard error) of each, and the files left behind.

    What a command prints goes also to a file where `> FILE` says so. `Examples/` is that of the project.
    """
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for command in commands:
            words = [
                str(ROOT / word) if word.startswith("Examples/") else word for word in shlex.split(command)
            ]
            assert words[0] == "partita", command
            target = words[-1] if words[-2] == ">" else None
            done = subprocess.run(
                [str(binary)] + (words[1:-2] if target else words[1:]),
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=300,
            )
            results.append((command, done.returncode, done.stdout, done.stderr))
            if target:
                (pathlib.Path(folder) / target).write_bytes(done.stdout)
        files = {
            path.name: path.read_bytes() for path in sorted(pathlib.Path(folder).iterdir()) if path.is_file()
        }
    return results, files
