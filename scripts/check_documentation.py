#!/usr/bin/env python3
"""Runs the commands that the documents show.

Usage: check_documentation.py BINARY

Every `$ partita …` line of a ```console block in README.md and below Documentation runs in a folder that holds
nothing but a link to Examples; the commands of one block share the folder. A command must succeed unless its line
ends in `# exit CODE`. In a block marked ```console golden what it prints must be what the document shows; a line
`…` stands for any number of lines. Other commands, such as `$ make test`, are not run.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ELLIPSIS = "…"


def blocks(document):
    """Yields (line number, is golden, lines) of each console block."""
    lines = document.read_text(encoding="utf-8").splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if start is None and re.fullmatch(r"```console( golden)?", line.strip()):
            start, golden = number, line.strip().endswith("golden")
        elif start is not None and line.strip() == "```":
            yield start, golden, lines[start : number - 1]
            start = None


def commands(start, lines):
    """Yields (line number, command, expected exit code, output lines); a trailing backslash continues a line."""
    index = 0
    while index < len(lines):
        if not lines[index].startswith("$ "):
            index += 1
            continue
        number, text = start + index + 1, lines[index][2:]
        while text.endswith("\\"):
            index += 1
            text = text[:-1] + " " + lines[index].strip()
        index += 1
        output = []
        while index < len(lines) and not lines[index].startswith("$ "):
            output.append(lines[index])
            index += 1
        match = re.fullmatch(r"(.*?)\s*# exit (\d+)", text)
        yield number, match.group(1) if match else text, int(match.group(2)) if match else 0, output


def matches(pattern, lines):
    if not pattern:
        return not lines
    if pattern[0].strip() == ELLIPSIS:
        return any(matches(pattern[1:], lines[skipped:]) for skipped in range(len(lines) + 1))
    return bool(lines) and pattern[0].rstrip() == lines[0].rstrip() and matches(pattern[1:], lines[1:])


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    environment = dict(os.environ, PATH=f"{binary.parent}:{os.environ['PATH']}")
    problems, count = [], 0
    for document in [ROOT / "README.md"] + sorted((ROOT / "Documentation").rglob("*.md")):
        name = document.relative_to(ROOT)
        for start, golden, lines in blocks(document):
            with tempfile.TemporaryDirectory() as folder:
                if (ROOT / "Examples").exists():
                    os.symlink(ROOT / "Examples", os.path.join(folder, "Examples"))
                for number, command, expected, shown in commands(start, lines):
                    if not command.startswith("partita"):
                        continue
                    count += 1
                    done = subprocess.run(
                        ["bash", "-o", "pipefail", "-c", command],
                        cwd=folder,
                        env=environment,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        timeout=300,
                    )
                    printed = done.stdout.decode(errors="replace").splitlines()
                    if done.returncode != expected:
                        problems.append(
                            f"{name}:{number}: exit {done.returncode}, not {expected}: {command}\n"
                            + "\n".join("    " + line for line in printed[:20])
                        )
                    elif golden and not matches(shown, printed):
                        problems.append(
                            f"{name}:{number}: prints something else than shown: {command}\n"
                            + "\n".join("    " + line for line in printed[:60])
                        )
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"check_documentation: {count} commands, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
