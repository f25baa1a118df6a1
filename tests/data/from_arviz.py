"""Writes arviz.json: draws and what ArviZ says of them, for tests/diagnostics.rs.

    pip install arviz==0.23.4 numpy scipy
    python tests/data/from_arviz.py

Values are rounded, so that every JSON reader finds the same numbers. NaN is written as null and
infinity as a string. Where Geyer's rule hangs on the sign of a sum that is zero but for rounding,
ArviZ's own answer is a matter of chance, so every case is computed again with noise of 1e-13 in the
autocovariance and must not change.
"""

import json
import logging
import warnings
from pathlib import Path

import arviz
import numpy as np
from arviz.stats import diagnostics
from arviz.stats.stats_utils import autocorr, autocov

warnings.simplefilter("ignore")
logging.disable()
rng = np.random.default_rng(20210601)


def ar1(chains, draws, rho):
    x = np.empty((chains, draws))
    x[:, 0] = rng.normal(size=chains)
    for t in range(1, draws):
        x[:, t] = rho * x[:, t - 1] + np.sqrt(1 - rho**2) * rng.normal(size=chains)
    return x


def normal(chains, draws):
    return rng.normal(size=(chains, draws))


def with_value(x, chain, draw, value):
    x[chain, draw] = value
    return x


def stuck(x, chain):
    x[chain] = x[chain, 0]
    return x


CASES = {
    "independent": normal(4, 100),
    "slow": ar1(4, 250, 0.9),
    "slow, odd length": ar1(3, 201, 0.8),
    "antithetic": ar1(4, 100, -0.7),
    "antithetic, odd length": ar1(2, 101, -0.5),
    "strongly antithetic": ar1(2, 60, -0.97),
    "different means": normal(4, 50) + np.arange(4)[:, None],
    "different scales": normal(4, 51) * np.array([[0.3], [1], [1], [5]]),
    "a trend": normal(3, 80) + np.linspace(0, 4, 80),
    "heavy tails": rng.standard_cauchy(size=(4, 100)),
    "a large offset": 1e6 + ar1(4, 61, 0.5),
    "one chain": ar1(1, 200, 0.6),
    "one chain, odd length": ar1(1, 75, 0.3),
    "one stuck chain": stuck(normal(4, 60), 2),
    "many chains": ar1(200, 15, 0.5),
    "many chains, even length": ar1(64, 20, 0.9),
    "constant": np.full((4, 10), 3.0),
    "constant, one chain, odd length": np.full((1, 7), -2.5),
    "constant chains that differ": np.repeat([[1.0], [2.0]], 16, axis=1),
    "differences below the resolution": 1e-16 * np.round(normal(2, 20), 3),
    "squares below the resolution": 1e-9 * np.round(normal(3, 21), 3),
    "NaN": with_value(normal(3, 20), 1, 7, np.nan),
    "NaN in the middle of an odd length": with_value(normal(3, 21), 1, 10, np.nan),
    "infinity": with_value(normal(3, 30), 0, 3, np.inf),
    "infinities of both signs": with_value(with_value(normal(2, 31), 0, 3, np.inf), 1, 9, -np.inf),
    "bits": rng.integers(0, 2, size=(4, 100)).astype(float),
    "rare bits": (rng.uniform(size=(4, 120)) < 0.03).astype(float),
    "bits in balance": np.stack([rng.permutation(np.repeat([0.0, 1.0], 20)) for _ in range(3)]),
    "counts": rng.poisson(2, size=(3, 75)).astype(float),
    "slow ties": np.round(ar1(4, 90, 0.8) * 2) / 2,
    "ties of decimals": np.round(ar1(2, 99, 0.4), 1),
    # The last pair of lags has a positive sum, but a negative correlation at its even lag.
    "a negative last lag": np.random.default_rng(123).normal(size=(2, 14)),
    **{f"{n} draws": normal(4, n) for n in range(1, 14)},
    **{f"one chain of {n} draws": normal(1, n) for n in (1, 2, 3, 4, 5, 9)},
}


def figures(x):
    chains, draws = x.shape
    ess_mean = arviz.ess(x, method="mean")
    return {
        "mean": np.mean(x),
        "sd": np.std(x, ddof=1),
        "mcse_mean": arviz.mcse(x, method="mean"),
        "mcse_sd": arviz.mcse(x, method="sd"),
        "ess_bulk": arviz.ess(x, method="bulk"),
        "ess_tail": arviz.ess(x, method="tail"),
        "ess_mean": ess_mean,
        "r_hat": arviz.rhat(x, method="rank"),
        "autocorrelation_time": 2 * chains * (draws // 2) / ess_mean,
    }


def assert_stable(name, x, want):
    def noisy(ary, axis=-1):
        cov = autocov(ary, axis)
        return cov + 1e-13 * np.mean(cov[:, 0]) * rng.normal(size=cov.shape)

    diagnostics._autocov = noisy
    for _ in range(20):
        for key, value in figures(x).items():
            assert np.isclose(value, want[key], rtol=1e-9, atol=0, equal_nan=True), (name, key, value, want[key])
    diagnostics._autocov = autocov


def plain(x):
    if np.isnan(x):
        return None
    return float(x) if np.isfinite(x) else str(float(x))


cases = []
for name, x in CASES.items():
    if "resolution" not in name:
        x = np.round(x, 3)
    want = figures(x)
    assert_stable(name, x, want)
    case = {
        "name": name,
        "chains": x.shape[0],
        "values": [plain(v) for v in x.ravel()],
        "want": {key: plain(value) for key, value in want.items()},
    }
    if len(x) == 1:
        case["autocorrelation"] = [plain(v) for v in autocorr(x[0])]
    cases.append(case)

versions = f"ArviZ {arviz.__version__}, NumPy {np.__version__}"
out = json.dumps({"source": versions, "cases": cases}, separators=(",", ":"), allow_nan=False)
Path(__file__).with_name("arviz.json").write_text(out.replace('{"name"', '\n{"name"') + "\n")
print(len(out), "characters")
