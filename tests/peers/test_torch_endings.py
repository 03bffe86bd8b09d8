"""Modules of torch: losses, activations, targets and frozen parameters are seen as ours are."""

import fanin
import numpy as np
import pytest
from fanin.errors import ShapeError

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional

RNG = np.random.default_rng(0)
X = RNG.normal(size=(128, 12)).astype("float32")
Y = RNG.integers(0, 4, 128)
YES = (Y > 1).astype("float32")
T = (X[:, :1] + 0.3 * RNG.normal(size=(128, 1))).astype("float32")


def grave(report):
    return [(f.kind, f.layers) for f in report.findings if f.severity != "note"]


def top(report):
    assert not report.healthy
    return report.findings[0]


def run(code, **names):
    """Run a line that a finding advises, and return what it leaves."""
    exec(code, names)
    return names


def module(*end, hidden=1):
    torch.manual_seed(0)
    stack = []
    for place in range(hidden):
        stack += [nn.Linear(12 if place == 0 else 32, 32), nn.ReLU()]
    return nn.Sequential(*stack, *end)


class Functional(nn.Module):
    """A module whose last activation is called as a function."""

    def __init__(self, units, function):
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.out, self.function = nn.Linear(12, 32), nn.Linear(32, units), function

    def forward(self, x):
        return self.function(self.out(torch.relu(self.hidden(x))))


def test_sound_ends_of_torch():
    x, y, t = (torch.from_numpy(array) for array in (X, Y, T))
    yes = torch.from_numpy(YES)[:, None]
    for end, loss, targets in [
        ([nn.Linear(32, 4)], functional.cross_entropy, y),
        ([nn.Linear(32, 4)], nn.CrossEntropyLoss(label_smoothing=0.1), y),
        ([nn.Linear(32, 4)], lambda o, y: functional.cross_entropy(o, y), y),
        ([nn.Linear(32, 4), nn.LogSoftmax(1)], nn.NLLLoss(), y),
        ([nn.Linear(32, 4), nn.LogSoftmax(1)], functional.cross_entropy, y),
        ([nn.Linear(32, 4), nn.Softmax(1)],
         lambda p, y: functional.nll_loss(torch.log(p + 1e-9), y), y),
        ([nn.Linear(32, 1)], nn.BCEWithLogitsLoss(), yes),
        ([nn.Linear(32, 1), nn.Sigmoid()], nn.BCELoss(), yes),
        ([nn.Linear(32, 1)], nn.MSELoss(), t),
        ([nn.Linear(32, 1), nn.ReLU()], nn.HuberLoss(), t.abs()),
        ([nn.Linear(32, 1)], lambda o, y: ((o[:, 0] - y) ** 2).mean(), t[:, 0]),
    ]:  # fmt: skip
        assert grave(fanin.diagnose(module(*end), x, targets, loss)) == [], (end, loss)
    squeezed = Functional(1, lambda z: z.squeeze(1))
    assert grave(fanin.diagnose(squeezed, x, yes[:, 0], nn.BCEWithLogitsLoss())) == []


def test_misfits_of_torch():
    x, y, t = (torch.from_numpy(array) for array in (X, Y, T))
    yes = torch.from_numpy(YES)[:, None]
    linear = nn.Linear
    for model, loss, targets, kind, place in [
        (module(linear(32, 4), nn.Softmax(1)), functional.cross_entropy, y,
         "softmax_twice", "3"),
        (module(linear(32, 4), nn.Softmax(1), nn.LogSoftmax(1)), nn.NLLLoss(), y,
         "softmax_twice", "4"),
        (Functional(4, lambda z: z.softmax(1)), nn.CrossEntropyLoss(), y,
         "softmax_twice", "softmax(out)"),
        (module(linear(32, 4)), functional.nll_loss, y, "loss", "2"),
        (module(linear(32, 4)), lambda o, y: functional.nll_loss(o, y), y, "loss", "2"),
        (module(linear(32, 4), nn.Softmax(1)), nn.NLLLoss(), y, "loss", "3"),
        (module(linear(32, 1)), nn.BCELoss(), yes, "loss", "2"),
        (module(linear(32, 1), nn.Sigmoid()), nn.BCEWithLogitsLoss(), yes,
         "output_activation", "3"),
        (module(linear(32, 4), nn.Softmax(0)), functional.cross_entropy, y,
         "output_activation", "3"),
        (module(linear(32, 1), nn.ReLU6()), functional.mse_loss, t,
         "output_activation", "3"),
        (Functional(1, torch.relu), lambda o, y: ((o - y) ** 2).mean(), t,
         "output_activation", "relu(out)"),
    ]:  # fmt: skip
        finding = top(fanin.diagnose(model, x, targets, loss))
        assert (finding.kind, finding.layers) == (kind, (place,)), (model, loss)
        if finding.fix:
            names = run(finding.fix, model=model, torch=torch, loss=loss)
            again = fanin.diagnose(model, x, targets, names["loss"])
            assert grave(again) == [], (model, finding.fix)


