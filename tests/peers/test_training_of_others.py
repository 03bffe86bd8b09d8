"""Learning rates, fixes and mending of torch modules and Keras models."""

import copy

import fanin
import numpy as np
import pytest

torch = pytest.importorskip("torch")
keras = pytest.importorskip("keras")

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 12)).astype("float32")
Y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
TX, TY = torch.from_numpy(X), torch.from_numpy(Y)


def module(*extra):
    torch.manual_seed(0)
    linear, relu = torch.nn.Linear, torch.nn.ReLU
    made = torch.nn.Sequential(
        linear(12, 32), relu(), linear(32, 32), relu(), *extra, linear(32, 3)
    )
    return fanin.initialize(made, "he_normal", seed=0)


def rates(report):
    return [f for f in report.findings if f.kind == "learning_rate" and f.severity != "note"]


@pytest.mark.parametrize(
    ("name", "usual"),
    [("SGD", 0.05), ("Adam", 1e-3), ("AdamW", 1e-3), ("RMSprop", 1e-3), ("Adagrad", 1e-2),
     ("NAdam", 1e-3)],
)  # fmt: skip
def test_rates_of_torch(name, usual):
    model, made = module(), getattr(torch.optim, name)
    for factor, expected in ((1, None), (1000, "too large"), (1e-5, "too small")):
        optimizer = made(model.parameters(), lr=factor * usual)
        found = rates(fanin.diagnose(model, TX, TY, optimizer=optimizer))
        assert [f.text for f in found if expected and expected in f.text] == [f.text for f in found]
        assert bool(found) is (expected is not None)
        if found:
            exec(found[0].fix, {"optimizer": optimizer})
            assert not rates(fanin.diagnose(model, TX, TY, optimizer=optimizer))


def test_the_step_is_the_optimizers_next_and_nothing_changes():
    model = module(torch.nn.BatchNorm1d(32), torch.nn.Dropout(0.5))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(3):  # it goes on from its state
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(TX), TY).backward()
        optimizer.step()
    optimizer.zero_grad()
    weights, state = copy.deepcopy(model.state_dict()), copy.deepcopy(optimizer.state_dict())
    numbers = torch.get_rng_state()
    report = fanin.diagnose(model, TX, TY, optimizer=optimizer)
    assert report.first_step.optimizer == "Adam"
    assert torch.equal(numbers, torch.get_rng_state())
    assert all(torch.equal(weights[k], v) for k, v in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())
    now = optimizer.state_dict()["state"]
    assert all(torch.equal(state["state"][k]["exp_avg"], v["exp_avg"]) for k, v in now.items())


class LastState(torch.nn.Module):
    """A recurrent layer, whose parameters no hook on layers sees, and a layer on its last state."""

    def __init__(self):
        super().__init__()
        self.cells, self.out = torch.nn.GRU(3, 8, batch_first=True), torch.nn.Linear(8, 3)

    def forward(self, x):
        return self.out(self.cells(x.reshape(len(x), 4, 3))[0][:, -1])


def test_the_step_goes_along_the_gradient_of_the_whole_batch():
    torch.manual_seed(0)
    model, x = LastState(), torch.randn(300, 12)
    y = (x[:, 0] > 0).long()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    step = fanin.diagnose(model, x, y, optimizer=optimizer).first_step
    loss = torch.nn.functional.cross_entropy
    assert step.loss == pytest.approx(loss(model(x[:128]), y[:128]).item(), rel=1e-6)
    before = {name: p.detach().clone() for name, p in model.named_parameters() if p.ndim > 1}
    loss(model(x), y).backward()
    optimizer.step()
    assert step.loss_after == pytest.approx(loss(model(x[:128]), y[:128]).item(), rel=1e-5)
    now = dict(model.named_parameters())
    sizes = [max(was.norm(), len(was) ** 0.5) for was in before.values()]
    changes = [
        float((now[name].detach() - was).norm() / size)
        for (name, was), size in zip(before.items(), sizes, strict=True)
    ]
    assert step.change == pytest.approx(np.median(changes), rel=1e-4)
    assert step.largest_change == pytest.approx(max(changes), rel=1e-4)


