#!/usr/bin/env python3
"""Checks with the onnx package that what `partita models NAME --out` writes is a legal model, shapes included.

Usage: check_onnx.py BINARY. Needs the onnx package (`make deps`).
"""

import pathlib
import subprocess
import sys
import tempfile

import onnx

# Every kind of operator that is written: with and without groups, batch normalisation, branches and concatenations.
NETWORKS = ["lenet", "alexnet", "resnet18", "densenet121", "mobilenet-v2"]

binary = str(pathlib.Path(sys.argv[1]).resolve())
problems = []
with tempfile.TemporaryDirectory() as folder:
    for name in NETWORKS:
        path = pathlib.Path(folder) / "model.onnx"
        words = [binary, "models", name, "--batch", "2", "--out", str(path)]
        done = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=300)
        if done.returncode != 0:
            problems.append(f"{name}: exit {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
            continue
        try:
            onnx.checker.check_model(str(path), full_check=True)
        except Exception as error:  # The checker and shape inference have kinds of their own.
            problems.append(f"{name}: {error}")
for problem in problems:
    print(problem, file=sys.stderr)
print(f"check_onnx: {len(NETWORKS)} networks, {len(problems)} problems")
sys.exit(1 if problems else 0)
