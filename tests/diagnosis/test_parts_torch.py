"""Attention, recurrent layers and softmax in modules of torch, however they are written."""

import fanin
import numpy as np
import pytest

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional

X = torch.from_numpy(np.random.default_rng(0).normal(size=(64, 12, 8)).astype("float32"))
Y = torch.arange(64) % 3


class Residual(nn.Module):
    def __init__(self, branch):
        super().__init__()
        self.branch = branch

    def forward(self, x):
        return x + self.branch(x)


class Whole(nn.Module):
    """torch's own attention."""

    def __init__(self, weights=False, **options):
        super().__init__()
        self.inside = nn.MultiheadAttention(32, 4, batch_first=True, **options)
        self.weights = weights

    def forward(self, x):
        return self.inside(x, x, x, need_weights=self.weights)[0]


class Wide(nn.Module):
    """torch's own attention to keys of another width, which has three kernels."""

    def __init__(self):
        super().__init__()
        self.inside = nn.MultiheadAttention(32, 4, batch_first=True, kdim=40, vdim=40)

    def forward(self, x):
        wide = functional.pad(x, (0, 8))
        return self.inside(x, wide, wide, need_weights=False)[0]


class Own(nn.Module):
    """Attention written in a forward, with or without torch's function for it."""

    def __init__(self, call, fused=False):
        super().__init__()
        self.call, self.soft, self.drop = call, nn.Softmax(-1), nn.Dropout(0.1)
        if fused:
            self.all = nn.Linear(32, 96)
        else:
            self.q, self.k, self.v = (nn.Linear(32, 32) for _ in range(3))
        self.out = nn.Linear(32, 32)

    def forward(self, x):
        three = (
            self.all(x).chunk(3, -1) if hasattr(self, "all") else (self.q(x), self.k(x), self.v(x))
        )
        q, k, v = (one.unflatten(-1, (4, 8)).transpose(1, 2) for one in three)
        if self.call == "fused":
            made = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-2, -1) / 8**0.5
            weights = self.drop(self.soft(scores)) if self.call == "module" else scores.softmax(-1)
            made = weights @ v
        return self.out(made.transpose(1, 2).flatten(2))


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(1)


def blocks(attention):
    ahead = nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32))
    return nn.Sequential(
        nn.Linear(8, 32),
        Residual(nn.Sequential(nn.LayerNorm(32), attention)),
        Residual(ahead),
        nn.LayerNorm(32),
        Mean(),
        nn.Linear(32, 3),
    )


ATTENTION = {
    "torch's": (Whole, ("inside",), "in_proj_weight"),
    "torch's with weights": (lambda: Whole(True), ("inside",), "in_proj_weight"),
    "torch's with dropout": (lambda: Whole(dropout=0.1), ("inside",), "in_proj_weight"),
    "torch's with three kernels": (lambda: Wide(), ("inside",), "q_proj_weight"),
    "own": (lambda: Own("method"), ("q", "k"), "weight"),
    "own module": (lambda: Own("module"), ("q", "k"), "weight"),
    "own, one kernel": (lambda: Own("method", True), ("all",), "weight"),
    "function": (lambda: Own("fused"), ("q", "k"), "weight"),
    "function, one kernel": (lambda: Own("fused", True), ("all",), "weight"),
}


def grave(report):
    return [finding for finding in report.findings if finding.severity != "note"]


@pytest.mark.parametrize("case", ATTENTION)
def test_attention_is_quiet_as_drawn_found_when_sharp_and_mended(case):
    torch.manual_seed(0)
    make, names, role = ATTENTION[case]
    attention = make()
    model = blocks(attention)
    sound = fanin.diagnose(model, X, Y)
    assert not grave(sound)
    [measured] = sound.attentions
    assert measured.entropy > 0.8
    assert measured.keys == 12
    for name in names:
        getattr(attention.get_submodule(name), role).data.mul_(15)
    found = grave(fanin.diagnose(model, X, Y))
    assert found[0].kind == "attention"
    assert found[0].layers == tuple(f"1.branch.1.{name}" for name in names)
    exec(found[0].fix, {"model": model})
    after = fanin.diagnose(model, X, Y)
    assert not grave(after)
    assert 0.5 < after.attentions[0].spread < 1.1


def test_entropy_is_that_of_the_weights_torch_returns():
    torch.manual_seed(0)
    attention = Whole()
    attention.inside.in_proj_weight.data.mul_(3)
    model = blocks(attention)
    [found] = fanin.diagnose(model, X, Y).attentions
    with torch.no_grad():
        given = model[1].branch[0](model[0](X))
        weights = attention.inside(given, given, given, average_attn_weights=False)[1]
    entropy = -(weights * weights.log()).sum(-1).mean() / np.log(12)
    assert found.entropy == pytest.approx(float(entropy), rel=1e-4)


