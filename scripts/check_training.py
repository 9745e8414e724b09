#!/usr/bin/env python3
"""Trains for real and breaks it: ranks are killed and stopped, checkpoints damaged, disks filled, pipes closed.

Usage: check_training.py BINARY [--minutes N] [--seed K]. Without --minutes it runs each case once; with it, it goes
on killing and resuming at random until the time is over. Each case runs in an empty folder of its own.
"""

import argparse
import gzip
import json
import os
import pathlib
import pty
import random
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODEL = str(ROOT / "Examples" / "digits.onnx")
STEPS = 60
RUN = ["train", MODEL, "--data", "digits", "--batch", "32", "--seed", "7", "--optimizer", "momentum"]
ENDLESS = RUN + ["--steps", "100000000", "--no-evaluation"]
POINTS = ["before-step", "mid-step", "after-step", "before-write", "mid-write", "before-rename", "after-rename"]

passed = 0
failed = []


def check(what, condition, shown=""):
    global passed
    if condition:
        passed += 1
    else:
        failed.append(what)
        print(f"failed: {what}\n{shown}".rstrip(), file=sys.stderr)


def events_of(output):
    return [json.loads(line) for line in output.splitlines() if line.startswith(b"{")]


def event(output, name):
    found = [one for one in events_of(output) if one["event"] == name]
    return found[-1] if found else {}


def is_alive(process):
    """Whether a process runs; what has ended and was not yet collected does not."""
    try:
        state = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def shared_memory():
    """What of Partita's memory has a name; other programs come and go."""
    names = os.listdir("/dev/shm") if os.path.isdir("/dev/shm") else []
    return sorted(name for name in names if "partita" in name)


def run(words, timeout=300, **options):
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(
        [BINARY, *words], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=timeout, **options
    )


def opened(words):
    """Starts a run in a process group of its own; no line that is not asked for is read ahead and lost."""
    return subprocess.Popen(
        [BINARY, *words, "--json"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True, bufsize=0,
    )


def started(words):
    """Starts a run, and returns it and its ranks after their first steps."""
    process = opened(words)
    ranks = []
    while True:
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"{words}: ended early: {process.stderr.read().decode()}")
        one = json.loads(line)
        if one["event"] == "start":
            ranks = [rank["process_id"] for rank in one["ranks"]]
        if one["event"] == "step" and one["step"] >= 5:
            return process, ranks


def finish(process, timeout=30):
    """Reads a run to its end, so that it never waits for a full pipe."""
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        return None, output, errors.decode(errors="replace")
    return process.returncode, output, errors.decode(errors="replace")


def nothing_left(what, ranks, before, patience=2):
    end = time.monotonic() + patience
    while time.monotonic() < end and any(map(is_alive, ranks)):
        time.sleep(0.05)
    check(f"{what}: ranks are left running", not any(map(is_alive, ranks)))
    check(f"{what}: shared memory is left", shared_memory() == before, str(shared_memory()))


_undisturbed = {}


def undisturbed(extra=(), steps=STEPS):
    """The end of a run to which nothing happens."""
    key = (tuple(extra), steps)
    if key not in _undisturbed:
        done = run(RUN + ["--ranks", "1", "--steps", str(steps), "--json", *extra])
        assert done.returncode == 0, done.stderr.decode()
        _undisturbed[key] = event(done.stdout, "end")
    return _undisturbed[key]


def expect_same(what, done, extra=(), steps=STEPS):
    """Checks that a run has ended as if nothing had happened."""
    errors = done.stderr.decode(errors="replace")
    check(f"{what}: exit {done.returncode}, not 0", done.returncode == 0, errors)
    end, expected = event(done.stdout, "end"), undisturbed(extra, steps)
    for key in ("weights_sha256", "ledger"):
        check(f"{what}: {key} differs", end.get(key) == expected[key], f"{end.get(key)}\n{expected[key]}\n{errors}")


# MARK: Equal bits


def same_bits():
    for extra, steps, numbers in (
        ([], STEPS, (2, 3, 4, 8)),
        (["--optimizer", "adam", "--schedule", "cosine"], STEPS, (2, 4)),
        # Plainly written kernels take a hundred times as long.
        (["--kernels", "reference", "--no-evaluation"], 4, (2, 4)),
    ):
        for ranks in numbers:
            done = run(RUN + ["--ranks", str(ranks), "--steps", str(steps), "--json", *extra])
            expect_same(f"{ranks} ranks {' '.join(extra)}", done, extra, steps)
    check("another seed gives other weights",
          undisturbed()["weights_sha256"] != undisturbed(["--seed", "8"])["weights_sha256"])