def test_other_optimizers_are_refused():
    with pytest.raises(TypeError, match=r"optimizer: expected a torch\.optim\.Optimizer"):
        fanin.diagnose(module(), TX, TY, optimizer="adam")
    other = torch.optim.SGD(module().parameters(), lr=0.1)
    with pytest.raises(ValueError, match="optimizer: expected one of the model's parameters"):
        fanin.diagnose(module(), TX, TY, optimizer=other)
    lbfgs = torch.optim.LBFGS((model := module()).parameters())
    assert fanin.diagnose(model, TX, TY, optimizer=lbfgs).first_step is None


def test_a_warmup_of_torch_is_not_too_small():
    model = module()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=1e-6, total_iters=100)
    assert not rates(fanin.diagnose(model, TX, TY, optimizer=optimizer))


def test_rates_of_keras():
    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((12,)), layers.Dense(32, "relu"), layers.Dense(3, "softmax")]
    )
    for rate, expected in ((1e-3, 0), (1.0, 1), (1e-8, 1)):
        model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy")
        before = [np.array(w) for w in model.get_weights()]
        report = fanin.diagnose(model, X, Y)
        assert len(rates(report)) == expected
        for was, now in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(was, now)
        if expected:
            exec(rates(report)[0].fix, {"model": model, "keras": keras})
            assert not rates(fanin.diagnose(model, X, Y))
    expected = r"model: expected a fanin\.Sequential or fanin\.Model, or a torch"
    with pytest.raises(TypeError, match=expected):
        report.mend()


def test_rank_and_equal_units_of_torch_get_a_fix_of_one_layer():
    model = module()
    with torch.no_grad():
        weight = model[2].weight
        weight.copy_(torch.outer(weight[:, 0], weight[0]) * 4)
    report = fanin.diagnose(model, TX, TY)
    [finding] = [f for f in report.findings if f.kind == "rank"]
    assert finding.layers == ("2",)
    assert finding.fix == 'fanin.initialize(model.get_submodule("2"), "he_normal", seed=0)'
    exec(finding.fix, {"model": model, "fanin": fanin})
    assert not [f for f in fanin.diagnose(model, TX, TY).findings if f.kind == "rank"]


def test_a_gate_of_one_unit_is_no_bottleneck():
    class Gated(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.squeeze = torch.nn.Linear(12, 16), torch.nn.Linear(16, 1)
            self.excite, self.out = torch.nn.Linear(1, 16), torch.nn.Linear(16, 3)

        def forward(self, x):
            h = torch.relu(self.fc(x))
            return self.out(h * torch.sigmoid(self.excite(self.squeeze(h))))

    kinds = [f.kind for f in fanin.diagnose(Gated(), TX, TY).findings]
    assert "bottleneck" not in kinds
    narrow = module()
    narrow[2], narrow[4] = torch.nn.Linear(32, 1), torch.nn.Linear(1, 3)
    assert "bottleneck" in [f.kind for f in fanin.diagnose(narrow, TX, TY).findings]


def test_a_module_is_mended(capsys):
    model = module()
    with torch.no_grad():
        model[2].bias -= 100
    optimizer = torch.optim.Adam(model.parameters(), lr=2.0)
    weights = copy.deepcopy(model.state_dict())
    x = TX.clone()
    x[3, 2] = float("nan")
    mended = fanin.diagnose(model, x, TY, optimizer=optimizer).mend(steps=40)
    said = capsys.readouterr().out
    assert "applied: x = torch.nan_to_num" in said
    assert 'model.get_submodule("2").bias.data.fill_(0)' in said  # which is what is wrong
    assert "group" in said
    assert "tried: loss after 40 steps 0." in said
    assert fanin.diagnose(mended, TX, TY).healthy
    assert all(torch.equal(weights[k], v) for k, v in model.state_dict().items())
    assert optimizer.param_groups[0]["lr"] == 2.0
