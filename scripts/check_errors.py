#!/usr/bin/env python3
"""Tries what goes wrong on the real binary: the exit code, the message, and that nothing is left behind.

Usage: check_errors.py BINARY. Each case runs in an empty folder of its own. A message must be short, must not name
a place in the sources, and must hold the words that the case asks for. Needs the onnx package (`make deps`) for
two cases, which are skipped without it.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

BINARY = str(pathlib.Path(sys.argv[1]).resolve())
PLAN = ["plan", "lenet", "--machine", "hypar/16", "--batch", "256"]

# The beginning of a machine file whose third line is wrong.
BAD_MACHINE = """schema: partita.machine/1
name: mine
devises:
  host: {kind: processor}
"""
BARE_NUMBER = """schema: partita.machine/1
name: mine
devices:
  host: {kind: processor, count: 2, peak: {float32: 1000}, efficiency: 0.7, launch: 2 us, source: assumed,
         memory: {capacity: 64 GiB, bandwidth: 80 GB/s, efficiency: 0.9}}
"""

# A processor with instructions that next to none has.
RARE_SET = "avx512-core-amx-fp16"
RARE_MACHINE = f"""schema: partita.machine/1
name: mine
devices:
  host: {{kind: processor, instruction-set: {RARE_SET}, peak: {{float32: 1 TFLOP/s}}, efficiency: 0.7, launch: 2 us,
         memory: {{capacity: 1 GiB, bandwidth: 80 GB/s, efficiency: 0.9}}, source: assumed}}
