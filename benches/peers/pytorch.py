"""PyTorch: eager, compiled, and where states are sparse sums over the units that are on."""

from measure import arguments, time_form

GIVEN = arguments("gibbs-784-500", "gibbs-784-500-sparse", "pcd-784-500", "ula-2-128-128-1")

import torch  # noqa: E402  after the number of threads is set

import work  # noqa: E402

torch.set_num_threads(GIVEN.threads)
torch.manual_seed(0)


def measure(form, run, steps):
    time_form(GIVEN, "pytorch", torch.__version__, form, run, steps)


def draw(logits):
    p = torch.sigmoid(logits)
    return (torch.rand_like(p) < p).float()


def draw_bernoulli(logits):
    return torch.bernoulli(torch.sigmoid(logits))


def dense(draw):
    def sweep(hidden, weights, back, b, c):
        visible = draw(torch.addmm(b, hidden, back))
        return visible, draw(torch.addmm(c, visible, weights))

    return sweep


def rows_of_ones(states, weights):
    """states @ weights, as the sum of those rows of the weights whose unit is on."""
    chain, unit = states.nonzero(as_tuple=True)
    starts = torch.searchsorted(chain, torch.arange(states.shape[0]))
    return torch.nn.functional.embedding_bag(unit, weights, starts, mode="sum")


def bags(hidden, weights, back, b, c):
    visible = draw(rows_of_ones(hidden, back) + b)
    return visible, draw(rows_of_ones(visible, weights) + c)


def csr(hidden, weights, back, b, c):
    visible = draw(hidden.to_sparse_csr() @ back + b)
    return visible, draw(visible.to_sparse_csr() @ weights + c)


def gibbs():
    weights, b, c = (torch.from_numpy(x) for x in work.rbm(GIVEN.case))
    back = weights.t().contiguous()
    steps = work.sweeps(GIVEN.chains)
    forms = {"eager": dense(draw), "eager, bernoulli": dense(draw_bernoulli),
             "compiled": torch.compile(dense(draw)),
             "compiled, bernoulli": torch.compile(dense(draw_bernoulli))}
    if GIVEN.case.endswith("sparse"):
        forms |= {"embedding_bag": bags, "sparse CSR": csr}
    for form, sweep in forms.items():
        def run():
            hidden = torch.zeros(GIVEN.chains, work.HIDDEN)
            for _ in range(steps):
                visible, hidden = sweep(hidden, weights, back, b, c)
            return visible, hidden

        with torch.no_grad():
            work.check_gibbs(form, GIVEN.case, steps, *run())
            measure(form, run, steps)


def separate(v, h, w, b, c):
    """An update of PCD-1 by a product for each statistic."""
    p = torch.sigmoid(torch.addmm(c, v, w))
    x = draw(torch.addmm(b, h, w.t()))
    q = torch.sigmoid(torch.addmm(c, x, w))
    rate = work.RATE / v.shape[0]
    w.addmm_(v.t(), p, alpha=rate).addmm_(x.t(), q, alpha=-rate)
    b.add_(v.sum(0) - x.sum(0), alpha=rate)
    c.add_(p.sum(0) - q.sum(0), alpha=rate)
    return (torch.rand_like(q) < q).float()


def stacked(v, h, w, b, c):
    """The same with data and chains in one matrix, so that there are fewer, larger products."""
    n = v.shape[0]
    x = draw(torch.addmm(b, h, w.t()))
    both = torch.cat([v, x])
    means = torch.sigmoid(torch.addmm(c, both, w))
    p, q = means[:n], means[n:]
    rate = work.RATE / n
    w.addmm_(both.t(), torch.cat([p, -q]), alpha=rate)
    b.add_(v.sum(0) - x.sum(0), alpha=rate)
    c.add_(p.sum(0) - q.sum(0), alpha=rate)
    return (torch.rand_like(q) < q).float()


def pcd():
    batches = torch.from_numpy(work.data(GIVEN.chains))
    forms = {"eager": separate, "eager, stacked": stacked, "compiled": torch.compile(separate),
             "compiled, stacked": torch.compile(stacked)}
    for form, update in forms.items():
        def run():
            w = torch.from_numpy(work.initial())
            b, c = torch.zeros(work.VISIBLE), torch.zeros(work.HIDDEN)
            h = torch.zeros(GIVEN.chains, work.HIDDEN)
            for v in batches:
                h = update(v, h, w, b, c)
            return w, b, c

        with torch.no_grad():
            work.check_training(form, GIVEN.chains, *run())
            measure(form, run, len(batches))


def langevin():
    silu, silu_backward = torch.nn.functional.silu, torch.ops.aten.silu_backward
    (w1, b1), (w2, b2), (w3, b3) = ([torch.from_numpy(x) for x in layer] for layer in work.net())
    back1, back2, back3 = (w.t().contiguous() for w in (w1, w2, w3))
    keep, deviation = 1 - work.STEP * work.PRECISION, (2 * work.STEP) ** 0.5

    def autograd(x):
        x = x.detach().requires_grad_(True)
        h = silu(torch.addmm(b2, silu(torch.addmm(b1, x, w1)), w2))
        (gradient,) = torch.autograd.grad(torch.addmm(b3, h, w3).sum(), x)
        with torch.no_grad():
            return keep * x - work.STEP * gradient + deviation * torch.randn_like(x)

    @torch.no_grad()
    def elementary(x):
        z1 = torch.addmm(b1, x, w1)
        s1 = torch.sigmoid(z1)
        z2 = torch.addmm(b2, z1 * s1, w2)
        s2 = torch.sigmoid(z2)
        g = (s2 * (1 + z2 * (1 - s2))) * back3
        g = (g @ back2) * (s1 * (1 + z1 * (1 - s1)))
        return keep * x - work.STEP * (g @ back1) + deviation * torch.randn_like(x)

    @torch.no_grad()
    def fused(x):
        z1 = torch.addmm(b1, x, w1)
        z2 = torch.addmm(b2, silu(z1), w2)
        g = silu_backward(back3.expand_as(z2), z2)
        g = silu_backward(g @ back2, z1)
        proposal = keep * x + deviation * torch.randn_like(x)
        return proposal.addmm_(g, back1, alpha=-work.STEP)

    begin = torch.from_numpy(work.start(GIVEN.chains))
    steps = work.langevin_steps(GIVEN.chains)
    forms = {"autograd": autograd, "elementary": elementary, "fused": fused,
             "compiled": torch.compile(elementary)}
    for form, step in forms.items():
        def run():
            x = begin
            for _ in range(steps):
                x = step(x)
            return x

        work.check_langevin(form, steps, run().detach())
        measure(form, run, steps)


{"gibbs": gibbs, "pcd": pcd, "ula": langevin}[GIVEN.case.split("-")[0]]()
