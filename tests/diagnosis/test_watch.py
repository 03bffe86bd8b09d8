"""`fanin.watch` in loops of torch: numbers of autograd by hand, and nothing left behind."""

import copy
import pickle
import warnings

import fanin
import numpy as np
import pytest

torch = pytest.importorskip("torch")
nn, functional = torch.nn, torch.nn.functional

X = torch.randn(48, 6, generator=torch.Generator().manual_seed(0))
Y = torch.randint(0, 3, (48,), generator=torch.Generator().manual_seed(1))


def network(*middle):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 16), *(middle or (nn.ReLU(),)), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 3)
    )


def norms():
    return network(nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2))


def loop(model, steps=6, watch=None, optimizer=None, x=X, y=Y, after=None):
    optimizer = optimizer or torch.optim.Adam(model.parameters(), 0.01)
    torch.manual_seed(1)
    for _ in range(steps):
        optimizer.zero_grad()
        functional.cross_entropy(model(x).float(), y).backward()
        optimizer.step()
        if after is not None:
            after(optimizer)
        if watch is not None:
            watch.step()
    return model


def rms(tensor):
    return float(tensor.detach().double().square().mean().sqrt())


def left_behind(model):
    """Return all hooks of a model and of its parameters, its modes, and what is trained."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks",
             "_forward_hooks_always_called", "_forward_pre_hooks_with_kwargs",
             "_forward_hooks_with_kwargs")  # fmt: skip
    of_modules = [[dict(getattr(m, name)) for name in hooks] for m in model.modules()]
    of_parameters = [
        (p._backward_hooks, p._post_accumulate_grad_hooks, p.requires_grad)
        for p in model.parameters()
    ]
    inside = [
        (m.training, getattr(m, "inplace", None), sorted(m.__dict__)) for m in model.modules()
    ]
    return of_modules, of_parameters, inside


@pytest.mark.parametrize("every", [None, 1, 3, 1000])
def test_training_gives_the_same_bits_and_nothing_is_left(every):
    alone, watched = loop(norms()), norms()
    before = left_behind(watched)
    with fanin.watch(watched, every=every) as watch:
        loop(watched, watch=watch)
        state = torch.get_rng_state()
    assert left_behind(watched) == before
    assert torch.equal(torch.get_rng_state(), state)
    assert watch.signals.steps[0] == 0
    for a, b in zip(alone.state_dict().values(), watched.state_dict().values(), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(alone.parameters(), watched.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


@pytest.mark.parametrize("place", ["forward", "backward", "before step()", "a module inside"])
def test_a_loop_that_raises_leaves_nothing(place):
    class Breaks(nn.Module):
        def forward(self, x):
            raise ArithmeticError(place)

    model = network(nn.ReLU(inplace=True), *([Breaks()] if place == "a module inside" else []))
    before = left_behind(model)
    watch = fanin.watch(model, every=1)

    def broken():
        with watch:
            if place == "forward":
                raise ArithmeticError
            loss = model(X).sum()
            if place == "backward":
                raise ArithmeticError
            loss.backward()
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        broken()
    assert left_behind(model) == before
    with pytest.raises(ValueError, match="closed"):
        watch.step()


def test_a_pass_that_raises_inside_a_loop_that_goes_on_is_not_recorded():
    model = network()
    with fanin.watch(model, every=1) as watch:
        with pytest.raises(RuntimeError):
            model(X[:, :3])
        loop(model, 2, watch)
    assert watch.signals.steps == [0, 1]
    assert watch.signals.layers == ["0", "1", "2", "3", "4"]


def test_numbers_are_those_of_autograd():
    model, reference = network(), network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    with fanin.watch(model, every=1) as watch:
        loop(model, 1, watch, optimizer)
    first, relu, second, tanh, last = reference
    z1 = first(X)
    h1 = relu(z1)
    z2 = second(h1)
    h2 = tanh(z2)
    out = last(h2)
    loss = functional.cross_entropy(out, Y)
    back = torch.autograd.grad(loss, [z1, h1, z2, h2, out, second.weight], retain_graph=True)
    signals = watch.signals

    def of(statistic, layer):
        return signals[statistic][0, signals.layers.index(layer)]

    for layer, value, gradient in (("0", z1, back[0]), ("2", z2, back[2]), ("4", out, back[4])):
        assert of("std", layer) == pytest.approx(float(value.detach().std(correction=0)), rel=1e-5)
        assert of("mean", layer) == pytest.approx(float(value.detach().mean()), rel=1e-4, abs=1e-6)
        assert of("gradient", layer) == pytest.approx(48 * rms(gradient), rel=1e-5)
    assert of("gradient", "1") == pytest.approx(48 * rms(back[0]), rel=1e-5)
    assert of("saturated", "3") == pytest.approx(float((1 - h2**2 < 0.1).float().mean()))
    assert of("dead", "1") == pytest.approx(float((h1 == 0).all(0).float().mean()))
    assert of("ratio", "2") == pytest.approx(rms(back[5]) / rms(second.weight), rel=1e-5)
    # The first step of gradient descent is the gradient by the learning rate.
    assert of("update", "2") == pytest.approx(0.1 * rms(back[5]) / rms(second.weight), rel=1e-4)
    assert of("noise", "2") == pytest.approx(noise(reference, second.weight), rel=1e-3)


def noise(model, weight, x=X, y=Y):
    """Return the simple noise scale from the gradient of every sample, one by one."""
    rows = [
        torch.autograd.grad(functional.cross_entropy(model(x[i : i + 1]), y[i : i + 1]), weight)[0]
        for i in range(len(x))
    ]
    rows = torch.stack(rows).double().reshape(len(x), -1)
    mean = rows.mean(0)
    covariance = float((rows - mean).square().sum() / (len(x) - 1))
    squared = float(mean.square().sum()) - covariance / len(x)
    return covariance / squared if squared > 0 else np.inf


@pytest.mark.parametrize("length", [2, 40])
def test_noise_of_samples_of_several_rows(length):
    class Mean(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.outer = nn.Linear(6, 5), nn.Linear(5, 3)

        def forward(self, x):
            return self.outer(self.inner(x).tanh()).mean(1)

    torch.manual_seed(0)
    model, x = Mean(), X.reshape(-1, 1, 6) + 0.5 * torch.randn(48, length, 6)
    y = (x.mean((1, 2)) > 0).long()
    with fanin.watch(model, every=1) as watch:
        functional.cross_entropy(model(x), y).backward()
        watch.step()
    found = watch.signals["noise"][0, watch.signals.layers.index("inner")]
    assert found == pytest.approx(noise(model, model.inner.weight, x, y), rel=1e-3)


@pytest.mark.parametrize("inplace", [False, True])
def test_modules_in_place_have_the_same_figures(inplace):
    found = []
    for flag in (False, inplace):
        model = network(nn.ELU(inplace=flag), nn.Dropout(0.0, inplace=flag))
        with fanin.watch(model, every=1) as watch:
            loop(model, 2, watch)
        found.append(watch.signals)
    assert found[0].layers == found[1].layers
    for statistic in found[0].values:
        # torch's own backward of ELU in place rounds otherwise.
        np.testing.assert_allclose(found[0][statistic], found[1][statistic], rtol=1e-4)


def test_activations_that_are_functions_get_a_row():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 8), nn.Linear(8, 3)

        def forward(self, inputs):
            return self.b(torch.relu(self.a(inputs["x"])))

    torch.manual_seed(0)
    model = Net()
    model.a.bias.data[:2] = -100.0
    with fanin.watch(model, every=1) as watch:
        functional.cross_entropy(model({"x": X}), Y).backward()
        watch.step()
    assert watch.signals.layers == ["a", "relu(a)", "b"]
    assert watch.signals["dead"][0, 1] == pytest.approx(2 / 8)
    assert np.isfinite(watch.signals["gradient"]).all()


def test_findings_are_those_of_diagnose():
    model = nn.Sequential(*[part for _ in range(6) for part in (nn.Linear(6, 6), nn.Tanh())])
    for module in model[::2]:
        module.weight.data *= 0.05
    report = fanin.diagnose(model, X, X, nn.functional.mse_loss)
    with fanin.watch(model, every=1) as watch:
        functional.mse_loss(model(X), X).backward()
        watch.step()
    found = {(f.kind, f.layers) for f in watch.findings}
    assert found <= {(f.kind, f.layers) for f in report.findings}
    assert "vanishing" in {kind for kind, _ in found}
    assert "vanishing" in str(watch)


def test_a_sound_network_is_not_warned():
    torch.manual_seed(0)
    model = nn.Sequential(
        *[nn.Linear(6, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 32), nn.BatchNorm1d(32)],
        *[nn.ReLU(), nn.Linear(32, 3)],
    )
    with fanin.watch(model, every=2) as watch:
        loop(model, 20, watch)
    assert [f for found in watch.signals.findings for f in found if f.severity != "note"] == []


def test_gathered_batches_count_as_one_step():
    model, twin = network(), network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with fanin.watch(model, every=1) as watch:
        for part in (slice(0, 24), slice(24, 48)):
            (functional.cross_entropy(model(X[part]), Y[part]) / 2).backward()
        optimizer.step()
        optimizer.zero_grad()
        watch.step()
    gradient = torch.autograd.grad(functional.cross_entropy(twin(X), Y), twin[2].weight)[0]
    place = watch.signals.layers.index("2")
    expected = rms(gradient) / rms(twin[2].weight)
    assert watch.signals.steps == [0]
    assert watch.signals["ratio"][0, place] == pytest.approx(expected, rel=1e-4)
    assert watch.signals["update"][0, place] == pytest.approx(0.1 * expected, rel=1e-3)


def test_losses_that_are_scaled_are_scaled_back():
    found = []
    for scale in (1.0, 1024.0):
        model = network()
        with fanin.watch(model, every=1) as watch:
            (functional.cross_entropy(model(X), Y) * scale).backward()
            watch.step(scale=scale)
        found.append(watch.signals)
    for statistic in ("gradient", "ratio", "noise"):
        np.testing.assert_allclose(found[0][statistic], found[1][statistic], rtol=1e-4)
    with pytest.raises(ValueError, match="scale"):
        watch.step(scale=0.0)


def test_a_closure_of_lbfgs():
    model = network()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=5)

    def closure():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(X), Y)
        loss.backward()
        return loss

    with fanin.watch(model, every=1) as watch:
        for _ in range(2):
            was = model[0].weight.detach().clone()
            optimizer.step(closure)
            watch.step()
    assert watch.signals.steps == [0, 1]
    assert watch.signals["update"][1, 0] == pytest.approx(
        rms(model[0].weight - was) / rms(was), rel=1e-5
    )


def test_steps_without_a_pass_back_and_passes_without_gradients():
    model = network()
    with fanin.watch(model, every=1) as watch:
        model(X)
        watch.step()
        with torch.no_grad():
            model(X)
        watch.step()
        loop(model, 1, watch)
    assert watch.steps == 3
    assert watch.signals.steps == [0, 2]
    assert np.isnan(watch.signals["gradient"][0]).all()
    assert np.isfinite(watch.signals["gradient"][1]).all()


def test_frozen_parts_stay_frozen():
    model = network()
    model[0].requires_grad_(False)
    before = left_behind(model)
    with fanin.watch(model, every=1) as watch:
        loop(model, 1, watch)
    assert left_behind(model) == before
    assert model[0].weight.grad is None
    assert np.isnan(watch.signals["update"][0, 0])
    assert np.isnan(watch.signals["gradient"][0, 0])
    assert watch.signals["update"][0, 2] > 0


def test_shared_modules_have_a_row_a_call():
    torch.manual_seed(0)
    shared, act = nn.Linear(6, 6), nn.Tanh()
    model = nn.Sequential(shared, act, shared, act, nn.Linear(6, 3))
    with fanin.watch(model, every=1) as watch:
        loop(model, 1, watch)
    assert watch.signals.layers == ["0", "1", "0 (2)", "1 (2)", "4"]
    ratio = watch.signals["ratio"][0]
    assert ratio[0] == ratio[2]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_precisions(dtype):
    model = network().to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with fanin.watch(model, every=1) as watch:
        loop(model, 1, watch, optimizer, x=X.to(dtype))
    reference = network()
    with fanin.watch(reference, every=1) as other:
        loop(reference, 1, other, torch.optim.SGD(reference.parameters(), 0.1))
    for statistic in ("std", "gradient", "ratio"):
        np.testing.assert_allclose(watch.signals[statistic], other.signals[statistic], rtol=0.05)


def test_sparse_gradients_and_tokens():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(9, 4, sparse=True), nn.Flatten(), nn.Linear(12, 3))
    tokens = torch.randint(0, 9, (48, 3))
    with fanin.watch(model, every=1) as watch:
        loop(model, 2, watch, torch.optim.SGD(model.parameters(), 0.1), x=tokens)
    assert watch.signals.layers == ["2"]
    assert np.isfinite(watch.signals["noise"]).all() or (watch.signals["noise"] > 0).all()


def test_diverging_is_recorded_and_found():
    model = network()
    model[0].weight.data[0, 0] = float("nan")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fanin.watch(model, every=1) as watch:
            loop(model, 2, watch)
    assert watch.findings[0].kind == "non_finite"
    assert "severe non_finite, step 0 to 1" in str(watch)


def test_watches_inside_one_another_see_the_same():
    model = network()
    before = left_behind(model)
    with fanin.watch(model, every=1) as outer, fanin.watch(model, every=1) as inner:
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        for _ in range(3):
            optimizer.zero_grad()
            functional.cross_entropy(model(X), Y).backward()
            optimizer.step()
            outer.step()
            inner.step()
    assert left_behind(model) == before
    with fanin.watch(model, every=1) as again:
        loop(model, 1, again)
    assert left_behind(model) == before
    for statistic in outer.signals.values:
        np.testing.assert_array_equal(outer.signals[statistic], inner.signals[statistic])


def test_copies_of_a_watched_model_are_not_watched():
    model = network()
    with fanin.watch(model, every=1) as watch:
        for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            loop(copied, 1)
        loop(model, 1, watch)
    assert watch.signals.steps == [0]


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_what_hooks_do_not_see_is_refused():
    model = network()
    compiled = torch.compile(model, backend="eager")
    before = left_behind(model)
    with pytest.raises(ValueError, match=r"torch\.compile"):
        fanin.watch(compiled)
    with pytest.raises(ValueError, match="found 0 of type RecursiveScriptModule"):
        fanin.watch(nn.Sequential(torch.jit.script(nn.Linear(2, 2))))
    with pytest.raises(ValueError, match="found one of type DataParallel"):
        fanin.watch(nn.DataParallel(model))
    with pytest.raises(ValueError, match=r"0\.weight, which has no shape"):
        fanin.watch(nn.Sequential(nn.LazyLinear(3)))
    with pytest.raises(ValueError, match="which has no memory"):
        fanin.watch(nn.Linear(2, 2, device="meta"))
    with pytest.raises(ValueError, match="every"):
        fanin.watch(model, every=0)
    assert left_behind(model) == before


def test_watches_that_saw_nothing_say_why():
    model = network()
    with pytest.warns(UserWarning, match=r"step\(\) was not called"), fanin.watch(model):
        loop(model, 2)
    watch = fanin.watch(model)
    model[0](X)
    watch.step()
    with pytest.warns(UserWarning, match="call the model itself"):
        watch.__exit__(None, None, None)
    assert "0 records" in repr(watch)


def test_the_budget_is_kept():
    model = network()
    with fanin.watch(model, cost=1e-9) as watch:
        loop(model, 20, watch)
    assert watch.signals.steps == [0]


def test_a_single_module_and_recomputed_parts():
    from torch.utils.checkpoint import checkpoint

    model = nn.Linear(6, 3)
    with fanin.watch(model, every=1) as watch:
        loop(model, 1, watch)
    assert watch.signals.layers == ["Linear"]

    class Recomputed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.rest = nn.Linear(6, 8), nn.Sequential(nn.Tanh(), nn.Linear(8, 3))

        def forward(self, x):
            return checkpoint(self.rest, self.first(x), use_reentrant=False)

    model = Recomputed()
    with fanin.watch(model, every=1) as watch:
        loop(model, 2, watch)
    assert watch.signals.layers == ["first", "rest.0", "rest.1"]
    assert np.isfinite(watch.signals["gradient"]).all()


def test_displays_and_exports(tmp_path):
    model = network()
    with fanin.watch(model, every=2) as watch:
        loop(model, 6, watch)
    assert repr(watch) == (
        "Watch(Sequential, 6 steps, closed, 5 layers, 3 records, from step 0 to 4)"
    )
    assert "update" in str(watch)
    assert "<table" in watch._repr_html_()
    pytest.importorskip("matplotlib")
    titles = [axis.get_title(loc="left") for axis in watch.plot().axes]
    assert "rms of a step / kernel" in titles
