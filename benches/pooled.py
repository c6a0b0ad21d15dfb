"""Time a node of a pooled network beside a plain chunked loop of forward and backward passes.

Both take the same Gauss-Legendre nodes and chunks and take turns, so that both meet the same
machine. The loop keeps the graphs of all chunks of a node, which is the fastest that it can be
written in a few lines: it encodes every chunk once and needs memory for all of them. Goal: at most
1.1 times its time. Beside an attribution's nodes, F at both ends and once more, to see that it
repeats, are evaluated; more nodes show the cost of a node alone.

Run it on a machine that does nothing else: `python benches/pooled.py`. `--smoke` runs it once,
small.
"""

import argparse
from statistics import median
from time import perf_counter

import numpy as np
import torch

import aumann
from aumann.path_integral.rules import fixed_rule


def main() -> None:
    """Print times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--agents", type=int, default=100_000)
    parser.add_argument("--nodes", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--smoke", action="store_true")
    given = parser.parse_args()
    agents, nodes, repeats = given.agents, given.nodes, given.repeats
    if given.smoke:
        agents, nodes, repeats = 1_000, 3, 1

    torch.manual_seed(0)
    layers = torch.nn.Linear(3, 64), torch.nn.Tanh(), torch.nn.Linear(64, 64), torch.nn.Tanh()
    encode = torch.nn.Sequential(*layers).double()
    readout = torch.nn.Linear(64, 1).double()
    network = aumann.PooledValueFunction(encode, lambda state: readout(state).squeeze(-1))
    x = torch.from_numpy(np.random.default_rng(0).exponential(size=(agents, 3)))
    rule = aumann.PathIntegral(rule="gauss-legendre", nodes=nodes, tolerance=1.0)
    method = aumann.AumannShapley(rule)

    def ours() -> torch.Tensor:
        return torch.from_numpy(aumann.attribute(x, network, method=method).values)

    def loop() -> torch.Tensor:
        found = torch.zeros(agents, dtype=torch.float64)
        for node, weight in zip(*fixed_rule("gauss-legendre", nodes), strict=True):
            leaves = [(node * part).requires_grad_() for part in x.split(network.chunk)]
            state = sum(encode(leaf).sum(dim=0) for leaf in leaves) / agents
            gradients = torch.autograd.grad(readout(state).squeeze(), leaves)
            found += weight * (torch.cat(gradients) * x).sum(dim=1)
        return found

    apart = float((ours() - loop()).abs().max() / loop().abs().max())
    times: dict[str, list[float]] = {"ours": [], "loop": []}
    for repeat in range(repeats):
        for name in ("ours", "loop") if repeat % 2 == 0 else ("loop", "ours"):
            started = perf_counter()
            (ours if name == "ours" else loop)()
            times[name].append(perf_counter() - started)
    mine, plain = (median(times[name]) for name in ("ours", "loop"))
    threads = torch.get_num_threads()
    print(f"{agents:,} agents, {nodes} nodes, {threads} threads, torch {torch.__version__}")
    print(f"aumann {mine:.3f} s, plain loop {plain:.3f} s, ratio {mine / plain:.2f} (goal 1.10)")
    print(f"values agree to {apart:.1e} of the largest")


if __name__ == "__main__":
    main()