def test_scores_without_their_scale_are_mended_too():
    torch.manual_seed(0)

    class Unscaled(Own):
        def forward(self, x):
            q, k = self.q(x), self.k(x)
            return self.out((30 * q @ k.transpose(-2, -1)).softmax(-1) @ self.v(x))

    model = blocks(Unscaled("method"))
    found = grave(fanin.diagnose(model, X, Y))
    assert found[0].kind == "attention"
    exec(found[0].fix, {"model": model})
    assert not grave(fanin.diagnose(model, X, Y))


class Last(nn.Module):
    def __init__(self, cells):
        super().__init__()
        self.cells = cells

    def forward(self, x):
        return self.cells(x)[0][:, -1]


class Steps(nn.Module):
    """A cell of torch, or of two layers, in a loop."""

    def __init__(self, cell=None):
        super().__init__()
        self.cell, self.out = cell, nn.Linear(24, 3)
        if cell is None:
            self.ih, self.hh = nn.Linear(8, 24), nn.Linear(24, 24)

    def forward(self, x):
        state = torch.zeros(len(x), 24)
        state = (state, state) if isinstance(self.cell, nn.LSTMCell) else state
        for step in x.unbind(1):
            if self.cell is None:
                state = torch.tanh(self.ih(step) + self.hh(state))
            else:
                state = self.cell(step, state)
        return self.out(state[0] if isinstance(state, tuple) else state)


class Raw(nn.Module):
    """A cell with arrays of its own."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.randn(8, 24) / 8**0.5)
        self.u = nn.Parameter(torch.randn(24, 24) / 24**0.5)

    def forward(self, x):
        state = torch.zeros(len(x), 24)
        for step in x.unbind(1):
            state = torch.tanh(step @ self.w + state @ self.u)
        return state


def layers(kind, **options):
    width = 48 if options.get("bidirectional") else 24
    return nn.Sequential(Last(kind(8, 24, batch_first=True, **options)), nn.Linear(width, 3))


CELLS = {
    "gru": (lambda: layers(nn.GRU), "0.cells", "weight_hh_l0"),
    "lstm": (lambda: layers(nn.LSTM), "0.cells", "weight_hh_l0"),
    "rnn": (lambda: layers(nn.RNN), "0.cells", "weight_hh_l0"),
    "rnn of relu": (lambda: layers(nn.RNN, nonlinearity="relu"), "0.cells", "weight_hh_l0"),
    "deep lstm": (lambda: layers(nn.LSTM, num_layers=2), "0.cells", "weight_hh_l0"),
    "two ways": (lambda: layers(nn.GRU, bidirectional=True), "0.cells", "weight_hh_l0_reverse"),
    "gru cell": (lambda: Steps(nn.GRUCell(8, 24)), "cell", "weight_hh"),
    "lstm cell": (lambda: Steps(nn.LSTMCell(8, 24)), "cell", "weight_hh"),
    "rnn cell": (lambda: Steps(nn.RNNCell(8, 24)), "cell", "weight_hh"),
    "own cell": (lambda: Steps(), "hh", "weight"),
    "own arrays": (lambda: nn.Sequential(Raw(), nn.Linear(24, 3)), "0", "u"),
}


@pytest.mark.parametrize("case", CELLS)
def test_recurrent_layers_are_quiet_as_drawn_found_when_large_and_mended(case):
    torch.manual_seed(0)
    make, name, role = CELLS[case]
    model = make()
    assert not grave(fanin.diagnose(model, X, Y))
    array = getattr(model.get_submodule(name), role).data
    was = array.clone()
    array.mul_(30)
    found = grave(fanin.diagnose(model, X, Y))
    # The kernel of a layer that is called as one is named as any.
    assert found[0].kind == ("scale" if case == "own cell" else "recurrence")
    assert found[0].layers == (name,)
    if case == "own arrays":
        return  # no line is known for what nobody sees
    exec(found[0].fix, {"model": model})
    assert not grave(fanin.diagnose(model, X, Y))
    ratio = float((array.norm() / was.norm()).log2())
    assert abs(ratio) < 1


@pytest.mark.parametrize("case", ["gru", "lstm", "rnn", "gru cell"])
def test_recurrent_kernels_that_are_too_small(case):
    torch.manual_seed(0)
    make, name, role = CELLS[case]
    model = make()
    getattr(model.get_submodule(name), role).data.mul_(0.01)
    [found] = grave(fanin.diagnose(model, X, Y))
    assert (found.kind, found.layers) == ("recurrence", (name,))
    exec(found.fix, {"model": model})
    assert not grave(fanin.diagnose(model, X, Y))


@pytest.mark.parametrize("kind", [nn.GRU, nn.LSTM, nn.RNN])
@pytest.mark.parametrize("gain", [0.5, 1.0])
def test_orthogonal_kernels_and_open_memories_are_sound(kind, gain):
    torch.manual_seed(0)
    model = layers(kind)
    cells = model[0].cells
    for gate in cells.weight_hh_l0.data.split(24):
        nn.init.orthogonal_(gate, gain)
    if kind is nn.LSTM:
        cells.bias_ih_l0.data[24:48] = 3.0  # the forget gate is open
    assert not grave(fanin.diagnose(model, X, Y))


class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate, self.soft = nn.Linear(96, 4), nn.Softmax(-1)
        self.experts, self.out = (
            nn.ModuleList(nn.Linear(96, 16) for _ in range(4)),
            nn.Linear(16, 3),
        )

    def forward(self, x):
        x = x.flatten(1)
        weights = self.soft(self.gate(x))
        mixed = sum(weights[:, i : i + 1] * one(x) for i, one in enumerate(self.experts))
        return self.out(torch.relu(mixed))


class Pooled(nn.Module):
    """A mean over steps, of weights that a layer gives."""

    def __init__(self):
        super().__init__()
        self.keys, self.score, self.out = nn.Linear(8, 32), nn.Linear(32, 1), nn.Linear(32, 3)

    def forward(self, x):
        states = torch.tanh(self.keys(x))
        return self.out((torch.softmax(self.score(states), 1) * states).sum(1))


class Keypoints(nn.Module):
    """Where on a line the features are: a mean of places, which are not trained."""

    def __init__(self):
        super().__init__()
        self.features, self.soft = nn.Conv1d(12, 16, 3), nn.Softmax(-1)
        self.out = nn.Linear(16, 3)
        self.register_buffer("places", torch.linspace(-1, 1, 6))

    def forward(self, x):
        return self.out((self.soft(self.features(x)) * self.places).sum(-1))


@pytest.mark.parametrize("make", [Experts, Pooled, Keypoints, lambda: blocks(Own("module"))])
def test_a_softmax_that_gives_the_weights_of_a_mean_is_sound(make):
    torch.manual_seed(0)
    assert not [f for f in fanin.diagnose(make(), X, Y).findings if f.kind == "activation"]


class Called(nn.Module):
    """A softmax called as a function."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(96, 32), nn.Linear(32, 32), nn.Linear(32, 3)

    def forward(self, x):
        return self.c(torch.relu(self.b(torch.softmax(self.a(x.flatten(1)), -1))))