TWO_GROUPS = """schema: partita.machine/1
name: two groups
devices:
  front: {kind: processor, count: 2, peak: {float32: 96 GFLOP/s}, efficiency: 0.7, launch: 2 us, source: assumed,
          memory: {capacity: 4 GiB, bandwidth: 10 GB/s, efficiency: 0.9}}
  back: {kind: processor, peak: {float32: 96 GFLOP/s}, efficiency: 0.7, launch: 2 us, source: assumed,
         memory: {capacity: 4 GiB, bandwidth: 10 GB/s, efficiency: 0.9}}
links:
  - {from: front, to: back, bandwidth: 8 GB/s, latency: 1 us, duplex: full, source: assumed}
"""


def same_bits_of_plans():
    """Uneven shares, layers cut between devices, micro-batches: the same bits, and the simulated bytes."""
    pathlib.Path("two.yaml").write_text(TWO_GROUPS)
    done = run(["plan", MODEL, "--machine", "local/4", "--batch", "32", "--cells", "16", "--axes", "batch",
                "--optimizer", "momentum", "--out", "plan.json"])
    check(f"a plan of four: exit {done.returncode}", done.returncode == 0, done.stderr.decode())
    plan = json.loads(pathlib.Path("plan.json").read_text())
    share = {"devices": "mesh", "level": "shared-memory", "axis": "all", "weights": [5, 1, 7, 3]}
    pathlib.Path("uneven.json").write_text(json.dumps({**plan, "shares": [share]}))
    cut = ["--machine", "two.yaml", "--devices", "front,back", "--cut"]
    for words in (
        ["--machine", "local/4", "--plan", "./uneven.json"], cut + ["conv"], cut + ["fc1"],
        ["--ranks", "2", "--micro-batches", "2"], ["--ranks", "3", "--overlap", "none"],
    ):
        what = " ".join(words)
        done = run(RUN + ["--steps", str(STEPS), "--json", *words])
        expect_same(what, done)
        links = event(done.stdout, "end").get("links", [])
        check(f"{what}: nothing moves", any(link["measured_bytes"] for link in links))
        for link in links:
            check(f"{what}: bytes", link["simulated_bytes"] == link["measured_bytes"], str(link))


def documents():
    """What is written agrees with what is said, and the bytes over each link with the simulated ones."""
    words = ["--ranks", "2", "--steps", str(STEPS), "--out", "w.safetensors", "--onnx-out", "t.onnx", "--json"]
    done = run(RUN + words)
    check(f"documents: exit {done.returncode}", done.returncode == 0, done.stderr.decode())
    events, end = events_of(done.stdout), event(done.stdout, "end")
    check("documents: all lines are events", len(events) == len(done.stdout.splitlines()))
    check("documents: first the start, last the end", [events[0]["event"], events[-1]["event"]] == ["start", "end"])
    steps = [one["step"] for one in events if one["event"] == "step"]
    check("documents: every step once", steps == list(range(1, STEPS + 1)), str(steps))
    check("documents: there are links", len(end["links"]) == 2)
    for link in end["links"]:
        check(f"documents: bytes of {link['from']}", link["simulated_bytes"] == link["measured_bytes"], str(link))
    check("documents: it learns", end["test_accuracy"] > 0.5, str(end["test_accuracy"]))
    # Rank 0 evaluates and gathers; what that took is given back, but for what no plan knows, about a mebibyte.
    for memory in end["memory"]:
        evaluates = memory["evaluation_bytes"] > 0
        check(f"documents: rank {memory['rank']} evaluates", evaluates == (memory["rank"] == 0), str(memory))
        excess = memory["resident_bytes"] - memory["planned_bytes"]
        check(f"documents: memory of rank {memory['rank']}", abs(excess) < 2 << 20, str(memory))
    check("documents: files", sorted(os.listdir()) == ["t.onnx", "w.safetensors"], str(os.listdir()))
    try:
        import jsonschema
    except ImportError:
        jsonschema = None
    if jsonschema:
        schema = json.loads((ROOT / "Documentation/schemas/partita.training.1.json").read_text(encoding="utf-8"))
        validator = jsonschema.Draft202012Validator(schema)
        faults = [fault.message[:200] for one in events for fault in validator.iter_errors(one)]
        check("documents: the schema", not faults, str(faults[:3]))
    written_weights(end)