def test_targets_that_a_loss_would_compare_with_all_outputs():
    x, _, t = (torch.from_numpy(array) for array in (X, Y, T))
    model = module(nn.Linear(32, 1))
    for loss in (None, nn.MSELoss(), functional.l1_loss, lambda o, y: ((o - y) ** 2).mean()):
        for targets in (t[:, 0], 3000 * t[:, 0] + 20000, 0 * t[:, 0]):
            with pytest.raises(ShapeError, match=r"y: .*\(128, 1\), found shape \(128,\)"):
                fanin.diagnose(model, x, targets, loss)
    with pytest.raises(ValueError, match=r"y: expected classes below 3, .* found 3"):
        fanin.diagnose(module(nn.Linear(32, 3)), x, torch.from_numpy(Y))


def test_targets_and_samples_of_torch():
    x, y, t = (torch.from_numpy(array) for array in (X, Y, T))
    model, mse = module(nn.Linear(32, 1)), functional.mse_loss
    missing = t.clone()
    missing[5::29] = torch.nan
    finding = top(fanin.diagnose(model, x, missing, mse))
    assert (finding.kind, finding.layers) == ("non_finite_targets", ())
    names = run(finding.fix, x=x, y=missing, torch=torch)
    assert len(names["x"]) == len(names["y"]) == 128 - len(range(5, 128, 29))
    assert grave(fanin.diagnose(model, names["x"], names["y"], mse)) == []
    finding = top(fanin.diagnose(model, x, 3000 * t + 20000, mse))
    assert finding.kind == "target_scale"
    y_new = run(finding.fix, y=3000 * t + 20000)["y"]
    assert grave(fanin.diagnose(model, x, y_new, mse)) == []
    classes, again = module(nn.Linear(32, 4)), torch.arange(128) % 8
    assert grave(fanin.diagnose(classes, x[again], y[again]))[0][0] == "repeated_samples"
    assert grave(fanin.diagnose(classes, x, 0 * y + 1))[0][0] == "labels"


def test_frozen_and_dead_modules_of_torch():
    x, y, _ = (torch.from_numpy(array) for array in (X, Y, T))
    model = module(nn.Linear(32, 4), hidden=3)
    model[:6].requires_grad_(False)
    report = fanin.diagnose(model, x, y)
    assert report.healthy
    assert ("frozen", ("0", "2", "4")) in [(f.kind, f.layers) for f in report.findings]
    model.requires_grad_(False)
    finding = top(fanin.diagnose(model, x, y))
    assert (finding.kind, finding.severity) == ("frozen", "severe")
    run(finding.fix, model=model)
    assert all(parameter.requires_grad for parameter in model.parameters())
    with torch.no_grad():
        model[4].bias.sub_(100)
    finding = top(fanin.diagnose(model, x, y))
    assert (finding.kind, finding.layers) == ("dead", ("5",))
    assert ("constant_output", ("5",)) in [(f.kind, f.layers) for f in finding.effects]
    run(finding.fix, model=model)
    assert grave(fanin.diagnose(model, x, y)) == []


def test_zeros_in_torch_that_wake_up_are_sound():
    x, y, _ = (torch.from_numpy(array) for array in (X, Y, T))
    model = module(nn.Linear(32, 4))
    nn.init.zeros_(model[2].weight)
    assert grave(fanin.diagnose(model, x, y)) == []
