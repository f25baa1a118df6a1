"""thrml: block Gibbs of the RBM as an Ising model of two blocks, s = 2x − 1.

It gathers a state for every edge, so a sweep of a chain costs far more than a product, and many
chains at once leave the cache. Chains therefore go through in groups of 16, and no more than 64 are
run: the time is in proportion to them.
"""

from measure import arguments, time_form

GIVEN = arguments("gibbs-784-500")

from importlib.metadata import version  # noqa: E402  after the number of threads is set

import equinox as eqx  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
from thrml import Block, SamplingSchedule, SpinNode, sample_states  # noqa: E402
from thrml.models.ising import IsingEBM, IsingSamplingProgram  # noqa: E402

import work  # noqa: E402

GROUP, MOST = 16, 64
weights, b, c = work.rbm(GIVEN.case)
chains = min(GIVEN.chains, MOST)
# From bits to spins: x = (1 + s)/2.
biases = jnp.concatenate([b / 2 + weights.sum(1) / 4, c / 2 + weights.sum(0) / 4])
visible = [SpinNode() for _ in range(work.VISIBLE)]
hidden = [SpinNode() for _ in range(work.HIDDEN)]
edges = [(v, h) for v in visible for h in hidden]
energy = IsingEBM(visible + hidden, edges, biases, jnp.asarray(weights.ravel() / 4), jnp.array(1.0))
blocks = [Block(visible), Block(hidden)]
program = IsingSamplingProgram(energy, blocks, [])
steps = 5
schedule = SamplingSchedule(n_warmup=steps, n_samples=1, steps_per_sample=1)


@eqx.filter_jit
def run(keys, program):
    def chain(key):
        start = [jnp.zeros(work.VISIBLE, bool), jnp.zeros(work.HIDDEN, bool)]
        return [states[0] for states in sample_states(key, program, schedule, start, [], blocks)]

    return jax.lax.map(chain, keys, batch_size=GROUP)


keys = jax.random.split(jax.random.key(0), chains)
work.check_gibbs("groups of 16", GIVEN.case, steps, *run(keys, program))
time_form(GIVEN, "thrml", version("thrml"), "groups of 16",
          lambda: jax.block_until_ready(run(keys, program)), steps, chains)
