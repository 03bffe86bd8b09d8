"""Random graphs of several outputs: numbers against plain NumPy, gradients, bits."""

import fanin
import numpy as np
import pytest
from fanin import _core
from graphs import RandomGraph
from numerics import distance

SEEDS = range(1000, 1100)


def directions(graph, samples):
    shapes = [value.sample for value in graph.model.outputs]
    return [graph.rng.normal(size=(samples, *s)).astype(graph.dtype) for s in shapes]


def passed(graph, x, dy, training=False, threads=None):
    y, cache = graph.model.forward(x, training, threads=threads)
    dx, grads = graph.model.backward(dy, cache, threads=threads)
    return y, dx if isinstance(dx, list) else [dx], grads


@pytest.mark.parametrize("tens", range(SEEDS.start, SEEDS.stop, 10))
def test_random_graphs_are_what_numpy_makes_of_them(tens):
    for seed in range(tens, tens + 10):
        graph = RandomGraph(seed, several=True)
        x, dy = graph.samples(5), directions(graph, 5)
        for training in (False, True):
            expected, dx_expected, of_parameters = graph.reference(x, dy, training)
            y, dx, grads = passed(graph, x, dy, training)
            for mine, theirs in zip(y, expected, strict=True):
                assert distance(mine, theirs) < 1e-12, seed
            # All together: some are 0 but for rounding, such as that of a shift that a norm undoes.
            mine = [*dx, *grads.values()]
            theirs = [*dx_expected, *(of_parameters[name] for name in grads)]
            mine, theirs = [np.concatenate([a.ravel() for a in both]) for both in (mine, theirs)]
            assert distance(mine, theirs) < 1e-12, seed


def test_among_them_are_inner_values_inputs_and_values_twice():
    inner = given = twice = 0
    for seed in SEEDS:
        graph = RandomGraph(seed, several=True)
        read = {number for _, reads in graph.calls for number in reads}
        inner += any(end in read for end in graph.ends)
        given += any(end < len(graph.inputs) for end in graph.ends)
        twice += len(set(graph.ends)) < len(graph.ends)
    assert min(inner, given, twice) >= 10


def whole_loss(model, x, targets, weights, counts):
    """The sum of mean squared and absolute errors, by NumPy in float64."""
    total = 0.0
    outputs = [y.astype(float) for y in model.predict(x, verbose=0)]
    for place, (y, t, w) in enumerate(zip(outputs, targets, weights, strict=True)):
        error = (y - t) ** 2 if place % 2 == 0 else np.sqrt(1e-30 + (y - t) ** 2)
        rows = error.reshape(len(y), -1).mean(1)
        total += w * np.mean(counts * rows)
    return total


@pytest.mark.parametrize("tens", range(SEEDS.start, SEEDS.start + 50, 10))
def test_a_step_goes_down_the_gradient_of_the_weighted_sum(tens):
    for seed in range(tens, tens + 10):
        graph = RandomGraph(seed, several=True)
        model, x = graph.model, graph.samples(6)
        targets = directions(graph, 6)
        weights = [float(w) for w in graph.rng.uniform(0.5, 2, len(targets))]
        counts = graph.rng.uniform(0.5, 2, 6)
        # Statistics of the batch belong to training alone: those layers run as in inference.
        for layer in model.layers:
            if isinstance(layer, fanin.layers.BatchNormalization):
                layer.trainable = False
        losses = ["mse" if place % 2 == 0 else "mae" for place in range(len(targets))]
        model.compile(fanin.optimizers.SGD(1.0), losses, loss_weights=weights)
        found = model.evaluate(x, targets, sample_weight=counts, verbose=0)
        expected = whole_loss(model, x, targets, weights, counts)
        assert found[0] == pytest.approx(expected, rel=1e-12), seed
        start = model.params.copy()
        model.fit(x, targets, sample_weight=counts, batch_size=6, shuffle=False, verbose=0)
        step = start - model.params
        model.params[...] = start
        way, eps, ends = graph.rng.normal(size=start.shape), 1e-6, []
        way[step == 0] = 0  # what is not trained
        for sign in (1, -1):
            model.params[...] = start + sign * eps * way
            ends.append(whole_loss(model, x, targets, weights, counts))
        difference = (ends[0] - ends[1]) / (2 * eps)
        scale = np.abs(step * way).sum() + abs(ends[0])
        assert abs(step @ way - difference) < 1e-6 * max(scale, 1e-3), seed


