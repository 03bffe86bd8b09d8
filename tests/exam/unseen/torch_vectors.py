"""Programs of torch on vectors: pairs, triples, adapters, experts."""

import itertools
import math

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  as everyone writes it
from torch import nn

from exam import data
from exam.unseen.program import Program, bernoulli, network, rng, said, smooth
from exam.unseen.torch_images import adam


def vectors(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return standardized vectors, and labels or targets."""
    x, y = data.load(name)
    return torch.from_numpy(x.reshape(len(x), -1).copy()), torch.from_numpy(y)


def curve(samples=512, features=12, seed=0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return vectors and a smooth function of them, of shape (n, 1)."""
    x, y = smooth(samples, features, seed)
    return torch.from_numpy(x), torch.from_numpy(y)


def mlp(*widths: int, act=nn.ReLU) -> nn.Sequential:
    """Return dense layers with an activation between them."""
    rows = []
    for inputs, outputs in itertools.pairwise(widths):
        rows += [nn.Linear(inputs, outputs), act()]
    return nn.Sequential(*rows[:-1])


class Twins(nn.Module):
    """One encoder for two samples; are they alike? (Bromley et al. 1993)"""

    def __init__(self):
        super().__init__()
        self.encoder = mlp(64, 96, 32)
        self.head = nn.Linear(32, 1)

    def forward(self, a, b):
        return self.head((self.encoder(a) - self.encoder(b)).abs())


@network(
    "torch",
    sigmoid_under_logits=said("output_activation softmax_twice loss", hurts=False),
    one_tower_in_bytes=said("unscaled_input", hurts=False),
)
def siamese(fault):
    x, y = vectors("digits")
    order = torch.from_numpy(np.argsort(y.numpy() + 0.1 * rng(1).random(len(y))))
    pairs = torch.cat([order, torch.randperm(len(x))])
    others = torch.cat([order.roll(1), torch.randperm(len(x))])
    mix = torch.randperm(len(pairs))[:768]
    a, b = x[pairs][mix], x[others][mix]
    same = (y[pairs] == y[others]).float()[mix][:, None]
    model = Twins()
    if fault == "sigmoid_under_logits":
        model.head = nn.Sequential(model.head, nn.Sigmoid())
    if fault == "one_tower_in_bytes":
        b = 255 * b
    loss = F.binary_cross_entropy_with_logits
    return Program(model, [a, b], same, loss, adam(model), bernoulli(same), epochs=16)


class Embedder(nn.Module):
    """Unit vectors for anchor, positive and negative."""

    def __init__(self):
        super().__init__()
        self.net, self.embed = mlp(64, 64, 64), nn.Linear(64, 16)

    def forward(self, x):
        return F.normalize(self.embed(F.relu(self.net(x))), dim=-1)


def triplet_loss(outputs, _):
    a, p, n = outputs.unbind(1)
    return F.triplet_margin_loss(a, p, n, margin=0.5)


@network("torch", embedding_of_zeros=said("zero constant_output", "embed", hurts=False))
def triplet(fault):
    x, y = vectors("digits")
    r = rng(2)
    picks = []
    for label in y.numpy():
        same, others = np.flatnonzero(y == label), np.flatnonzero(y != label)
        picks.append((r.choice(same), r.choice(same), r.choice(others)))
    model = Embedder()
    if fault:
        nn.init.zeros_(model.embed.weight)
        nn.init.zeros_(model.embed.bias)
    triplets = x[torch.tensor(np.array(picks))]
    return Program(model, triplets, torch.zeros(len(x)), triplet_loss, adam(model), guess=0.5)


def info_nce(outputs, _):
    a, b = F.normalize(outputs, dim=-1).unbind(1)
    return F.cross_entropy(a @ b.T / 0.1, torch.arange(len(a)))


@network("torch")
def contrastive(fault):
    """Two noisy views of a sample are to find each other (Chen et al. 2020)."""
    x, _ = vectors("fashion")
    views = torch.stack([x + 0.3 * torch.randn_like(x), x + 0.3 * torch.randn_like(x)], 1)
    model = nn.Sequential(mlp(196, 128, 64), nn.ReLU(), nn.Linear(64, 32))
    return Program(model, views, torch.zeros(len(x)), info_nce, adam(model), guess=math.log(64))


class LoRA(nn.Module):
    """A frozen layer, and beside it a product of two narrow ones (Hu et al. 2022)."""

    def __init__(self, base, rank=8):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.lora_a = nn.Parameter(
            torch.randn(rank, base.in_features) / math.sqrt(base.in_features)
        )
        self.lora_b = nn.Parameter(torch.zeros(base.out_features, rank))

    def forward(self, x):
        return self.base(x) + x @ self.lora_a.T @ self.lora_b.T


@network(
    "torch", both_factors_zero=said("no_gradient zero frozen", "0 2 4 lora_a lora_b", hurts=False)
)
def lora(fault):
    """A network that was trained a little is adapted; all but the factors is frozen."""
    x, y = vectors("digits")
    base = mlp(64, 64, 64, 10)
    first = adam(base, 1e-2)
    for _ in range(8):
        first.zero_grad()
        F.cross_entropy(base(x), y).backward()
        first.step()
    model = nn.Sequential(*(LoRA(m) if isinstance(m, nn.Linear) else m for m in base))
    if fault:
        for m in model:
            if isinstance(m, LoRA):
                nn.init.zeros_(m.lora_a)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    return Program(model, x, y, F.cross_entropy, optimizer)


class Experts(nn.Module):
    """A gate chooses two of four experts a sample (Shazeer et al. 2017)."""

    def __init__(self, hard=False):
        super().__init__()
        self.gate = nn.Linear(20, 4)
        self.experts = nn.ModuleList(mlp(20, 32, 32) for _ in range(4))
        self.head, self.hard = nn.Linear(32, 5), hard

    def forward(self, x):
        scores = self.gate(x)
        best, which = scores.topk(2, dim=-1)
        weights = torch.zeros_like(scores).scatter(1, which, best.softmax(-1))
        if self.hard:
            weights = (weights > 0.5).float()
        each = torch.stack([expert(x) for expert in self.experts], 1)
        return self.head(F.relu((weights[:, :, None] * each).sum(1)))


@network(
    "torch",
    hard_gate=said("no_gradient", "gate", hurts=False),
    dead_expert=said("bias dead", "experts", hurts=False),
)
def mixture_of_experts(fault):
    x, y = vectors("clouds")
    model = Experts(fault == "hard_gate")
    if fault == "dead_expert":
        nn.init.constant_(model.experts[2][0].bias, -5.0)
    return Program(model, x, y, F.cross_entropy, adam(model, 1e-2))


class Ratings(nn.Module):
    """Vectors of user and film: their product, and a tower beside it."""

    def __init__(self, std):
        super().__init__()
        self.user, self.film = nn.Embedding(40, 32), nn.Embedding(30, 32)
        nn.init.normal_(self.user.weight, 0.0, std)
        nn.init.normal_(self.film.weight, 0.0, std)
        self.tower = mlp(64, 32, 1)

    def forward(self, user, film):
        u, f = self.user(user), self.film(film)
        return (u * f).sum(1, keepdim=True) + self.tower(torch.cat([u, f], 1))


@network("torch", vectors_of_one=said("scale output_scale", "user film", hurts=True))
def ratings(fault):
    r = rng(3)
    user, film = r.integers(0, 40, 1024), r.integers(0, 30, 1024)
    y = (r.normal(size=(40, 2))[user] * r.normal(size=(30, 2))[film]).sum(1) + r.normal(size=40)[
        user
    ]
    y = torch.tensor((y - y.mean()) / y.std(), dtype=torch.float32)[:, None]
    model = Ratings(1.0 if fault else 0.1)
    x = [torch.tensor(user), torch.tensor(film)]
    return Program(model, x, y, F.mse_loss, adam(model, 1e-2), epochs=20)
