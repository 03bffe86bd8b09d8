"""Programs of torch on sets and graphs."""

import torch
import torch.nn.functional as F  # noqa: N812  as everyone writes it
from torch import nn

from exam.unseen.program import Program, network, rng, said
from exam.unseen.torch_images import adam
from exam.unseen.torch_sequences import sequences


class Message(nn.Module):
    """Neighbours' features, summed or averaged, and one's own (Kipf and Welling 2017)."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.own, self.others = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs, bias=False)
        nn.init.xavier_normal_(self.own.weight)
        nn.init.xavier_normal_(self.others.weight)

    def forward(self, h, adjacency):
        return F.relu(self.own(h) + self.others(adjacency @ h))


class GraphNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(
            [Message(5, 32), Message(32, 32), Message(32, 32), Message(32, 32)]
        )
        self.head = nn.Linear(32, 3)

    def forward(self, nodes, adjacency):
        for layer in self.layers:
            nodes = layer(nodes, adjacency)
        return self.head(nodes.mean(1))


@network(
    "torch", sums_over_neighbours=said("exploding scale output_scale unscaled_input", hurts=False)
)
def graph_network(fault):
    r = rng(6)
    y = r.integers(0, 3, 384)
    density = 0.6 + 0.15 * y
    adjacency = (r.random((384, 24, 24)) < density[:, None, None]).astype("float32")
    nodes = r.normal(size=(384, 24, 5)) + 0.6 * r.normal(size=(3, 1, 5))[y]
    a = torch.from_numpy(adjacency)
    a = a if fault else a / a.sum(-1, keepdim=True)
    model = GraphNet()
    x = [torch.tensor(nodes, dtype=torch.float32), a]
    return Program(model, x, torch.from_numpy(y), F.cross_entropy, adam(model, 1e-3), epochs=20)


class DeepSets(nn.Module):
    """A function of a set: a mean of what each member gives (Zaheer et al. 2017)."""

    def __init__(self):
        super().__init__()
        self.phi = nn.Sequential(nn.Linear(3, 48), nn.SiLU(), nn.Linear(48, 48))
        self.rho = nn.Sequential(nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1))

    def forward(self, x):
        return self.rho(self.phi(x).mean(1))


@network("torch", targets_of_one_axis=said("target_shape", hurts=False, error="shape"))
def deep_sets(fault):
    points = torch.from_numpy(rng(7).normal(size=(512, 10, 3)).astype("float32"))
    y = points.norm(dim=2).mean(1)
    y = (y - y.mean()) / y.std()
    y = y if fault else y[:, None]

    def own_loss(outputs, y):
        return ((outputs - y) ** 2).mean()

    model = DeepSets()
    return Program(model, points, y, own_loss, adam(model, 5e-3), guess=1.0, epochs=30)


class Pooled(nn.Module):
    """Attention pooling over instances (Ilse et al. 2018)."""

    def __init__(self, axis):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(6, 32), nn.ReLU())
        self.score = nn.Sequential(nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 1))
        self.head, self.axis = nn.Linear(32, 4), axis

    def forward(self, x):
        h = self.embed(x)
        weights = torch.softmax(self.score(h), self.axis)
        return self.head((weights * h).sum(1))


@network("torch", softmax_over_samples=said("mixed_samples attention", hurts=False))
def attention_pooling(fault):
    x, y = sequences()
    y = y % 2
    x = x + 2.0 * y[:, None, None] * (torch.arange(16) == 5)[None, :, None]
    model = Pooled(0 if fault else 1)
    return Program(model, x, y, F.cross_entropy, adam(model, 5e-3))
