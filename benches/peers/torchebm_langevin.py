"""torchebm's LangevinDynamics: by autograd through its model class, and by a gradient given."""

from measure import arguments, time_form

GIVEN = arguments("ula-2-128-128-1")

import torch  # noqa: E402  after the number of threads is set
import torchebm  # noqa: E402
from torchebm.core import BaseModel  # noqa: E402
from torchebm.samplers import LangevinDynamics  # noqa: E402

import work  # noqa: E402

torch.set_num_threads(GIVEN.threads)
torch.manual_seed(0)
silu, silu_backward = torch.nn.functional.silu, torch.ops.aten.silu_backward


class Net(BaseModel):
    def __init__(self):
        super().__init__()
        for number, (weights, bias) in enumerate(work.net(), 1):
            self.register_buffer(f"w{number}", torch.from_numpy(weights))
            self.register_buffer(f"back{number}", torch.from_numpy(weights).t().contiguous())
            self.register_buffer(f"b{number}", torch.from_numpy(bias))

    def forward(self, x):
        h = silu(torch.addmm(self.b2, silu(torch.addmm(self.b1, x, self.w1)), self.w2))
        net = torch.addmm(self.b3, h, self.w3).squeeze(1)
        return net + work.PRECISION / 2 * (x**2).sum(1)


class NetWithGradient(Net):
    def gradient(self, x):
        z1 = torch.addmm(self.b1, x, self.w1)
        z2 = torch.addmm(self.b2, silu(z1), self.w2)
        g = silu_backward(self.back3.expand_as(z2), z2)
        g = silu_backward(g @ self.back2, z1)
        return torch.addmm(x, g, self.back1, beta=work.PRECISION)


begin = torch.from_numpy(work.start(GIVEN.chains))
steps = work.langevin_steps(GIVEN.chains)
for form, model in {"autograd": Net(), "given gradient": NetWithGradient()}.items():
    sampler = LangevinDynamics(model, step_size=work.STEP, noise_scale=1.0, device="cpu")

    def run():
        return sampler.sample(x=begin, n_steps=steps)

    work.check_langevin(form, steps, run())
    time_form(GIVEN, "torchebm", torchebm.__version__, form, run, steps)