"""
DIGITS = str(pathlib.Path(__file__).resolve().parent.parent / "Examples" / "digits.onnx")
TRAIN = ["train", DIGITS, "--data", "digits", "--batch", "32", "--steps", "1"]


def onnx_model(path, operators):
    """Writes a chain of element-wise operators; nothing but the onnx package knows some of them."""
    import onnx
    from onnx import TensorProto, helper

    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [4, 8])
    names = ["x"] + [f"t{number}" for number in range(len(operators) - 1)] + ["y"]
    nodes = [
        helper.make_node(kind, [names[index]], [names[index + 1]], name=f"node{index}")
        for index, kind in enumerate(operators)
    ]
    graph = helper.make_graph(nodes, "chain", [value("x")], [value("y")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)


def write(name, content):
    return lambda: pathlib.Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())


def unsupported():
    onnx_model("odd.onnx", ["Relu", "Det", "Cosh", "Det"])


# What is prepared, the words of the command, the exit code, and what standard error must match.
CASES = [
    (None, ["plan", "resnet5", "--machine", "hypar/16", "--batch", "8"], 66, r"resnet5.*did you mean .resnet50"),
    (None, ["plan", "lenet", "--machine", "hypar/61", "--batch", "8"], 66, r"hypar/61.*did you mean"),
    (None, ["inspect", "nothing.onnx"], 66, r"nothing\.onnx"),
    (None, ["plan", "lenet", "--machine", "nothing.yaml", "--batch", "8"], 66, r"nothing\.yaml"),
    (None, PLAN + ["--plan", "nothing.json"], 66, r"nothing\.json"),
    (write("bad.yaml", BAD_MACHINE), ["plan", "lenet", "--machine", "bad.yaml", "--batch", "8"], 78,
     r"bad\.yaml:3:1: .*devises.*devices"),
    (write("bare.yaml", BARE_NUMBER), ["plan", "lenet", "--machine", "bare.yaml", "--batch", "8"], 78,
     r"bare\.yaml:4:\d+: .*unit"),
    (write("bad.yaml", "a: [1"), ["plan", "lenet", "--machine", "bad.yaml", "--batch", "8"], 78, r"bad\.yaml:\d+:\d+"),
    (write("bad.onnx", b"\x0a\xff\xff\xff\xff\x0fnot a model"), ["inspect", "bad.onnx"], 65, r"bad\.onnx"),
    (write("empty.onnx", b""), ["inspect", "empty.onnx"], 65, r"empty\.onnx"),
    (write("bad.csv", "name,kind\nfc,dense\n"), ["inspect", "bad.csv", "--batch", "8"], 65, r"bad\.csv:1"),
    (unsupported, ["inspect", "odd.onnx"], 65, r"(?s)(?=.*Det)(?=.*Cosh)"),
    (unsupported, ["plan", "odd.onnx", "--machine", "hypar/16", "--batch", "4"], 65, r"(?s)(?=.*Det)(?=.*Cosh)"),
    (write("plan.json", '{"schema": "partita.plan/1",\n "layers": [{"name": "conv9"}]}'),
     PLAN + ["--plan", "./plan.json"], 65, r"plan\.json:2:\d+: .*conv9.*did you mean"),
    (write("plan.json", '{"schema": "partita.plan/1", "layer": []}'), PLAN + ["--plan", "./plan.json"], 65,
     r"plan\.json:1:\d+: .*layer.*layers"),
    (write("plan.json", '{"schema": "partita.plan/1", "batch": 8}'), PLAN + ["--fix", "plan.json"], 65,
     r"plan\.json.*batch of 8"),
    (None, PLAN + ["--deadline", "1ps"], 3, r"shortest step found takes"),
    (None, ["plan", "resnet50", "--machine", "hypar/16", "--batch", "256", "--memory-limit", "10MiB"], 3,
     r"no plan fits in 10 MiB.*smallest peak found is"),
    (None, ["plan", "lenet", "--machine", "hypar/16", "--batch", "0"], 64, r"--batch must be at least 1"),
    (None, ["plan", "lenet", "--machin", "hypar/16"], 64, r"(?s)--machin.*--machine"),
    (None, ["plan", "lenet", "--batch", "8"], 64, r"name a machine"),
    (None, ["pla", "lenet"], 64, r"did you mean .plan"),
    (None, PLAN + ["--search", "exat"], 64, r"exat"),
    (None, PLAN + ["--plan", "data-paralel"], 64, r"did you mean 'data-parallel'"),
    (None, PLAN + ["--axes", "batsh"], 64, r"did you mean 'batch'"),
    (None, PLAN + ["--memory-limit", "10"], 64, r"64MiB"),
    (None, ["simulate", "--collective", "all-reduc", "--bytes", "1MiB", "--machine", "hypar/16"], 64,
     r"did you mean 'all-reduce'"),
    (None, ["study", "hipar"], 64, r"did you mean .hypar"),
    (None, ["models", "lenett", "--out", "x.onnx"], 66, r"did you mean .lenet"),
    (None, PLAN + ["--out", "no/such/plan.json"], 74, r"no/such/plan\.json: No such file"),
    (None, ["simulate", *PLAN[1:], "--trace", "no/such/trace.json"], 74, r"no/such/trace\.json: No such file"),
    (None, PLAN + ["--out", "."], 74, r"Is a directory"),
    (None, TRAIN + ["--instruction-sets", "sse4,native"], 64, r"did you mean 'sse41'"),
    (None, TRAIN + ["--ranks", "2", "--instruction-sets", "native"], 64, r"names 1 for 2 ranks"),
    (None, TRAIN + ["--instruction-sets", "native,native"], 64, r"names 2, and the plan runs on 1 device"),
    (None, TRAIN[:4] + ["--batch", "2", "--ranks", "3"], 3, r"a batch of 2 has no sample for each of 3 ranks"),
    (write("bad.yaml", RARE_MACHINE.replace(RARE_SET, "sse")), TRAIN + ["--machine", "bad.yaml"], 78,
     r"bad\.yaml:4:\d+: .*instruction-set.*sse41"),
    (write("rare.yaml", RARE_MACHINE), TRAIN + ["--machine", "rare.yaml"], 78,
     rf"rare\.yaml: .*'host'.*{RARE_SET}.*it has: native"),
    (write("rarer.yaml", RARE_MACHINE),
     ["calibrate", "--compare", "lenet", "--batch", "1", "--machine", "rarer.yaml"], 78,
     rf"rarer\.yaml: .*which oneDNN uses here.*it has {RARE_SET}: .* to keep to it"),
    (None, ["calibrate", "--instruction-sets", f"native,{RARE_SET}"], 64, rf"no '{RARE_SET}' instructions"),
    (None, ["calibrate", "--instruction-sets", "native", "--ranks", "2"], 64, r"names 1 for 2 ranks"),
    (None, ["calibrate", "--instruction-sets", "native", "--kernels", "reference"], 64, r"limits oneDNN"),
    (None, ["calibrate", "--json"], 64, r"--json needs --out"),
]
# A computer that has the instructions refuses nothing.
if "amx_fp16" in pathlib.Path("/proc/cpuinfo").read_text():
    CASES = [case for case in CASES if not case[3].endswith((f"{RARE_SET}.*it has: native", "instructions", "keep to it"))]

problems = []
count = 0


def check(what, condition, shown=""):
    global count
    count += 1
    if not condition:
        problems.append(f"{what}\n{shown}".rstrip())


def left_behind(before):
    return sorted(set(os.listdir()) - before)


def run_case(prepare, words, code, pattern):
    if prepare:
        prepare()
    before = set(os.listdir())
    done = subprocess.run([BINARY, *words], capture_output=True, stdin=subprocess.DEVNULL, timeout=300)
    errors = done.stderr.decode(errors="replace")
    what = "partita " + " ".join(words)
    shown = "\n".join("    " + line for line in errors.splitlines()[:12])
    check(f"{what}: exit {done.returncode}, not {code}", done.returncode == code, shown)
    check(f"{what}: standard error does not match {pattern}", re.search(pattern, errors), shown)
    check(f"{what}: a message of {len(errors.splitlines())} lines", len(errors.splitlines()) <= 12, shown)
    check(f"{what}: names a source file", not re.search(r"\w\.swift", errors), shown)
    check(f"{what}: leaves {left_behind(before)}", not left_behind(before))


def in_new_folder(action, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            action(*arguments)
        finally:
            os.chdir("/")


def closed_pipe():
    """Whoever reads only the first line gets it, and nobody complains."""
    command = f"'{BINARY}' models | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, timeout=60)
    check(f"closed pipe: exit {done.returncode}", done.returncode == 0)
    check("closed pipe: complains", not done.stderr, done.stderr.decode(errors="replace"))
    check("closed pipe: prints nothing", len(done.stdout.splitlines()) == 1)


def full_disk():
    for words in (["models"], ["--version"], ["plan", "--help"], ["machines", "hypar/16"], PLAN):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, *words], stdout=full, stderr=subprocess.PIPE, timeout=60)
        what = f"full disk: partita {' '.join(words)}"
        check(f"{what}: exit {done.returncode}, not 74", done.returncode == 74)
        check(f"{what}: does not say so", b"No space left" in done.stderr, done.stderr.decode())
    done = subprocess.run([BINARY, *PLAN, "--out", "/dev/full"], capture_output=True, timeout=60)
    check(f"full disk: --out: exit {done.returncode}, not 74", done.returncode == 74)


def limited_file():
    """A file that cannot grow: the trace is not written, and no part of it stays."""
    words = ["simulate", *PLAN[1:], "--trace", "trace.json"]
    pathlib.Path("trace.json").write_text("before")
    command = f"trap '' XFSZ; ulimit -f 1; exec '{BINARY}' {' '.join(words)} > /dev/null"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=60)
    check(f"no room for a trace: exit {done.returncode}, not 74", done.returncode == 74, done.stderr.decode())
    check(f"no room for a trace: leaves {os.listdir()}", os.listdir() == ["trace.json"])
    check("no room for a trace: the old file is lost", pathlib.Path("trace.json").read_text() == "before")


def interrupted():
    """Ctrl-C while it computes, and while it waits to write."""
    long = ["plan", "densenet121", "--machine", "hypar/64", "--batch", "256", "--out", "plan.json"]
    os.mkfifo("pipe")
    for words, wait in ((long, 0.5), (["models", "lenet", "--out", "pipe"], 0.5)):
        process = subprocess.Popen([BINARY, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=60)
        check(f"interrupted: partita {' '.join(words)}: exit {code}, not 130", code == 130)
    check(f"interrupted: leaves {os.listdir()}", os.listdir() == ["pipe"])


def untouched():
    """A failed run leaves an output of an earlier one as it was."""
    pathlib.Path("plan.json").write_text("before")
    subprocess.run([BINARY, *PLAN, "--deadline", "1ps", "--out", "plan.json"], capture_output=True, timeout=60)
    check("a failed plan overwrites --out", pathlib.Path("plan.json").read_text() == "before")


try:
    import onnx  # noqa: F401
except ImportError:
    CASES = [case for case in CASES if case[0] is not unsupported]
    print("check_errors: without the onnx package; unsupported operators are not tried", file=sys.stderr)

for case in CASES:
    in_new_folder(run_case, *case)
for action in (closed_pipe, full_disk, limited_file, interrupted, untouched):
    in_new_folder(action)
for problem in problems:
    print(problem, file=sys.stderr)
print(f"check_errors: {len(CASES)} commands and 5 situations, {count} checks, {len(problems)} problems")
sys.exit(1 if problems else 0)
