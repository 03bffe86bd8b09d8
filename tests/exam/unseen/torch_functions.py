"""Programs of torch that fit functions, counts, classes: one network each."""

import math

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  as everyone writes it
from torch import nn
from torch.nn.utils.parametrizations import orthogonal, spectral_norm

from exam.unseen.program import Program, bernoulli, entropy, network, rng, said
from exam.unseen.torch_images import adam
from exam.unseen.torch_vectors import curve, mlp, vectors


def wave(samples=512) -> tuple[torch.Tensor, torch.Tensor]:
    """Return places and times from -1 to 1, and a wave there."""
    points = torch.from_numpy(rng(4).uniform(-1, 1, (samples, 2)).astype("float32"))
    y = torch.sin(3 * points[:, :1]) * torch.cos(2 * points[:, 1:])
    return points, (y - y.mean()) / y.std()


@network(
    "torch",
    seconds_of_a_day=said("unscaled_input uncentred_input feature_scale"),
    normal_of_one=said("saturated scale exploding initializer"),
    rate_of_a_millionth=said("learning_rate"),
)
def physics(fault):
    """A deep tanh network of coordinates, as for equations (Raissi et al. 2019)."""
    x, y = wave()
    if fault == "seconds_of_a_day":
        x = torch.cat([x[:, :1], 43200 * (1 + x[:, 1:])], 1)
    model = mlp(2, 64, 64, 64, 64, 64, 1, act=nn.Tanh)
    for m in model:
        if isinstance(m, nn.Linear):
            nn.init.xavier_normal_(m.weight)
            nn.init.zeros_(m.bias)
            if fault == "normal_of_one":
                nn.init.normal_(m.weight)
    rate = 1e-6 if fault == "rate_of_a_millionth" else 3e-3
    return Program(model, x, y, F.mse_loss, adam(model, rate), epochs=30)


class Sine(nn.Module):
    """sin(30 (W x + b)), drawn so that its sizes stay (Sitzmann et al. 2020)."""

    def __init__(self, inputs, outputs, first=False):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        bound = 1 / inputs if first else math.sqrt(6 / inputs) / 30
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x):
        return torch.sin(30 * self.linear(x))


@network("torch")
def siren(fault):
    x, y = wave(1024)
    last = nn.Linear(64, 1)
    nn.init.uniform_(last.weight, -math.sqrt(6 / 64) / 30, math.sqrt(6 / 64) / 30)
    model = nn.Sequential(Sine(2, 64, True), Sine(64, 64), Sine(64, 64), last)
    return Program(model, x, y, F.mse_loss, adam(model, 5e-4), epochs=30)


