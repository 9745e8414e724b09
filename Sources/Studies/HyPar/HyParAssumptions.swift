import Results

/// What the paper leaves open, and what was taken for it.
let hyParAssumptions = [
  Assumption(
    what: "moment of reduction", value: "lazy: a partial sum is scattered into what the next layer needs",
    why: "gives Fig. 5 cell by cell; reduction at once, as Table 2 counts, differs in ten of its 400 cells"),
  Assumption(
    what: "batch", value: "256",
    why: "not given for Figs. 5 to 12; of the powers of two only this one gives Fig. 5"),
  Assumption(
    what: "ties", value: "to data parallelism", why: "fc2 and fc3 of AlexNet at H4 are exact ties"),
  Assumption(
    what: "rates", value: "84 GFLOP/s an accelerator, 0.25 GB/s a level, no latency, nothing overlaps",
    why: "Fig. 6 fixes only the ratio, 2.976e-3 bytes an operation; levels are crossed one after another"),
  Assumption(
    what: "energies", value: "4.6 pJ a multiply-accumulate, 640 pJ a byte received, memory and idleness 0",
    why: "fitted to Fig. 7; accesses inside an accelerator are not published, so SFC deviates most"),
  Assumption(
    what: "torus", value: "the tree's levels at half the bandwidth",
    why: "fitted to Fig. 12; hypar/torus-4x4 routes over equal links instead"),
  Assumption(
    what: "counts",
    value: "no biases; a convolution computes on its input map; a map is counted after its pooling",
    why: "120 bytes a weight give Fig. 8, input maps give the times of SCONV and Lenet-c in Fig. 6"),
  Assumption(
    what: "AlexNet",
    value: "one tower, maps of 55, 27, 13, 13 and 6, the first two counted before their pooling",
    why: "two towers would move 7.5 GB instead of 2.00; these maps give its time in Fig. 6"),
  Assumption(
    what: "SFC, SCONV, Lenet-c, Cifar-c", value: "shapes of their usual forms",
    why: "the paper prints only layer counts; the weights are confirmed by Fig. 8"),
  Assumption(
    what: "memory", value: "16 GiB at 320 GB/s an accelerator",
    why: "VGG-E on one accelerator needs 11.8 GB; the rate is that of a Hybrid Memory Cube"),
]
