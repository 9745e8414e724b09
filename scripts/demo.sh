#!/usr/bin/env bash
# Shows what Partita does with a network that it did not make: ResNet-50 as published with the onnx package. Then it
# trains a small network for real, on two ranks of this computer.
set -euo pipefail
cd "$(dirname "$0")/.."

results=$PWD/.build-release/demo
mkdir -p "$results"
ln -sf "$PWD/.deps/onnx/backend/test/data/light/light_resnet50.onnx" "$results/resnet50.onnx"
cd "$results"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[[ -t 1 && -z ${NO_COLOR:-} ]] || say() { printf '\n%s\n' "$*"; }
show() {
  echo "\$ $*"
  "$@"
}

say "1. What is in the network, and what would training it need?"
show partita inspect resnet50.onnx --batch 256 --quiet

say "2. How should one training step be split over 16 accelerators, if nothing overlaps?"
show partita plan resnet50.onnx --machine hypar/16 --batch 256 --overlap none --out plan.json

say "3. The same, with gradients exchanged under the backward pass; and on a server with eight GPUs."
show partita plan resnet50.onnx --machine hypar/16 --batch 256 --quiet
echo
show partita plan resnet50.onnx --machine gpu-server-8 --batch 256 --quiet

say "4. What happens when? The plan of step 2, simulated with overlap."
show partita simulate resnet50.onnx --machine hypar/16 --batch 256 --plan plan.json --trace trace.json --quiet

say "5. Is any of this true? The published results of HyPar, out of the same path."
show partita study hypar --quiet

say "6. And on the clock? First this computer is measured: two ranks, one core each."
show partita calibrate --ranks 2 --seconds 20 --out this-computer.yaml

say "7. A plan for a small network on it, in which sums keep their order."
show partita plan lenet --machine this-computer.yaml --batch 64 --cells 16 --axes batch --optimizer momentum \
  --out training-plan.json --quiet

training=(--machine this-computer.yaml --plan training-plan.json --optimizer momentum --learning-rate 0.01
  --schedule cosine)
data=fashion-mnist
epochs=2
if [[ ! -f $OLDPWD/.deps/$data/train-images-idx3-ubyte.gz && ! -d ${PARTITA_DATA:-}/$data ]]; then
  say "Fashion-MNIST is not there; its place is taken by Examples/digits.onnx and the digits that come with it."
  training=(--ranks 2 --batch 32 --optimizer momentum --learning-rate 0.01)
  data=digits
  epochs=30
fi
model=lenet
[[ $data != digits ]] || model=$OLDPWD/Examples/digits.onnx

say "8. That plan, run for real by two processes; at the end the prediction stands beside the clock."
show partita train "$model" --data "$data" "${training[@]}" --epochs "$epochs" \
  --out trained.safetensors --onnx-out trained.onnx

say "The trained network is ${results#"$OLDPWD/"}/trained.onnx"
say "The plan is ${results#"$OLDPWD/"}/plan.json; open ${results#"$OLDPWD/"}/trace.json in https://ui.perfetto.dev"