def written_weights(end):
    """The exported network has the trained weights, and classifies the test samples as well as was said."""
    data = pathlib.Path("w.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    head = json.loads(data[8:8 + size])
    try:
        import numpy
        import onnx
        from onnx import numpy_helper
        from onnx.reference import ReferenceEvaluator
    except ImportError:
        print("check_training: without the onnx package; the exported network is not run", file=sys.stderr)
        return
    model = onnx.load("t.onnx")
    onnx.checker.check_model(model, full_check=True)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    for name, entry in head.items():
        if name == "__metadata__":
            continue
        first, last = (8 + size + offset for offset in entry["data_offsets"])
        check(f"written weights: {name}", stored[name].tobytes() == data[first:last])
    rows = {}
    for part in ("train", "test"):
        path = next(folder / "digits" / f"{part}.csv" for folder in data_folders() if (folder / "digits").is_dir())
        rows[part] = numpy.loadtxt(path, delimiter=",")
    features = rows["train"][:, :-1]
    deviation = features.std(axis=0)
    deviation[deviation == 0] = 1
    inputs = ((rows["test"][:, :-1] - features.mean(axis=0)) / deviation).astype(numpy.float32)
    labels = rows["test"][:, -1]
    evaluator = ReferenceEvaluator(model)
    batch = model.graph.input[0].type.tensor_type.shape.dim[0].dim_value or len(labels)
    right = total = 0
    for first in range(0, len(labels) - batch + 1, batch):
        samples = inputs[first:first + batch].reshape(batch, 1, 8, 8)
        logits = evaluator.run(None, {model.graph.input[0].name: samples})[0]
        right += (logits.argmax(axis=1) == labels[first:first + batch]).sum()
        total += batch
    # Of 360 samples the batches leave out up to 31.
    check("written weights: the accuracy", abs(right / total - end["test_accuracy"]) < 0.03,
          f"{right / total} and {end['test_accuracy']}")


def data_folders():
    return [pathlib.Path(os.environ.get("PARTITA_DATA") or "/nonexistent"), ROOT / ".deps"]


# MARK: Lost ranks


def killed(number, victim, how=signal.SIGKILL, limit=10):
    what = f"{how.name} of rank {victim} of {number}"
    before = shared_memory()
    process, ranks = started(ENDLESS + ["--ranks", str(number), "--out", "w.safetensors"])
    start = time.monotonic()
    os.kill(ranks[victim], how)
    code, _, errors = finish(process)
    took = time.monotonic() - start
    check(f"{what}: exit {code}, not 69", code == 69, errors)
    check(f"{what}: took {took:.1f} s", took < limit)
    check(f"{what}: is not named", re.search(rf"\brank {victim}\b", errors), errors)
    check(f"{what}: many words", len(errors.splitlines()) <= 5, errors)
    nothing_left(what, ranks, before)
    check(f"{what}: leaves {os.listdir()}", not os.listdir())


def lost_ranks():
    for number, victim in ((4, 0), (4, 3), (2, 1)):
        killed(number, victim)
    killed(3, 1, signal.SIGSTOP)


def lost_coordinator():
    before = shared_memory()
    process, ranks = started(ENDLESS + ["--ranks", "3"])
    process.kill()
    finish(process)
    nothing_left("a killed coordinator", ranks, before, patience=5)


# MARK: Checkpoints


def failed_and_resumed():
    """Every named point, at a step with a checkpoint before it, and then on with another number of ranks."""
    for index, point in enumerate(POINTS):
        folder = f"run-{point}"
        words = RUN + ["--steps", str(STEPS), "--checkpoint", folder, "--checkpoint-every", "8", "--json"]
        ranks = 1 + index % 3
        # A step inside of an interval, except for the points of a checkpoint.
        step = 32 if point in POINTS[3:] else 37
        done = run(words + ["--ranks", str(ranks), "--fail-at", f"{step}:{point}"])
        check(f"--fail-at {step}:{point}: exit {done.returncode}, not 69", done.returncode == 69,
              done.stderr.decode())
        last = max([one["step"] for one in events_of(done.stdout) if one["event"] == "checkpoint"], default=0)
        again = run(words + ["--ranks", str(1 + (index + 1) % 4), "--resume"])
        first = event(again.stdout, "start").get("first_step")
        check(f"--fail-at {step}:{point}: goes on after step {first}, not {last}",
              first in ((32,) if point == "after-rename" else (last,)))
        expect_same(f"--fail-at {step}:{point}, resumed", again)
        left = [name for name in os.listdir(folder) if not re.fullmatch(r"step-\d+\.checkpoint", name)]
        check(f"--fail-at {step}:{point}: leaves {left}", not left)
        check(f"--fail-at {step}:{point}: keeps two checkpoints", len(os.listdir(folder)) == 2,
              str(os.listdir(folder)))


def nothing_left_to_do():
    """A run that is complete is resumed: it says the same again."""
    words = RUN + ["--ranks", "2", "--steps", str(STEPS), "--checkpoint", "run", "--json"]
    expect_same("a complete run", run(words))
    check("a complete run: no checkpoint at its end", checkpoints("run")[-1].name == f"step-{STEPS:012}.checkpoint")
    done = run(words + ["--resume"])
    expect_same("a complete run, resumed", done)
    check("a complete run, resumed: steps", event(done.stdout, "start").get("first_step") == STEPS)
    check("a complete run, resumed: accuracy",
          event(done.stdout, "end").get("test_accuracy") == undisturbed()["test_accuracy"])


def failed_before_the_first():
    words = RUN + ["--steps", str(STEPS), "--checkpoint", "run", "--checkpoint-every", "8", "--json"]
    done = run(words + ["--ranks", "2", "--fail-at", "8:mid-write"])
    check(f"failed before the first checkpoint: exit {done.returncode}", done.returncode == 69)
    expect_same("failed before the first checkpoint", run(words + ["--ranks", "2", "--resume"]))


def checkpoints(folder):
    return sorted(pathlib.Path(folder).glob("step-*.checkpoint"))


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def damaged_checkpoints():
    words = RUN + ["--ranks", "2", "--checkpoint", "run", "--checkpoint-every", "8", "--json"]
    done = run(words + ["--steps", "32"])
    check(f"before the damage: exit {done.returncode}", done.returncode == 0, done.stderr.decode())
    for what, damage in (
        ("a flipped bit", lambda path: flip(path, path.stat().st_size // 2)),
        ("a cut end", lambda path: path.write_bytes(path.read_bytes()[:-7])),
        ("an empty file", lambda path: path.write_bytes(b"")),
    ):
        shutil.copytree("run", "kept")
        newest = checkpoints("run")[-1]
        damage(newest)
        done = run(words + ["--steps", str(STEPS), "--resume"])
        expect_same(f"damaged checkpoint, {what}", done)
        errors = done.stderr.decode()
        check(f"damaged checkpoint, {what}: is not named", newest.name in errors, errors)
        check(f"damaged checkpoint, {what}: goes on from the one before it",
              event(done.stdout, "start").get("first_step") == 24)
        shutil.rmtree("run")
        os.rename("kept", "run")
    names = [path.name for path in checkpoints("run")]
    for path in checkpoints("run"):
        flip(path, 100)
    done = run(words + ["--steps", str(STEPS), "--resume"])
    errors = done.stderr.decode()
    check(f"all checkpoints damaged: exit {done.returncode}, not 65", done.returncode == 65, errors)
    check("all checkpoints damaged: not all are named", all(name in errors for name in names), errors)


def other_runs_checkpoints():
    words = RUN + ["--ranks", "2", "--checkpoint", "run", "--json"]
    run(words + ["--steps", "8", "--checkpoint-every", "4"])
    for extra, code, pattern in (
        ([], 64, r"already has checkpoints.*--resume"), (["--resume", "--seed", "9"], 65, r"--seed"),
        (["--resume", "--optimizer", "adam"], 65, r"--optimizer"), (["--resume", "--batch", "16"], 65, r"--batch"),
        (["--resume", "--learning-rate", "0.5"], 65, r"learning rate"),
    ):
        before = [path.read_bytes() for path in checkpoints("run")]
        done = run(words + ["--steps", "16", *extra])
        errors = done.stderr.decode()
        check(f"another run's checkpoints, {extra}: exit {done.returncode}, not {code}", done.returncode == code,
              errors)
        check(f"another run's checkpoints, {extra}: {pattern}", re.search(pattern, errors), errors)
        check(f"another run's checkpoints, {extra}: they stay",
              before == [path.read_bytes() for path in checkpoints("run")])


# MARK: The user and the system


def interrupted():
    before = shared_memory()
    words = ["--ranks", "3", "--checkpoint", "run", "--checkpoint-every", "1000000"]
    process, ranks = started(ENDLESS + words + ["--out", "w.safetensors"])
    start = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    code, output, errors = finish(process)
    check(f"Ctrl-C: exit {code}, not 130", code == 130, errors)
    check("Ctrl-C: takes long", time.monotonic() - start < 10)
    check("Ctrl-C: many words", len(errors.splitlines()) <= 4, errors)
    nothing_left("Ctrl-C", ranks, before)
    check(f"Ctrl-C: leaves {os.listdir()}", os.listdir() == ["run"])
    kept = event(output, "checkpoint").get("step", 0)
    check("Ctrl-C: a checkpoint is written", kept >= 5 and len(checkpoints("run")) == 1, errors)
    # It goes on from there, to the end that an undisturbed run has; evaluation takes no part in that.
    steps = kept + 20
    expected = undisturbed(["--no-evaluation"], steps)
    done = run(RUN + ["--ranks", "2", "--no-evaluation", "--checkpoint", "run", "--resume", "--steps", str(steps),
                      "--json"])
    check("Ctrl-C: resumed weights differ",
          event(done.stdout, "end").get("weights_sha256") == expected["weights_sha256"], done.stderr.decode())


def closed_pipe():
    for words in (["--json"], []):
        before = shared_memory()
        process = subprocess.Popen(
            [BINARY, *ENDLESS, "--ranks", "3", *words, *([] if words else ["--verbose"])],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        lines = [process.stdout.readline() for _ in range(10)]
        if words:
            ranks = [rank["process_id"] for rank in json.loads(lines[0])["ranks"]]
        else:
            ranks = [int(number) for number in re.findall(r"process\s+(\d+)", b"".join(lines).decode())]
        check("closed pipe: ranks are told", len(ranks) == 3, str(lines))
        process.stdout.close()
        try:
            code = process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            code = None
        errors = process.stderr.read().decode()
        check(f"closed pipe: exit {code}, not 0", code == 0, errors)
        check("closed pipe: complains", "ipe" not in errors and len(errors.splitlines()) <= 4, errors)
        nothing_left("closed pipe", ranks, before)


def limited_files(size):
    """Files that cannot grow over a size, as on a full disk, for a process and its ranks."""

    def prepare():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return prepare


def full_disk():
    for flag in ("--out", "--onnx-out"):
        done = run(RUN + ["--ranks", "2", "--steps", "5", flag, "/dev/full"])
        errors = done.stderr.decode()
        check(f"full disk: {flag}: exit {done.returncode}, not 74", done.returncode == 74, errors)
        check(f"full disk: {flag}: does not say so", "No space left" in errors, errors)
    with open("/dev/full", "wb") as full:
        done = run(RUN + ["--ranks", "2", "--steps", "5"], stdout=full)
        check(f"full disk: log: exit {done.returncode}, not 74", done.returncode == 74, done.stderr.decode())
    pathlib.Path("w.safetensors").write_text("before")
    # Memory that ranks share is a file, too, and larger than any limit that a checkpoint would meet: the limit
    # comes after it is made, and only at the ranks; so a small disk stands in for it where there can be one.
    folder = small_disk()
    if folder is None:
        print("check_training: no small disk without root; a full one is tried with /dev/full alone",
              file=sys.stderr)
        return
    try:
        words = RUN + ["--ranks", "2", "--steps", "40", "--json"]
        done = run(words + ["--checkpoint", "small/run", "--checkpoint-every", "8"])
        errors = done.stderr.decode()
        check(f"small disk: exit {done.returncode}, not 74", done.returncode == 74, errors)
        check("small disk: does not say so", "No space left" in errors, errors)
        left = [path.name for path in pathlib.Path("small/run").iterdir()]
        check(f"small disk: leaves {left}", all(re.fullmatch(r"step-\d+\.checkpoint", name) for name in left))
        done = run(words + ["--out", "small/w.safetensors"])
        errors = done.stderr.decode()
        check(f"small disk: --out: exit {done.returncode}, not 74", done.returncode == 74, errors)
        check("small disk: --out: a part is left", not list(pathlib.Path("small").glob("*w.safetensors*")))
    finally:
        subprocess.run(["umount", "small"], check=True)


def small_disk():
    """Mounts a disk that holds one checkpoint but not two; None where that is not allowed."""
    os.mkdir("small")
    options = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", "small"]
    done = subprocess.run(["mount", *options], capture_output=True)
    if done.returncode:
        os.rmdir("small")
        return None
    pathlib.Path("small/filler").write_bytes(bytes(12 << 10))
    return "small"


def npy(path, kind, shape, data):
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    head += " " * (-(len(head) + 11) % 64) + "\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode("latin1") + data)


def samples(folder, count=64, size=64, classes=10, labels=None):
    folder = pathlib.Path(folder)
    folder.mkdir()
    generator = random.Random(1)
    npy(folder / "train-images.npy", "|u1", (count, size), bytes(generator.choices(range(256), k=count * size)))
    labels = [index % classes for index in range(count)] if labels is None else labels
    npy(folder / "train-labels.npy", "|u1", (len(labels),), bytes(labels))


def bad_input():
    samples("good")
    samples("narrow", size=25)
    samples("classes", classes=12)
    samples("labels", labels=[0] * 63)
    samples("few", count=20)
    samples("cut")
    whole = pathlib.Path("cut/train-images.npy").read_bytes()
    pathlib.Path("cut/train-images.npy").write_bytes(whole[:-100])
    pathlib.Path("gzip").mkdir()
    pathlib.Path("gzip/train-images-idx3-ubyte.gz").write_bytes(gzip.compress(bytes(1000))[:50])
    pathlib.Path("gzip/train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(10)))
    pathlib.Path("empty").mkdir()
    own = lambda name: ["train", MODEL, "--batch", "32", "--ranks", "2", "--steps", "5", "--data", name]
    digits = own("digits")
    cases = [
        (own("good"), 0, r""),
        (own("fashion-mnst"), 66, r"did you mean .fashion-mnist"),
        (own("no/such"), 66, r"no/such"),
        (own("empty"), 65, r"empty.*holds no data set"),
        (own("narrow"), 65, r"narrow.*25|25.*narrow"),
        (own("classes"), 65, r"1[12].*10|10.*1[12]"),
        (own("labels"), 65, r"63 labels for 64"),
        (own("cut"), 65, r"train-images\.npy"),
        (own("gzip"), 65, r"train-images-idx3-ubyte\.gz"),
        (own("few"), 64, r"batch of 32.*20"),
        (digits + ["--learning-rate", "1e30"], 1, r"no number.*--learning-rate"),
        (digits + ["--ranks", "3", "--machine", "gpu-server-8"], 64, r"1 device, not on 3"),
        (digits + ["--schedule", "linear"], 64, r"linear.*cosine"),
        (digits + ["--freeze", "conv9"], 65, r"conv9.*did you mean conv"),
        (digits + ["--resume"], 64, r"--checkpoint"),
        (digits + ["--out", "no/such/w.safetensors"], 74, r"no/such"),
        (digits + ["--checkpoint", "good/train-images.npy/run"], 74, r"good/train-images\.npy"),
        (["train", "hypar/lenet-c", "--data", "digits", "--batch", "32"], 65, r"layer table"),
        (["train", MODEL, "--batch", "32"], 64, r"--data"),
    ]
    pathlib.Path("w.safetensors").write_text("before")
    files = sorted(os.listdir())
    for words, code, pattern in cases:
        what = "partita " + " ".join(words).replace(str(ROOT) + "/", "")
        extra = [] if code == 0 or "--out" in words else ["--out", "w.safetensors"]
        done = run(words + extra)
        errors = done.stderr.decode(errors="replace")
        check(f"{what}: exit {done.returncode}, not {code}", done.returncode == code, errors)
        check(f"{what}: does not match {pattern}", re.search(pattern, errors, re.DOTALL), errors)
        check(f"{what}: many words", len(errors.splitlines()) <= 6, errors)
        check(f"{what}: leaves files", sorted(os.listdir()) == files, str(os.listdir()))
        check(f"{what}: replaces --out", pathlib.Path("w.safetensors").read_bytes() == b"before")


def terminal():
    """On a terminal one line is rewritten; elsewhere there is no such line."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [BINARY, *RUN, "--ranks", "2", "--steps", "400"], stdin=subprocess.DEVNULL, stdout=side, stderr=side
    )
    os.close(side)
    shown = b""
    while True:
        ready, _, _ = select.select([main], [], [], 30)
        try:
            part = os.read(main, 65536) if ready else b""
        except OSError:
            part = b""
        if not part:
            break
        shown += part
    os.close(main)
    check("terminal: exit", process.wait(timeout=10) == 0)
    check("terminal: no line is rewritten", re.search(rb"\rstep +\d+/400 [^\r\n]*samples/s[^\r\n]*left", shown),
          shown.decode(errors="replace")[:600])
    check("terminal: the line is not cleared at the end", b"left\r\n" not in shown)
    check("terminal: there is a summary", b"test accuracy" in shown and b"sha256" in shown)
    done = run(RUN + ["--ranks", "2", "--steps", "40"])
    check("no terminal: a line is rewritten", b"\r" not in done.stdout + done.stderr)
    check("no terminal: no log", b"step  1/40" in done.stdout and b"step 40/40" in done.stdout, done.stdout.decode())
    done = run(RUN + ["--ranks", "2", "--steps", "40", "--quiet"])
    check("--quiet: says more than the result", b"step  1/40" not in done.stdout and not done.stderr)


# MARK: For long


def soak(minutes, seed):
    """Kills ranks at random times and goes on with random numbers of ranks, until the weights are complete."""
    generator = random.Random(seed)
    deadline = time.monotonic() + 60 * minutes
    rounds = 0
    while time.monotonic() < deadline:
        rounds += 1
        steps = generator.choice([500, 2000, 5000])
        extra = generator.choice([[], ["--kernels", "reference"], ["--optimizer", "adam"]])
        if extra[:1] == ["--kernels"]:
            steps = 20
        extra = extra + ["--seed", str(generator.randrange(1000)), "--no-evaluation"]
        in_new_folder(soak_round, generator, extra, steps)
    print(f"check_training: soaked {rounds} runs of seed {seed}")


def soak_round(generator, extra, steps):
    words = RUN + extra + ["--steps", str(steps), "--checkpoint", "run", "--checkpoint-every",
                           str(generator.choice([1, 10, 50]))]
    before = shared_memory()
    for attempt in range(40):
        ranks = generator.choice([1, 2, 3, 4, 8])
        process = opened(words + ["--ranks", str(ranks), *(["--resume"] if attempt else [])])
        first = process.stdout.readline()
        processes = [rank["process_id"] for rank in json.loads(first)["ranks"]] if first else []
        victim = None
        if attempt < 6 and processes:
            select.select([], [], [], generator.uniform(0, 0.5))
            how = generator.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGINT])
            victim = process.pid if how == signal.SIGINT else generator.choice(processes)
            if is_alive(victim):
                os.kill(victim, how)
            else:
                victim = None
        code, output, errors = finish(process, timeout=300)
        nothing_left(f"soak {extra}", processes, before)
        check(f"soak {extra}: exit {code}", code in (0, 69, 130), errors)
        if code == 0:
            end = event(output, "end")
            for key in ("weights_sha256", "ledger"):
                expected = undisturbed(extra, steps)[key]
                check(f"soak {extra} {steps}: {key} differs", end.get(key) == expected,
                      f"{end.get(key)}\n{expected}\n{errors}")
            return
        if code not in (69, 130):
            return
    check(f"soak {extra}: never ends", False)


def in_new_folder(action, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            action(*arguments)
        except Exception as error:  # A case that cannot go on must not hide the others.
            check(f"{action.__name__}: {error!r}", False)
        finally:
            os.chdir("/")


parser = argparse.ArgumentParser()
parser.add_argument("binary")
parser.add_argument("--minutes", type=float, default=0)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--only", action="append")
given = parser.parse_args()
BINARY = str(pathlib.Path(given.binary).resolve())

begin = time.monotonic()
CASES = [
    same_bits, same_bits_of_plans, documents, failed_and_resumed, failed_before_the_first, nothing_left_to_do,
    damaged_checkpoints, other_runs_checkpoints,
    lost_ranks, lost_coordinator, interrupted, closed_pipe, full_disk, bad_input, terminal,
]
for case in CASES:
    if given.only and case.__name__ not in given.only:
        continue
    moment = time.monotonic()
    in_new_folder(case)
    print(f"check_training: {case.__name__.replace('_', ' ')} in {time.monotonic() - moment:.1f} s")
if given.minutes and not failed:
    soak(given.minutes, given.seed)
print(f"check_training: {passed} passed, {len(failed)} failed in {time.monotonic() - begin:.0f} s")
sys.exit(1 if failed else 0)
