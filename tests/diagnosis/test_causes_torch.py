"""Causes in networks of torch: blocks that signals lead past, normalizations, functions."""

import fanin
import numpy as np
import pytest

torch = pytest.importorskip("torch")
nn = torch.nn

RNG = np.random.default_rng(0)
X = torch.from_numpy(RNG.normal(size=(64, 20)).astype("float32"))
IMAGES = torch.from_numpy(RNG.normal(size=(16, 3, 8, 8)).astype("float32"))
Y = torch.from_numpy(RNG.integers(0, 5, 64))


class Residual(nn.Module):
    def __init__(self, *branch):
        super().__init__()
        self.branch = nn.Sequential(*branch)

    def forward(self, x):
        return x + self.branch(x)


class Shortcut(nn.Module):
    """A block of two convolutions, and one of 1 x 1 beside them."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.beside = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x):
        y = self.norm2(self.conv2(self.relu(self.norm1(self.conv1(x)))))
        y += self.beside(x)
        return self.relu(y)


class RMSNorm(nn.Module):
    """One of a user's own, which multiplies by 1 + w if `centred`, as Gemma's does."""

    def __init__(self, units, centred=False):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(units) if centred else torch.ones(units))
        self.centred = centred

    def forward(self, x):
        x = x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)
        return x * (1 + self.weight if self.centred else self.weight)


def blocks(norm=nn.LayerNorm, count=4):
    def branch():
        return norm(32), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32)

    rows = [Residual(*branch()) for _ in range(count)]
    return nn.Sequential(nn.Linear(20, 32), *rows, norm(32), nn.Linear(32, 5))


def convolutions(norm=lambda n: nn.GroupNorm(4, n)):
    layers, inputs = [], 3
    for filters in (16, 16, 32):
        conv = nn.Conv2d(inputs, filters, 3, padding=1)
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        layers += [conv, norm(filters), nn.ReLU(), nn.MaxPool2d(2)]
        inputs = filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 5))


def shortcuts():
    return nn.Sequential(
        Shortcut(3, 16), Shortcut(16, 16), Shortcut(16, 32), nn.AvgPool2d(8), nn.Flatten(),
        nn.Linear(32, 5),
    )  # fmt: skip


def made(make, *changes):
    torch.manual_seed(0)
    model = make()
    with torch.no_grad():
        for name, role, factor in changes:
            model.get_parameter(f"{name}.{role}").mul_(factor)
    return model


def diagnose(model):
    images = any(isinstance(module, nn.Conv2d) for module in model.modules())
    return fanin.diagnose(model, *((IMAGES, Y[:16]) if images else (X, Y)))


def causes(report):
    return [(f.kind, f.layers) for f in report.findings if f.severity != "note" and not f.because]


SOUND = {
    "LayerNorm": blocks,
    "RMSNorm": lambda: blocks(RMSNorm),
    "1 + w": lambda: blocks(lambda n: RMSNorm(n, centred=True)),
    "deep": lambda: blocks(count=15),
    "GroupNorm": convolutions,
    "BatchNorm": lambda: convolutions(nn.BatchNorm2d),
    "shortcuts": shortcuts,
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_networks_stay_quiet(name):
    assert causes(diagnose(made(SOUND[name]))) == []


def test_branches_may_begin_at_zero():
    last = [(f"{i}.branch.3", role, 0.0) for i in range(1, 5) for role in ("weight", "bias")]
    assert causes(diagnose(made(blocks, *last))) == []
    last = [(f"{i}.norm2", "weight", 0.0) for i in range(3)]
    assert causes(diagnose(made(shortcuts, *last))) == []


@pytest.mark.parametrize(
    ("make", "change", "cause"),
    [
        (blocks, ("2.branch.0", "weight", 0.0), ("normalization", "2.branch.0")),
        (blocks, ("5", "weight", 0.0), ("normalization", "5")),
        (blocks, ("5", "weight", 1e-3), ("normalization", "5")),
        (lambda: blocks(RMSNorm), ("2.branch.0", "weight", 0.0), ("normalization", "2.branch.0")),
        (blocks, ("2.branch.1", "weight", 30.0), ("scale", "2.branch.1")),
        (blocks, ("6", "weight", 30.0), ("scale", "6")),
        (convolutions, ("5", "weight", 50.0), ("normalization", "5")),
        (shortcuts, ("1.norm1", "weight", 0.0), ("normalization", "1.norm1")),
        (lambda: convolutions(lambda n: nn.Identity()), ("4", "weight", 1e-3), ("scale", "4")),
    ],
)
def test_faults_are_named_where_they_are_and_the_fix_mends(make, change, cause):
    model = made(make, change)
    report = diagnose(model)
    assert causes(report) == [(cause[0], (cause[1],))]
    exec(report.findings[0].fix, {"model": model})
    assert causes(diagnose(model)) == []


def test_dead_units_are_named_where_they_begin():
    model = made(convolutions)
    model = nn.Sequential(*[m for m in model if not isinstance(m, nn.GroupNorm)])
    with torch.no_grad():
        model[3].bias.sub_(100)
    report = diagnose(model)
    assert causes(report) == [("dead", ("4",))]
    exec(report.findings[0].fix, {"model": model})
    assert causes(diagnose(model)) == []


def test_vectors_of_words_that_are_too_large():
    torch.manual_seed(0)
    row = [nn.Embedding(30, 16), nn.Flatten(), nn.Linear(16 * 6, 32), nn.Tanh(), nn.Linear(32, 5)]
    model, words = nn.Sequential(*row), torch.from_numpy(RNG.integers(0, 30, (64, 6)))
    assert causes(fanin.diagnose(model, words, Y)) == []
    model[0].weight.data.mul_(50)
    assert causes(fanin.diagnose(model, words, Y)) == [("scale", ("0",))]
