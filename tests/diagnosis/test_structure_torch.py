"""Modules of torch as people write them: several inputs, mixed samples, computed weights."""

import fanin
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

X = torch.from_numpy(np.random.default_rng(0).normal(size=(64, 8)).astype("float32"))
KEYS = torch.arange(64) % 10
Y = (X[:, 0] > 0).long()


class Two(nn.Module):
    """A vector of numbers and one of words."""

    def __init__(self):
        super().__init__()
        self.numbers, self.words, self.out = (
            nn.Linear(8, 16),
            nn.Embedding(10, 16),
            nn.Linear(32, 2),
        )

    def forward(self, x, key):
        return self.out(torch.cat([torch.relu(self.numbers(x)), self.words(key)], 1))


def grave(model, x, y=Y, loss=functional.cross_entropy, optimizer=None):
    found = fanin.diagnose(model, x, y, loss, optimizer=optimizer).findings
    return [(f.kind, f.layers) for f in found if f.severity != "note"]


@pytest.mark.parametrize("x", [[X, KEYS], (X, KEYS), {"x": X, "key": KEYS}])
def test_several_inputs(x):
    torch.manual_seed(0)
    assert grave(Two(), x) == []
    large = {"x": 1e3 * X, "key": KEYS}
    assert grave(Two(), large)[0][0] == "unscaled_input"


def test_inputs_of_different_lengths_are_refused():
    with pytest.raises(fanin.errors.ShapeError, match="as many of each"):
        fanin.diagnose(Two(), [X, KEYS[:5]], Y)


def test_several_outputs_go_to_the_loss_as_they_are():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.one, self.other = nn.Linear(8, 16), nn.Linear(16, 2), nn.Linear(16, 1)

        def forward(self, x):
            h = torch.tanh(self.body(x))
            return self.one(h), self.other(h)

    def loss(outputs, y):
        return functional.cross_entropy(outputs[0], y) + outputs[1].square().mean()

    torch.manual_seed(0)
    report = fanin.diagnose(Pair(), X, Y, loss)
    assert not [f for f in report.findings if f.severity != "note"]
    with pytest.raises(ValueError, match="loss"):
        fanin.diagnose(Pair(), X, Y)


def test_attention_that_takes_samples_for_steps():
    class Attending(nn.Module):
        def __init__(self, first):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=first)
            self.out = nn.Linear(8, 2)

        def forward(self, x):
            return self.out(self.attention(x, x, x, need_weights=False)[0].mean(1))

    x = torch.randn(64, 5, 8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    assert grave(Attending(True), x) == []
    model = Attending(False)
    report = fanin.diagnose(model, x, Y, functional.cross_entropy)
    assert (report.findings[0].kind, report.findings[0].layers) == ("mixed_samples", ("attention",))
    exec(report.findings[0].fix, {"model": model})
    assert grave(model, x) == []


def test_an_optimizer_that_has_only_the_end():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(model[2].parameters())
    report = fanin.diagnose(model, X, Y, functional.cross_entropy, optimizer=optimizer)
    assert (report.findings[0].kind, report.findings[0].layers) == ("optimizer", ("0",))
    exec(report.findings[0].fix, {"model": model, "optimizer": optimizer})
    assert grave(model, X, optimizer=optimizer) == []


def test_a_block_that_ends_with_a_rectified_sum_may_begin_at_zero():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(16, 16), nn.Linear(16, 16)
            nn.init.zeros_(self.two.weight)
            nn.init.zeros_(self.two.bias)

        def forward(self, x):
            return torch.relu(x + self.two(torch.relu(self.one(x))))

    torch.manual_seed(0)
    assert (
        grave(nn.Sequential(nn.Linear(8, 16), nn.ReLU(), Block(), Block(), nn.Linear(16, 2)), X)
        == []
    )


def test_weights_that_are_computed_are_those_of_their_layer():
    torch.manual_seed(0)
    normed = nn.utils.parametrizations.weight_norm(nn.Linear(8, 16))
    model = nn.Sequential(normed, nn.ReLU(), nn.Linear(16, 2))
    report = fanin.diagnose(model, X, Y, functional.cross_entropy)
    assert [layer.kind for layer in report.layers] == ["dense", "activation", "dense"]
    expected = normed.weight.detach().numpy().T
    np.testing.assert_allclose(report["0"].weights["kernel"].values, expected, rtol=1e-6)


def test_what_is_detached_gets_no_gradient():
    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.before, self.out = nn.Linear(8, 16), nn.Linear(16, 2)

        def forward(self, x):
            return self.out(torch.relu(self.before(x)).detach())

    torch.manual_seed(0)
    assert grave(Cut(), X)[0] == ("no_gradient", ("before",))