def test_graphs_have_the_same_bits_for_any_number_of_threads_and_level():
    level = _core.simd_level()
    try:
        for seed in range(SEEDS.start, SEEDS.stop, 20):
            expected = None
            for name in ("baseline", "avx2", "avx512"):
                _core.set_simd_level(name)
                for threads in (1, 2, 3):
                    graph = RandomGraph(seed, "float32", several=True)
                    x, dy = graph.samples(300), directions(graph, 300)
                    y, dx, grads = passed(graph, x, dy, False, threads)
                    graph.model.compile("adam", "mse", metrics=[["mae"]] * len(dy))
                    logs = graph.model.fit(x, dy, verbose=0, rng=0, threads=threads).history
                    found = [a.tobytes() for a in (*y, *dx, *grads.values())]
                    found += [repr([*logs.values()]), graph.model.params.tobytes()]
                    expected = expected or found
                    assert found == expected, (seed, name, threads)
    finally:
        _core.set_simd_level(level)


@pytest.mark.parametrize("tens", range(SEEDS.start, SEEDS.stop, 10))
def test_folding_normalizations_leaves_every_output_as_it_was(tens):
    for seed in range(tens, tens + 10):
        graph = RandomGraph(seed, several=True)
        x = graph.samples(7)
        for role, array in graph.model.named_weights():
            if role.rsplit("/")[-1].startswith(("gamma", "moving_variance")):
                array[...] = graph.rng.uniform(0.5, 2.0, array.shape)
        folded = fanin.fold_batch_norm(graph.model)
        before, after = (model.predict(x, verbose=0) for model in (graph.model, folded))
        for mine, theirs in zip(after, before, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-9, err_msg=str(seed))


def parts(outputs):
    return [*outputs.values()] if isinstance(outputs, dict) else outputs


@pytest.mark.parametrize(
    ("outputs", "left"),
    [
        (lambda hidden, norm: [hidden, norm], 1),
        (lambda hidden, norm: [norm, fanin.layers.Dense(2)(hidden)], 1),
        (lambda hidden, norm: {"u": norm, "v": fanin.layers.Dense(2)(norm)}, 0),
        (lambda hidden, norm: (norm, norm), 0),
    ],
)
def test_what_is_an_output_too_is_not_folded(outputs, left):
    inputs = fanin.Input((8,))
    hidden = fanin.layers.Dense(5)(inputs)
    model = fanin.Model(inputs, outputs(hidden, fanin.layers.BatchNormalization()(hidden)), rng=0)
    x = np.random.default_rng(0).normal(size=(64, 8))
    model.recalibrate(x)
    folded = fanin.fold_batch_norm(model)
    kinds = [type(layer).__name__ for layer in folded.layers]
    assert kinds.count("BatchNormalization") == left
    before, after = (each.predict(x, verbose=0) for each in (model, folded))
    assert type(after) is type(before)
    for mine, theirs in zip(parts(after), parts(before), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_statistics_of_normalizations_are_those_of_one_output():
    """An output more is nothing to them."""

    def network(several):
        inputs = fanin.Input((8,))
        hidden = fanin.layers.Dense(5, name="first")(inputs)
        end = fanin.layers.Dense(2, name="last")(
            fanin.layers.BatchNormalization(name="norm")(hidden)
        )
        return fanin.Model(inputs, [end, hidden] if several else end, rng=0)

    x = np.random.default_rng(0).normal(size=(64, 8))
    one, two = network(several=False), network(several=True)
    two.set_weights(one.get_weights())
    for model in (one, two):
        model.recalibrate(x)
    assert all(map(np.array_equal, one.get_weights(), two.get_weights()))
    reports = [fanin.batch_norm_report(model, x) for model in (one, two)]
    assert [str(report) for report in reports] == [str(reports[0])] * 2
