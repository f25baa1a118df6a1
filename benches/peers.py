"""Ergodic beside PyTorch and scikit-learn on the same cores, in the same run.

    pip install numpy scikit-learn torch
    cargo bench --bench throughput --no-run
    python benches/peers.py [gibbs] [train] [langevin] [--data MNIST-FOLDER]

Block Gibbs of a 784-500 RBM: PyTorch by addmm, sigmoid, rand and compare, the best of eager and
compiled, float32. Training: scikit-learn's BernoulliRBM, which is PCD-1, batch 100, 100 chains.
Langevin: ULA on a 2-128-128-1 SiLU net; PyTorch by autograd, and by passes written by hand without
it, one from elementary operations and one from its fused SiLU kernels.
Rounds of the two sides alternate, and the best of each side's repeats counts: what disturbs a
shared machine only ever makes a repeat slower.
"""

import argparse
import gzip
import json
import pathlib
import subprocess
import time

import numpy as np

VISIBLE, HIDDEN = 784, 500
ROOT = pathlib.Path(__file__).resolve().parent.parent


def ergodic(case, *more):
    command = ["cargo", "bench", "-q", "--bench", "throughput", "--", case, "--device", "cpu", *more]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {(line["case"], line["chains"]): line["best"] for line in lines}


def seconds(work, rounds=5):
    work()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


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


def torch_langevin(chains):
    import torch

    silu, silu_backward = torch.nn.functional.silu, torch.ops.aten.silu_backward
    torch.manual_seed(0)
    w1, w2, w3 = (torch.randn(k, m) / k**0.5 for k, m in ((2, 128), (128, 128), (128, 1)))
    b1, b2, b3 = torch.zeros(128), torch.zeros(128), torch.zeros(1)
    back1, back2, back3 = (w.t().contiguous() for w in (w1, w2, w3))
    step_size = 0.01
    deviation = (2 * step_size) ** 0.5

    def autograd(x):
        x = x.detach().requires_grad_(True)
        h = silu(torch.addmm(b2, silu(torch.addmm(b1, x, w1)), w2))
        (gradient,) = torch.autograd.grad(torch.addmm(b3, h, w3).sum(), x)
        with torch.no_grad():
            return x - step_size * gradient + deviation * torch.randn_like(x)

    @torch.no_grad()
    def elementary(x):
        z1 = torch.addmm(b1, x, w1)
        s1 = torch.sigmoid(z1)
        z2 = torch.addmm(b2, z1 * s1, w2)
        s2 = torch.sigmoid(z2)
        c = (s2 * (1 + z2 * (1 - s2))) * back3
        c = (c @ back2) * (s1 * (1 + z1 * (1 - s1)))
        return x - step_size * (c @ back1) + deviation * torch.randn_like(x)

    @torch.no_grad()
    def fused(x):
        z1 = torch.addmm(b1, x, w1)
        z2 = torch.addmm(b2, silu(z1), w2)
        c = silu_backward(back3.expand_as(z2), z2)
        c = silu_backward(c @ back2, z1)
        proposal = x + deviation * torch.randn_like(x)
        return proposal.addmm_(c, back1, alpha=-step_size)

    start = 2 * torch.rand(chains, 2) - 1
    steps = 20 * max(1, 8192 // chains)
    rates = {}
    for function in (autograd, elementary, fused):
        def work():
            x = start
            for _ in range(steps):
                x = function(x)
        rates[function.__name__] = steps / seconds(work)
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
    parser.add_argument("cases", nargs="*", default=["gibbs", "train", "langevin"])
    parser.add_argument("--data", help="a folder with MNIST's train-images-idx3-ubyte.gz")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    more = ["--data", arguments.data] if arguments.data else []
    if "train" not in arguments.cases:
        data = None
    elif arguments.data:
        data = mnist(arguments.data)
    else:
        data = (np.random.default_rng(0).random((15_000, VISIBLE)) < 0.13).astype(np.float32)

    def compare(name, chains, ours, rates):
        shown = ", ".join(f"{peer} {rate:.1f}" for peer, rate in rates.items())
        print(f"{name}, {chains} chains: {ours:.1f}/s; {shown}; "
              f"ratio {ours / max(rates.values()):.2f}", flush=True)

    for _ in range(arguments.rounds):
        if "gibbs" in arguments.cases:
            ours = ergodic("gibbs")
            for chains in (512, 4096):
                compare("gibbs sweeps 784-500", chains, ours["gibbs", chains],
                        torch_sweeps(chains))
        if "train" in arguments.cases:
            ours = ergodic("train", *more)["train", 100]
            compare("train images 784-500, PCD-1, batch 100", 100, ours,
                    {"scikit-learn": sklearn_images(data)})
        if "langevin" in arguments.cases:
            ours = ergodic("langevin")
            for chains in (256, 8192):
                compare("ULA steps 2-128-128-1", chains, ours["ula", chains],
                        torch_langevin(chains))


if __name__ == "__main__":
    main()
