"""Ergodic beside PyTorch and scikit-learn on the same cores, in the same run.

    pip install numpy scikit-learn torch
    cargo bench --bench throughput --no-run
    python benches/peers.py [--data MNIST-FOLDER]

Block Gibbs of a 784-500 RBM: PyTorch by addmm, sigmoid, rand and compare, the best of eager and
compiled, float32. Training: scikit-learn's BernoulliRBM, which is PCD-1, batch 100, 100 chains.
Rounds of the two sides alternate, so that a noisy machine is noisy to both.
"""

import argparse
import gzip
import json
import pathlib
import statistics
import subprocess
import time

import numpy as np

VISIBLE, HIDDEN = 784, 500
ROOT = pathlib.Path(__file__).resolve().parent.parent


def ergodic(case, *more):
    command = ["cargo", "bench", "-q", "--bench", "throughput", "--", case, "--device", "cpu", *more]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {line["chains"]: line["median"] for line in lines}


def seconds(work, rounds=5):
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def torch_sweeps(chains):
    import torch

    torch.manual_seed(0)
    weights = 0.05 * torch.randn(VISIBLE, HIDDEN)
    back = weights.t().contiguous()
    visible_bias, hidden_bias = torch.full((VISIBLE,), -1.0), torch.zeros(HIDDEN)

    def sweep(hidden):
        p = torch.sigmoid(torch.addmm(visible_bias, hidden, back))
        visible = (torch.rand_like(p) < p).float()
        p = torch.sigmoid(torch.addmm(hidden_bias, visible, weights))
        return (torch.rand_like(p) < p).float()

    candidates = {"eager": sweep}
    try:
        compiled = torch.compile(sweep)
        compiled(torch.zeros(chains, HIDDEN))
        candidates["compiled"] = compiled
    except Exception as error:
        print(f"  torch.compile does not work here: {type(error).__name__}")
    sweeps = max(1, 5 * 4096 // max(chains, 512))
    rates = {}
    with torch.no_grad():
        for name, function in candidates.items():
            def work():
                hidden = torch.zeros(chains, HIDDEN)
                for _ in range(sweeps):
                    hidden = function(hidden)
            rates[name] = sweeps / seconds(work)
    return rates


def mnist(folder):
    name = pathlib.Path(folder) / "train-images-idx3-ubyte.gz"
    pixels = np.frombuffer(gzip.open(name).read()[16:], np.uint8).reshape(-1, VISIBLE)
    return (pixels > 127).astype(np.float32)


def sklearn_images(data, images=15_000):
    from sklearn.neural_network import BernoulliRBM

    # float32 data keep scikit-learn in float32.
    model = BernoulliRBM(HIDDEN, learning_rate=0.01, batch_size=100, n_iter=1, random_state=0)
    part = data[:images]
    return len(part) / seconds(lambda: model.fit(part), rounds=3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", help="a folder with MNIST's train-images-idx3-ubyte.gz")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    more = ["--data", arguments.data] if arguments.data else []
    if arguments.data:
        data = mnist(arguments.data)
    else:
        data = (np.random.default_rng(0).random((15_000, VISIBLE)) < 0.13).astype(np.float32)

    for _ in range(arguments.rounds):
        ours = ergodic("gibbs")
        for chains in (512, 4096):
            rates = torch_sweeps(chains)
            best = max(rates.values())
            shown = ", ".join(f"{name} {rate:.1f}" for name, rate in rates.items())
            print(f"gibbs 784-500, {chains} chains: {ours[chains]:.1f} sweeps/s; PyTorch {shown}; "
                  f"ratio {ours[chains] / best:.2f}", flush=True)
        ours = ergodic("train", *more)[100]
        theirs = sklearn_images(data)
        print(f"train 784-500, PCD-1, batch 100, 100 chains: {ours:.0f} images/s; "
              f"scikit-learn {theirs:.0f}; ratio {ours / theirs:.2f}", flush=True)


if __name__ == "__main__":
    main()
