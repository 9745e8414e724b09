#!/usr/bin/env python3
"""Runs the commands that the documents show.

Usage: check_documentation.py BINARY

Every `$ partita …` and `$ printf …` line of a ```console block in README.md and below Documentation runs in a
folder that holds nothing but links to Examples and to the published ResNet-50 (resnet50.onnx); the commands of one
block share the folder. A command must succeed unless its line ends in `# exit CODE`. In a block marked ```console
golden what it prints must be what the document shows; a line `…` stands for any number of lines. Other commands, such
as `$ make test`, are not run. The examples in the help of every command run likewise. A ```yaml block that begins with
a schema is a machine file, and a small network is planned on it.
"""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ELLIPSIS = "…"
RESNET = ROOT / ".deps/onnx/backend/test/data/light/light_resnet50.onnx"


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


def machine_blocks(document):
    """Yields (line number, text) of each whole machine file."""
    text = document.read_text(encoding="utf-8")
    for match in re.finditer(r"^```yaml\n(schema: .*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text[: match.start()].count("\n") + 1, match.group(1)


def help_blocks(binary):
    """Yields (name, lines) of the examples that each command's help shows."""
    environment = dict(os.environ, COLUMNS="80")

    def help_of(words):
        done = subprocess.run([binary, *words, "--help"], capture_output=True, env=environment, check=True)
        return done.stdout.decode().splitlines()

    top = help_of([])
    section = top[top.index("SUBCOMMANDS:") + 1 :]
    names = [line.split()[0] for line in section if re.match(r"  [a-z]", line)]
    for words in [[]] + [[name] for name in names]:
        lines = [line.removeprefix("  ") for line in help_of(words)]
        if "EXAMPLES" not in lines:
            raise SystemExit(f"the help of partita {' '.join(words)} has no examples")
        examples = lines[lines.index("EXAMPLES") + 1 :]
        yield "help " + " ".join(words), examples[: examples.index("")]


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


def run_block(block, environment):
    """Runs the commands of one block; returns how many there are, and what is wrong with them."""
    name, start, golden, lines = block
    count, problems = 0, []
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(ROOT / "Examples", os.path.join(folder, "Examples"))
        os.symlink(RESNET, os.path.join(folder, "resnet50.onnx"))
        for number, command, expected, shown in commands(start, lines):
            if command.split()[0] not in ("partita", "printf"):
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
                what, length = f"exit {done.returncode}, not {expected}", 20
            elif golden and not matches(shown, printed):
                what, length = "prints something else than shown", 60
            else:
                continue
            lines_shown = "\n".join("    " + line for line in printed[:length])
            problems.append(f"{name}:{number}: {what}: {command}\n{lines_shown}")
    return count, problems


def run_machine(binary, name, number, text):
    """Plans a small network on a machine file that a document shows."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "machine.yaml")
        path.write_text(text, encoding="utf-8")
        words = ["plan", "lenet", "--machine", str(path), "--batch", "64", "--quiet"]
        done = subprocess.run([binary, *words], capture_output=True, timeout=300)
    if done.returncode == 0:
        return 1, []
    return 1, [f"{name}:{number}: the machine is refused: {done.stderr.decode().strip()}"]


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    environment = dict(os.environ, PATH=f"{binary.parent}:{os.environ['PATH']}")
    documents = [ROOT / "README.md"] + sorted((ROOT / "Documentation").rglob("*.md"))
    found = [(document.relative_to(ROOT), *block) for document in documents for block in blocks(document)]
    found += [(name, 0, False, lines) for name, lines in help_blocks(binary)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        runs = [workers.submit(run_block, block, environment) for block in found]
        for document in documents:
            for number, text in machine_blocks(document):
                name = document.relative_to(ROOT)
                runs.append(workers.submit(run_machine, binary, name, number, text))
        results = [run.result() for run in runs]
    problems = [problem for _, some in results for problem in some]
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"check_documentation: {sum(count for count, _ in results)} commands, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