INSIDE = {
    "row": (
        lambda: nn.Sequential(
            nn.Flatten(), nn.Linear(96, 32), nn.LayerNorm(32), nn.Softmax(-1), nn.Linear(32, 3)
        ),
        "3",
    ),
    "pooled": (
        lambda: nn.Sequential(
            nn.Conv1d(12, 16, 3), nn.BatchNorm1d(16), nn.Softmax(1), nn.MaxPool1d(2),
            nn.Conv1d(16, 8, 3), nn.Flatten(), nn.Linear(8, 3),
        ),
        "2",
    ),
    "branch": (
        lambda: nn.Sequential(
            nn.Flatten(), nn.Linear(96, 32),
            Residual(nn.Sequential(
                nn.LayerNorm(32), nn.Linear(32, 32), nn.Softmax(-1), nn.Linear(32, 32)
            )),
            nn.LayerNorm(32), nn.Linear(32, 3),
        ),
        "2.branch.2",
    ),
    "function": (Called, "softmax(a)"),
}  # fmt: skip


@pytest.mark.parametrize("case", INSIDE)
def test_a_softmax_inside_is_found_at_its_place(case):
    torch.manual_seed(0)
    make, name = INSIDE[case]
    model = make()
    found = grave(fanin.diagnose(model, X, Y))
    assert (found[0].kind, found[0].layers) == ("activation", (name,))
    assert bool(found[0].fix) is (case != "function")
    if found[0].fix:
        exec(found[0].fix, {"model": model, "torch": torch})
        assert not [f for f in fanin.diagnose(model, X, Y).findings if f.kind == "activation"]


def test_steps_of_a_cell_in_a_loop_are_no_depth():
    torch.manual_seed(0)
    report = fanin.diagnose(Steps(), X, Y)
    assert report.repeated == {"ih", "hh", *(n for n in report.repeated if n.startswith("input"))}
    assert [layer.name for layer in report.kernels] == ["ih", "hh", "out"]
    assert not grave(report)


def test_the_graph_is_looked_at_and_nothing_changes():
    torch.manual_seed(0)
    model = blocks(Whole(dropout=0.2))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    numbers = torch.get_rng_state()
    first, second = (fanin.diagnose(model, X, Y) for _ in range(2))
    assert torch.equal(numbers, torch.get_rng_state())
    assert all(torch.equal(before[name], now) for name, now in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
    assert first.attentions == second.attentions
