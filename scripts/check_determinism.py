#!/usr/bin/env python3
"""Checks that the same commands give the same bytes in every process, and in debug and release.

Usage: check_determinism.py RELEASE_BINARY [DEBUG_BINARY]
"""

import concurrent.futures
import os
import pathlib
import sys

from commands import read_commands, run_all

PROCESSES = 2
# Studies take most of the time and go the same way as the other commands: one process runs them for the checks of
# their documents, and none here. What trains or calibrates says how long it took; check_training.py compares its weights.
COMMANDS = [command for command in read_commands() if not command.startswith(("partita study", "partita train", "partita calibrate"))]
# A debug build is slow, so that it runs what takes it a second or two.
DEBUG_COMMANDS = [
    command
    for command in COMMANDS
    if command.startswith(("partita machines", "partita models", "partita simulate --collective"))
    or "plan lenet --machine hypar/16 --batch 256 --plan data-parallel" in command
]


def outputs(binary, commands, salt):
    # An odd environment and locale must change nothing.
    environment = dict(os.environ, SALT=str(salt), LC_ALL=["C", "C.UTF-8"][salt % 2], COLUMNS=str(40 + salt))
    results, files = run_all(pathlib.Path(binary).resolve(), commands, environment)
    entries = [(command, (code, output, errors)) for command, code, output, errors in results]
    return dict(entries + [(f"the file {name}", data) for name, data in files.items()])


def compare(first, second, what):
    return [f"{what}: {name} differs" for name in first if first[name] != second.get(name)]


problems = []
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
    runs = [workers.submit(outputs, sys.argv[1], COMMANDS, process) for process in range(PROCESSES)]
    if len(sys.argv) > 2:
        release = workers.submit(outputs, sys.argv[1], DEBUG_COMMANDS, 0)
        debug = workers.submit(outputs, sys.argv[2], DEBUG_COMMANDS, 1)
        problems += compare(release.result(), debug.result(), "debug")
reference = runs[0].result()
for process, run in enumerate(runs[1:], 1):
    problems += compare(reference, run.result(), f"process {process}")
for problem in problems:
    print(problem, file=sys.stderr)
print(f"check_determinism: {len(reference)} outputs, {PROCESSES} processes, {len(problems)} differences")
sys.exit(1 if problems else 0)
