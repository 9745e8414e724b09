#!/usr/bin/env bash
# Shows what Partita does with a network that it did not make: ResNet-50 as published with the onnx package.
set -euo pipefail
cd "$(dirname "$0")/.."

model=.deps/onnx/backend/test/data/light/light_resnet50.onnx
results=.build-release/demo
mkdir -p "$results"

show() {
  echo
  echo "\$ $*"
  "$@"
}

show partita inspect "$model" --batch 64 --quiet
show partita plan "$model" --machine hypar/16 --batch 256 --overlap none --out "$results/plan.json"
show partita simulate "$model" --machine hypar/16 --batch 256 --overlap none \
  --plan "$results/plan.json" --trace "$results/trace.json"
show partita study hypar
echo
echo "The plan is $results/plan.json; open $results/trace.json in https://ui.perfetto.dev"
