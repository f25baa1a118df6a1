"""The work of each case: parameters, counts, and a plain numpy reference that peers are checked by.

A form is checked from the same start and after as many steps as the reference, so that both have
the same law whether or not chains have mixed; means must agree within five standard errors.
"""

import functools

import numpy as np

VISIBLE, HIDDEN = 784, 500
STEP = 0.01  # of Langevin steps
PRECISION = 1.0  # of the Gaussian base of the net: E(x) = net(x) + PRECISION/2 ‖x‖²
RATE = 0.01  # of training
MOST_STANDARD_ERRORS = 5.0
SHARES = (0.19, 0.25)  # of visible and hidden units that are on in an RBM of MNIST


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def rbm(case):
    """Weights [visible, hidden] and both biases, float32."""
    normal = np.random.default_rng(0).standard_normal((VISIBLE, HIDDEN), np.float32)
    if case == "gibbs-784-500-sparse":
        # Weights so small that the biases set the activity.
        scale, (b, c) = 0.01, (np.log(share / (1 - share)) for share in SHARES)
    else:
        scale, b, c = 0.05, -1.0, 0.0
    return (np.float32(scale) * normal, np.full(VISIBLE, b, np.float32),
            np.full(HIDDEN, c, np.float32))


def sweeps(chains):
    """Sweeps of a call: 20 milliseconds or more of work, and no more than the check can follow."""
    return min(20, max(5, 20_480 // chains))


def check_gibbs(form, case, steps, visible, hidden):
    """Checks states of chains that made `steps` sweeps from hidden units that were all off."""
    weights = rbm(case)[0]

    def figures(v, h):
        return {"visible activity": v.mean(1), "hidden activity": h.mean(1),
                "interaction": ((v @ weights) * h).sum(1)}

    peer = (np.asarray(x, np.float32) for x in (visible, hidden))
    agree(form, figures(*peer), figures(*sampled(case, steps)))


@functools.cache
def sampled(case, steps):
    """The reference's states."""
    weights, b, c = rbm(case)
    rng = np.random.default_rng(1)
    h = np.zeros((512, HIDDEN), np.float32)
    for _ in range(steps):
        v = (rng.random((512, VISIBLE), np.float32) < sigmoid(h @ weights.T + b)).astype(np.float32)
        h = (rng.random((512, HIDDEN), np.float32) < sigmoid(v @ weights + c)).astype(np.float32)
    return v, h


def net():
    """Weights [in, out] and biases of a 2-128-128-1 SiLU net, uniform in ±√(6/inputs): large enough
    for the check to tell a step with the net's gradient from one without."""
    rng = np.random.default_rng(0)
    layers = []
    for inputs, outputs in ((2, 128), (128, 128), (128, 1)):
        bound = (6 / inputs) ** 0.5
        layers.append((rng.uniform(-bound, bound, (inputs, outputs)).astype(np.float32),
                       rng.uniform(-bound, bound, outputs).astype(np.float32)))
    return layers


def langevin_steps(chains):
    """Steps of a call."""
    return 20 * max(1, 8192 // max(chains, 256))


def start(chains, seed=2):
    """Uniform in the square from -1 to 1."""
    return np.random.default_rng(seed).uniform(-1, 1, (chains, 2)).astype(np.float32)


def check_langevin(form, steps, x):
    """Checks positions of chains that made `steps` steps from [`start`]."""

    def figures(x):
        return {"x0": x[:, 0], "x1": x[:, 1], "x0²": x[:, 0]**2, "x1²": x[:, 1]**2,
                "energy": passes(x)[0]}

    agree(form, figures(np.asarray(x, np.float32)), figures(moved(steps)))


def passes(x):
    """Energies and their gradients."""
    (w1, b1), (w2, b2), (w3, _) = net()
    z1 = x @ w1 + b1
    s1 = sigmoid(z1)
    z2 = z1 * s1 @ w2 + b2
    s2 = sigmoid(z2)
    back = (s2 * (1 + z2 * (1 - s2)) * w3.T) @ w2.T * (s1 * (1 + z1 * (1 - s1)))
    energy = (z2 * s2 @ w3)[:, 0] + PRECISION / 2 * (x**2).sum(1)
    return energy, back @ w1.T + PRECISION * x


@functools.cache
def moved(steps):
    """The reference's positions."""
    rng = np.random.default_rng(3)
    y = start(max(1024, 200_000 // steps), seed=4)
    for _ in range(steps):
        noise = rng.standard_normal(y.shape, np.float32)
        y = y - np.float32(STEP) * passes(y)[1] + np.float32((2 * STEP) ** 0.5) * noise
    return y


def data(batch):
    """Bits [batches, batch, visible], about 10,000 rows, as many of them on as MNIST has."""
    bits = np.random.default_rng(5).random((max(1, 10_000 // batch), batch, VISIBLE), np.float32)
    return (bits < SHARES[0]).astype(np.float32)


def initial(seed=0):
    """Weights [visible, hidden] to train from; the biases are 0."""
    rng = np.random.default_rng(seed)
    return np.float32(0.01) * rng.standard_normal((VISIBLE, HIDDEN), np.float32)


def check_training(form, batch, weights, visible_bias, hidden_bias):
    """Checks parameters after one pass over [`data`] by PCD-1 from [`initial`] and empty chains.

    The update is scikit-learn's: hidden means in both statistics, and a chain draws its visible
    units from its hidden ones, then the other way. Units of a run share its chains, so what chance
    allows is measured over whole runs of the reference: a form fails by chance once in some 1,500.
    """
    peer = summary(*(np.asarray(x, np.float32) for x in (weights, visible_bias, hidden_bias)))
    runs = trained(batch)
    for name, value in peer.items():
        wanted = np.array([run[name] for run in runs])
        error = wanted.std(ddof=1) * (1 + 1 / len(wanted)) ** 0.5
        within(form, name, value, wanted.mean(), error)


def summary(w, b, c):
    """Means of the parameters, in double precision."""
    w, b, c = (x.astype(np.float64) for x in (w, b, c))
    return {"visible bias": b.mean(), "hidden bias": c.mean(), "weight": w.mean(),
            "squared weight": (w**2).mean()}


@functools.cache
def trained(batch):
    """The parameters' means after each of 16 runs of the reference."""
    return [summary(*train(batch, seed)) for seed in range(6, 22)]


def train(batch, seed):
    """Weights and biases after a pass. The first weights are of that seed too, since scikit-learn
    draws its own."""
    rng = np.random.default_rng((seed, 1))
    w, b, c = initial(seed), np.zeros(VISIBLE, np.float32), np.zeros(HIDDEN, np.float32)
    h = np.zeros((batch, HIDDEN), np.float32)
    rate = np.float32(RATE / batch)
    for v in data(batch):
        p = sigmoid(v @ w + c)
        x = (rng.random(v.shape, np.float32) < sigmoid(h @ w.T + b)).astype(np.float32)
        q = sigmoid(x @ w + c)
        w += rate * (v.T @ p - x.T @ q)
        b += rate * (v.sum(0) - x.sum(0))
        c += rate * (p.sum(0) - q.sum(0))
        h = (rng.random(q.shape, np.float32) < q).astype(np.float32)
    return w, b, c


def agree(form, peer, reference):
    """Compares means over independent chains."""
    for name, values in peer.items():
        values, wanted = values.astype(np.float64), reference[name].astype(np.float64)
        error = (values.var() / values.size + wanted.var() / wanted.size) ** 0.5
        within(form, name, values.mean(), wanted.mean(), error)


def within(form, name, value, wanted, error):
    """Ends the script where a figure is further from the reference than chance allows."""
    if not abs(value - wanted) <= MOST_STANDARD_ERRORS * error:
        raise SystemExit(f"{form} does other work: {name} is {value:.5g}, the reference has "
                         f"{wanted:.5g}, with a standard error of {error:.2g}")
