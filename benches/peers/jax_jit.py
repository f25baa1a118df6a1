"""JAX under jit with lax.scan over the steps: by its default generator and by the others."""

from measure import arguments, time_form

GIVEN = arguments("gibbs-784-500", "gibbs-784-500-sparse", "pcd-784-500", "ula-2-128-128-1")

import jax  # noqa: E402  after the number of threads is set
import jax.numpy as jnp  # noqa: E402
from jax import lax  # noqa: E402

import work  # noqa: E402

GENERATORS = {"threefry": "threefry2x32", "rbg": "rbg", "unsafe_rbg": "unsafe_rbg"}


def draw(key, p):
    return (jax.random.uniform(key, p.shape) < p).astype(jnp.float32)


def measure(form, run, steps):
    time_form(GIVEN, "jax", jax.__version__, form, lambda: jax.block_until_ready(run()), steps)


def forms(function):
    """The jitted function with a key of each generator."""
    jitted = jax.jit(function)
    for form, name in GENERATORS.items():
        key = jax.random.key(0, impl=name)
        yield form, lambda *given, key=key: jitted(key, *given)


def gibbs():
    weights, b, c = (jnp.asarray(x) for x in work.rbm(GIVEN.case))
    back = jnp.array(weights.T)
    steps = work.sweeps(GIVEN.chains)

    def run(key, hidden, weights, back, b, c):
        def sweep(state, key):
            to_visible, to_hidden = jax.random.split(key)
            visible = draw(to_visible, jax.nn.sigmoid(state[1] @ back + b))
            hidden = draw(to_hidden, jax.nn.sigmoid(visible @ weights + c))
            return (visible, hidden), None

        first = (jnp.zeros((hidden.shape[0], work.VISIBLE)), hidden)
        return lax.scan(sweep, first, jax.random.split(key, steps))[0]

    hidden = jnp.zeros((GIVEN.chains, work.HIDDEN))
    for form, chains in forms(run):
        work.check_gibbs(form, GIVEN.case, steps, *chains(hidden, weights, back, b, c))
        measure(form, lambda: chains(hidden, weights, back, b, c), steps)


def pcd():
    batches = jnp.asarray(work.data(GIVEN.chains))
    rate = work.RATE / GIVEN.chains

    def run(key, batches, w, h):
        def update(state, given):
            w, b, c, h = state
            v, key = given
            to_visible, to_hidden = jax.random.split(key)
            x = draw(to_visible, jax.nn.sigmoid(h @ w.T + b))
            p, q = jax.nn.sigmoid(v @ w + c), jax.nn.sigmoid(x @ w + c)
            w = w + rate * (v.T @ p - x.T @ q)
            b = b + rate * (v.sum(0) - x.sum(0))
            c = c + rate * (p.sum(0) - q.sum(0))
            return (w, b, c, draw(to_hidden, q)), None

        first = (w, jnp.zeros(work.VISIBLE), jnp.zeros(work.HIDDEN), h)
        keys = jax.random.split(key, len(batches))
        return lax.scan(update, first, (batches, keys))[0][:3]

    def run_stacked(key, batches, w, h):
        def update(state, given):
            w, b, c, h = state
            v, key = given
            to_visible, to_hidden = jax.random.split(key)
            x = draw(to_visible, jax.nn.sigmoid(h @ w.T + b))
            both = jnp.concatenate([v, x])
            means = jax.nn.sigmoid(both @ w + c)
            signed = means * jnp.where(jnp.arange(len(both)) < len(v), rate, -rate)[:, None]
            w = w + both.T @ signed
            b = b + rate * (v.sum(0) - x.sum(0))
            c = c + signed.sum(0)
            return (w, b, c, draw(to_hidden, means[len(v):])), None

        first = (w, jnp.zeros(work.VISIBLE), jnp.zeros(work.HIDDEN), h)
        keys = jax.random.split(key, len(batches))
        return lax.scan(update, first, (batches, keys))[0][:3]

    w, h = jnp.asarray(work.initial()), jnp.zeros((GIVEN.chains, work.HIDDEN))
    for more, function in (("", run), (", stacked", run_stacked)):
        for form, train in forms(function):
            work.check_training(form + more, GIVEN.chains, *train(batches, w, h))
            measure(form + more, lambda: train(batches, w, h), len(batches))


def langevin():
    layers = [tuple(jnp.asarray(x) for x in layer) for layer in work.net()]
    steps = work.langevin_steps(GIVEN.chains)

    def energy(x, layers):
        (w1, b1), (w2, b2), (w3, b3) = layers
        h = jax.nn.silu(jax.nn.silu(x @ w1 + b1) @ w2 + b2)
        return (h @ w3 + b3).sum() + work.PRECISION / 2 * (x**2).sum()

    def run(key, x, layers):
        def step(x, key):
            noise = (2 * work.STEP) ** 0.5 * jax.random.normal(key, x.shape)
            return x - work.STEP * jax.grad(energy)(x, layers) + noise, None

        return lax.scan(step, x, jax.random.split(key, steps))[0]

    x = jnp.asarray(work.start(GIVEN.chains))
    for form, chains in forms(run):
        work.check_langevin(form, steps, chains(x, layers))
        measure(form, lambda: chains(x, layers), steps)


{"gibbs": gibbs, "pcd": pcd, "ula": langevin}[GIVEN.case.split("-")[0]]()