@network("torch")
def fourier_features(fault):
    """Random frequencies that are not trained, then a network (Tancik et al. 2020)."""
    x, y = wave()

    class Features(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("frequencies", torch.randn(2, 64))

        def forward(self, x):
            angles = x @ self.frequencies
            return torch.cat([angles.sin(), angles.cos()], 1)

    model = nn.Sequential(Features(), mlp(128, 64, 64, 1, act=nn.SiLU))
    return Program(model, x, y, F.mse_loss, adam(model))


@network("torch", relu_for_log_rates=said("output_activation dead", hurts=True))
def poisson_counts(fault):
    """Counts below one on average: logarithms of rates are negative."""
    x, f = curve(seed=5)
    y = torch.from_numpy(rng(5).poisson(np.exp(1.2 * f.numpy() - 1.5)).astype("float32"))
    model = mlp(12, 32, 32, 1, act=nn.GELU)
    loss = nn.PoissonNLLLoss(log_input=True)
    if fault:
        model.append(nn.ReLU())
    mean = float(y.mean())
    # From the loss of knowing all rates, which is far from 0.
    floor = float(loss(1.2 * f - 1.5, y))
    guess = mean - mean * math.log(mean)

    def above(outputs, y):
        return loss(outputs, y) - floor

    return Program(
        model,
        x,
        y,
        above if not fault else loss,
        adam(model),
        guess - floor if not fault else guess,
    )


class Ordinal(nn.Module):
    """One direction, four thresholds (Cao et al. 2020): outputs share their kernel."""

    def __init__(self):
        super().__init__()
        self.net, self.thresholds = (
            mlp(12, 48, 48, 1),
            nn.Parameter(torch.tensor([1.5, 0.5, -0.5, -1.5])),
        )

    def forward(self, x):
        return self.net(x) + self.thresholds


@network("torch")
def ordinal(fault):
    x, f = curve(seed=6)
    y = (f > torch.tensor([-1.2, -0.4, 0.4, 1.2])).float()
    model = Ordinal()
    loss = F.binary_cross_entropy_with_logits
    return Program(model, x, y, loss, adam(model), bernoulli(y), epochs=16)


class Density(nn.Module):
    """Weights, means and spreads of three normal distributions (Bishop 1994)."""

    def __init__(self, raw=False):
        super().__init__()
        self.body = mlp(6, 48, 48, act=nn.Tanh)
        self.pi, self.mu, self.sigma = nn.Linear(48, 3), nn.Linear(48, 3), nn.Linear(48, 3)
        self.raw = raw

    def forward(self, x):
        h = torch.tanh(self.body(x))
        spread = self.sigma(h)
        spread = spread if self.raw else F.softplus(spread) + 1e-2
        return torch.cat([F.log_softmax(self.pi(h), -1), self.mu(h), spread], 1)


def mixture_nll(outputs, y):
    logs, mean, spread = outputs.chunk(3, 1)
    each = -0.5 * ((y - mean) / spread) ** 2 - spread.log() - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(logs + each, 1).mean()


@network("torch", spreads_that_are_negative=said("non_finite", hurts=False, mend=False))
def mixture_density(fault):
    x, f = curve(features=6, seed=7)
    y = f + 0.2 * torch.from_numpy(rng(7).normal(size=f.shape).astype("float32"))
    model = Density(bool(fault))
    guess = 0.5 * math.log(2 * math.pi * math.e)
    return Program(model, x, y / y.std(), mixture_nll, adam(model, 5e-3), guess, epochs=20)


class OwnLinear(nn.Module):
    """x @ W: the kernel is the other way round than torch's, which its initializers do not know."""

    def __init__(self, inputs, outputs, right):
        super().__init__()
        self.kernel, self.bias = (
            nn.Parameter(torch.empty(inputs, outputs)),
            nn.Parameter(torch.zeros(outputs)),
        )
        nn.init.kaiming_normal_(self.kernel, mode="fan_out" if right else "fan_in")

    def forward(self, x):
        return x @ self.kernel + self.bias


@network("torch", fan_of_the_transposed=said("scale initializer", "first", hurts=False))
def own_linear(fault):
    x, _ = curve(features=1500, seed=8)
    y = (x[:, 0] + x[:, 1] > 0).long()
    x[:, :2] *= 3

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = OwnLinear(1500, 6, not fault), OwnLinear(6, 32, True)
            self.head = nn.Linear(32, 2)

        def forward(self, x):
            return self.head(F.relu(self.second(F.relu(self.first(x)))))

    model = Net()
    return Program(model, x, y, F.cross_entropy, adam(model))


@network("torch", tanh_for_wide_targets=said("output_activation target_scale", hurts=False))
def huber(fault):
    x, y = curve(seed=9)
    model = nn.Sequential(
        nn.Linear(12, 64), nn.SELU(), nn.AlphaDropout(0.05),
        nn.Linear(64, 64), nn.SELU(), nn.Linear(64, 1),
    )  # fmt: skip
    for m in model:
        if isinstance(m, nn.Linear):
            nn.init.kaiming_normal_(m.weight, nonlinearity="linear")
            nn.init.zeros_(m.bias)
    if fault:
        model.append(nn.Tanh())
        y = 4 * y
    loss = F.huber_loss
    guess = float(loss(torch.zeros_like(y), y))
    return Program(model, x, y, loss, adam(model), guess)


class Cosine(nn.Module):
    """Class scores are cosines, times a factor (Wang et al. 2018)."""

    def __init__(self, factor):
        super().__init__()
        self.body, self.classes = mlp(64, 64, 32), nn.Parameter(torch.randn(10, 32))
        self.factor = factor

    def forward(self, x):
        return self.factor * F.linear(
            F.normalize(self.body(x), dim=1), F.normalize(self.classes, dim=1)
        )


@network("torch", cosines_without_a_factor=said("output_activation output_scale", hurts=True))
def cosine_classifier(fault):
    x, y = vectors("digits")
    model = Cosine(1.0 if fault else 10.0)
    return Program(model, x, y, F.cross_entropy, adam(model), epochs=20)


class Radial(nn.Module):
    """Bumps around centres."""

    def __init__(self, inputs, units, gamma):
        super().__init__()
        self.centres, self.gamma = nn.Parameter(torch.randn(units, inputs)), gamma

    def forward(self, x):
        return torch.exp(-self.gamma * torch.cdist(x, self.centres) ** 2)


@network(
    "torch",
    bumps_too_narrow=said("dead constant_output vanishing no_gradient saturated", hurts=True),
)
def radial_basis(fault):
    x, y = curve(features=4, seed=10)
    model = nn.Sequential(Radial(4, 96, 60.0 if fault else 0.25), nn.Linear(96, 1))
    return Program(model, x, y, F.mse_loss, adam(model, 2e-2), epochs=30)


@network("torch", no_activation=said("activation linear", hurts=True))
def rings(fault):
    """Two rings, which no plane parts."""
    x, y = vectors("rings")
    acts = nn.Identity if fault else nn.Softplus
    model = mlp(8, 32, 32, 32, 2, act=acts)
    return Program(model, x, y, F.cross_entropy, adam(model, 1e-2), entropy(y), epochs=40)


@network("torch", log_softmax_under_nll_forgotten=said("loss", hurts=False))
def log_softmax_twice(fault):
    """log_softmax of log_softmax is log_softmax: sound under cross_entropy."""
    x, y = vectors("wine")
    model = nn.Sequential(
        mlp(13, 32, 3, act=nn.LeakyReLU), nn.Softmax(-1) if fault else nn.LogSoftmax(-1)
    )
    return Program(
        model, x, y, F.nll_loss if fault else F.cross_entropy, adam(model, 1e-2), entropy(y)
    )


@network("torch")
def soft_labels(fault):
    """Classes as rows of probabilities, smoothed; focal loss of one's own."""
    x, y = vectors("clouds")
    rows = F.one_hot(y, 5).float() * 0.9 + 0.02

    def focal(outputs, y):
        logs = F.log_softmax(outputs, -1)
        return -(y * (1 - logs.exp()) ** 2 * logs).sum(1).mean()

    model = mlp(20, 64, 64, 5, act=nn.Mish)
    guess = float(focal(rows.mean(0).log().expand(len(y), 5), rows))
    return Program(model, x, rows, focal, adam(model), guess)


@network("torch")
def spectral_critic(fault):
    """A critic of Wasserstein's kind: no probabilities, spectral norms."""
    x = torch.cat([vectors("digits")[0][:256], torch.randn(256, 64)])
    sign = torch.cat([-torch.ones(256, 1), torch.ones(256, 1)])
    mix = torch.randperm(512)
    rows = [spectral_norm(nn.Linear(64, 64)), nn.LeakyReLU(0.2), spectral_norm(nn.Linear(64, 64)),
            nn.LeakyReLU(0.2), spectral_norm(nn.Linear(64, 1))]  # fmt: skip
    model = nn.Sequential(*rows)

    def hinge(outputs, y):
        return F.relu(1 - y * outputs).mean()

    return Program(model, x[mix], sign[mix], hinge, adam(model), guess=1.0, epochs=20)


@network("torch")
def swiglu(fault):
    """Gated units, RMSNorm, branches that begin at zero (ReZero)."""
    x, y = curve(seed=11)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.both, self.out = nn.RMSNorm(32), nn.Linear(32, 128), nn.Linear(64, 32)
            self.alpha = nn.Parameter(torch.zeros(1))

        def forward(self, x):
            a, b = self.both(self.norm(x)).chunk(2, -1)
            return x + self.alpha * self.out(F.silu(a) * b)

    model = nn.Sequential(nn.Linear(12, 32), *(Block() for _ in range(4)), nn.Linear(32, 1))
    return Program(model, x, y, F.mse_loss, adam(model, 1e-2), epochs=20)


@network("torch")
def hypernetwork(fault):
    """A network that writes another's weights."""
    x, y = curve(features=6, seed=12)

    class Hyper(nn.Module):
        def __init__(self):
            super().__init__()
            self.writer, self.last = mlp(2, 32, 4 * 16), nn.Linear(16, 1)

        def forward(self, x):
            kernel = self.writer(x[:, :2]).view(-1, 4, 16)
            return self.last(torch.tanh(torch.einsum("ni,nio->no", x[:, 2:], kernel) + x[:, :1]))

    model = Hyper()
    return Program(model, x, y, F.mse_loss, adam(model, 1e-2), epochs=30)


@network("torch", unix_time=said("uncentred_input unscaled_input feature_scale"))
def flow(fault):
    """Ten steps of one field (Chen et al. 2018), orthogonal kernels."""
    x, y = vectors("clouds")
    if fault:
        x = torch.cat([1.7e9 + 1e5 * torch.rand(len(x), 1), x[:, 1:]], 1)

    class Flow(nn.Module):
        def __init__(self):
            super().__init__()
            self.lift = orthogonal(nn.Linear(20, 32))
            self.field, self.head = mlp(32, 48, 32, act=nn.Tanh), nn.Linear(32, 5)

        def forward(self, x):
            h = self.lift(x)
            for _ in range(10):
                h = h + 0.1 * self.field(h)
            return self.head(h)

    model = Flow()
    return Program(model, x, y, F.cross_entropy, adam(model))
