"""`TensorBoard` and `SwapEMAWeights`: what is in the files, and which weights are evaluated."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin import callbacks
from fanin.callbacks import SwapEMAWeights, TensorBoard
from fanin.layers import BatchNormalization, Dense
from refusals import assert_refused

RNG = np.random.default_rng(0)
X = RNG.normal(size=(48, 4))
Y = X[:, :1] * X[:, 1:2]
VALIDATION = (X[:16], Y[:16])


def network(optimizer="adam", **options):
    layers = [Dense(8, "tanh", name="first"), BatchNormalization(name="norm"), Dense(1, name="end")]
    model = fanin.Sequential(layers, rng=0)
    model.compile(optimizer, "mse", metrics=["mae"], **options)
    return model


def events(folder):
    """Return what the files of a folder hold: numbers and histograms by tag and step, graphs."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.graph_pb2 import GraphDef

    numbers, histograms, graphs = {}, {}, []
    for path in sorted(folder.iterdir()):
        data, place = path.read_bytes(), 0
        while place < len(data):
            length = int.from_bytes(data[place : place + 8], "little")
            event = Event.FromString(data[place + 12 : place + 12 + length])
            place += length + 16
            if event.graph_def:
                graphs.append(GraphDef.FromString(event.graph_def))
            for value in event.summary.value:
                if value.histo.num:
                    histograms[value.tag, event.step] = value.histo
                else:
                    numbers[value.tag, event.step] = value.simple_value
    return numbers, histograms, graphs


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("tensorboardX")
    return tmp_path / "runs" / "first"


def test_the_files_have_the_values_of_epochs_as_keras_names_them(folder):
    model = network()
    schedule = fanin.optimizers.schedules.ExponentialDecay(0.01, 3, 0.5)
    model.compile(fanin.optimizers.Adam(schedule), "mse", metrics=["mae"])
    history = model.fit(
        X,
        Y,
        epochs=3,
        batch_size=16,
        validation_data=VALIDATION,
        verbose=0,
        callbacks=[TensorBoard(folder, write_steps_per_second=True)],
    ).history
    train, histograms, _ = events(folder / "train")
    validation, _, _ = events(folder / "validation")
    assert histograms == {}
    for epoch in range(3):
        for name in ("loss", "mae"):
            assert train[f"epoch_{name}", epoch] == np.float32(history[name][epoch])
            found = validation[f"epoch_{name}", epoch]
            assert found == np.float32(history[f"val_{name}"][epoch])
            found = validation[f"evaluation_{name}_vs_iterations", 3 * (epoch + 1)]
            assert found == np.float32(history[f"val_{name}"][epoch])
        rate = train["epoch_learning_rate", epoch]
        assert rate == np.float32(schedule(3 * (epoch + 1)))
        assert train["epoch_steps_per_second", epoch] > 0
    assert not [tag for tag, _ in train if tag.startswith("batch_")]


def test_histograms_are_those_of_the_weights_every_so_many_epochs(folder):
    model = network()
    kept = []
    look = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(model.layers[0].kernel.copy())
    )
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[TensorBoard(folder, histogram_freq=2), look])
    _, histograms, _ = events(folder / "train")
    roles = ["first/kernel", "first/bias", "norm/gamma", "norm/moving_variance", "end/kernel"]
    for role in roles:
        assert [step for tag, step in histograms if tag == f"{role}/histogram"] == [0, 2]
    for epoch in (0, 2):
        found = histograms["first/kernel/histogram", epoch]
        assert found.num == kept[epoch].size
        assert (found.min, found.max) == (kept[epoch].min(), kept[epoch].max())
        assert sum(found.bucket) == kept[epoch].size


def test_a_graph_says_which_layer_reads_which(folder):
    inputs = fanin.Input((4,), name="given")
    one, other = Dense(3, name="one")(inputs), Dense(3, name="other")(inputs)
    model = fanin.Model(inputs, fanin.layers.Add(name="sum")([one, other]), rng=0)
    model.compile("sgd", "mse")
    model.fit(X, X[:, :3], verbose=0, callbacks=[TensorBoard(folder)])
    network().fit(X, Y, verbose=0, callbacks=[TensorBoard(folder.parent / "row")])
    _, _, (graph,) = events(folder / "train")
    _, _, (row,) = events(folder.parent / "row" / "train")
    found = {node.name: (node.op, [*node.input]) for node in graph.node}
    assert found == {
        "given": ("InputLayer", []),
        "one": ("Dense", ["given"]),
        "other": ("Dense", ["given"]),
        "sum": ("Add", ["one", "other"]),
    }
    assert [(node.name, [*node.input]) for node in row.node] == [
        ("first", []),
        ("norm", ["first"]),
        ("end", ["norm"]),
    ]
    network().fit(X, Y, verbose=0, callbacks=[TensorBoard(folder.parent / "b", write_graph=False)])
    assert events(folder.parent / "b" / "train")[2] == []


@pytest.mark.parametrize(("freq", "steps"), [("batch", range(1, 7)), (2, (2, 4, 6)), (4, (4,))])
def test_batches_are_written_every_so_many_steps(folder, freq, steps):
    model, means = network(), {}

    def keep(batch, logs):
        means[model.optimizer.iterations] = logs["loss"]

    for watch in ([], [callbacks.LambdaCallback(on_train_batch_end=keep)]):
        model = network()
        board = TensorBoard(folder / str(len(watch)), update_freq=freq)
        model.fit(
            X, Y, epochs=2, batch_size=16, shuffle=False, verbose=0, callbacks=[board, *watch]
        )
    for part in ("0", "1"):
        train, _, _ = events(folder / part / "train")
        found = {step: value for (tag, step), value in train.items() if tag == "batch_loss"}
        assert [*found] == [*steps]
        assert all(value == np.float32(means[step]) for step, value in found.items())


def test_training_is_the_same_with_it_and_files_are_added_to_files(folder):
    plain, watched = network(), network()
    board = TensorBoard(folder, histogram_freq=1, update_freq="batch")
    for _ in range(2):
        plain.fit(X, Y, epochs=2, verbose=0)
        watched.fit(X, Y, epochs=2, verbose=0, callbacks=[board])
    assert np.array_equal(plain.params, watched.params)
    assert len([*(folder / "train").iterdir()]) == 2
    for twin in (copy.deepcopy(board), pickle.loads(pickle.dumps(TensorBoard(folder)))):
        assert twin.log_dir == str(folder)
    watched.evaluate(X, Y, verbose=0, callbacks=[board])
    validation, _, _ = events(folder / "validation")
    assert ("evaluation_loss_vs_iterations", 8) in validation


def test_what_is_not_finite_has_no_histogram(folder):
    model = network(fanin.optimizers.SGD(1e30))
    with np.errstate(all="ignore"):
        model.fit(X, Y, epochs=2, verbose=0, callbacks=[TensorBoard(folder, histogram_freq=1)])
    train, _, _ = events(folder / "train")
    assert not np.isfinite(train["epoch_loss", 1])


def test_a_folder_that_cannot_be_written_is_refused_before_training(folder, tmp_path):
    (tmp_path / "file").write_text("")
    model = network()
    model.build((None, 4))
    before = model.params.copy()
    for path in (tmp_path / "file", tmp_path / "file" / "within" / "it"):
        words = ["log_dir: expected a folder that can be written into", str(path)]
        board = TensorBoard(path)
        assert_refused(lambda b=board: model.fit(X, Y, verbose=0, callbacks=[b]), OSError, *words)
    assert np.array_equal(model.params, before)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"write_images": True}, ValueError, ["write_images: expected nothing", "histogram_freq"]),
        ({"profile_batch": 2}, ValueError, ["profile_batch: expected nothing", "2"]),
        ({"embeddings_freq": 1}, ValueError, ["embeddings_freq: expected nothing", "1"]),
        ({"embeddings_metadata": "m.tsv"}, ValueError, ["embeddings_metadata", "m.tsv"]),
        ({"update_freq": "step"}, ValueError, ["update_freq", "'step'"]),
        ({"update_freq": 0}, ValueError, ["update_freq", "0"]),
        ({"histogram_freq": -1}, ValueError, ["histogram_freq", "-1"]),
        ({"log_dir": 3}, TypeError, ["log_dir", "3"]),
    ],
)
def test_what_tensorboard_refuses(options, kind, words):
    assert_refused(lambda: TensorBoard(**options), kind, *words)


# SwapEMAWeights.


def averaging():
    return network(fanin.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.9))


def test_validations_are_those_of_the_average_and_training_goes_on_with_the_weights():
    plain, swapped, found = averaging(), averaging(), []

    def look(epoch, logs):
        twin = copy.deepcopy(plain)
        twin.params[...] = plain.slots["average"]
        found.append(twin.evaluate(*VALIDATION, verbose=0))

    options = {"epochs": 3, "verbose": 0, "validation_data": VALIDATION}
    watch = callbacks.LambdaCallback(on_epoch_end=look)
    usual = plain.fit(X, Y, callbacks=[watch], **options).history
    history = swapped.fit(X, Y, callbacks=[SwapEMAWeights()], **options).history
    assert [*zip(history["val_loss"], history["val_mae"], strict=True)] == [*map(tuple, found)]
    assert history["loss"] == usual["loss"]
    assert history["val_loss"] != usual["val_loss"]
    assert np.array_equal(plain.params, swapped.params)
    assert np.array_equal(plain.slots["average"], swapped.slots["average"])


@pytest.mark.parametrize("stop", [None, 1])
def test_between_epochs_the_model_has_the_average_if_asked(stop, tmp_path):
    plain, swapped = averaging(), averaging()
    averages = []

    def look(epoch, logs):
        assert np.array_equal(swapped.params, swapped.slots["average"])
        averages.append(swapped.params.copy())
        swapped.stop_training = epoch == stop

    watch = callbacks.LambdaCallback(on_epoch_end=look)
    saved = callbacks.ModelCheckpoint(tmp_path / "model.npz")
    swapped.fit(X, Y, epochs=3, verbose=0, callbacks=[SwapEMAWeights(True), saved, watch])
    plain.fit(X, Y, epochs=len(averages), verbose=0)
    assert np.array_equal(plain.params, swapped.params)
    again = fanin.models.load_model(tmp_path / "model.npz")
    assert np.array_equal(again.params, averages[-1])


def test_evaluate_and_predict_take_it_and_put_the_weights_back():
    model = averaging()
    model.fit(X, Y, epochs=2, verbose=0)
    average = model.params.copy()
    expected = model.evaluate(X, Y, verbose=0), model.predict(X, verbose=0)
    model.params[...] += 1.0
    before = model.params.copy()
    swap = SwapEMAWeights()
    assert model.evaluate(X, Y, verbose=0, callbacks=[swap]) == expected[0]
    assert np.array_equal(model.predict(X, verbose=0, callbacks=[swap]), expected[1])
    assert np.array_equal(model.params, before)
    assert not np.array_equal(before, average)


@pytest.mark.parametrize("hook", ["on_test_begin", "on_test_batch_end", "on_predict_batch_end"])
def test_an_evaluation_that_fails_leaves_the_weights(hook):
    model = averaging()
    model.fit(X, Y, verbose=0)
    model.params[...] += 1.0
    before = model.params.copy()

    def fail(*_):
        raise KeyboardInterrupt

    given = [SwapEMAWeights(), callbacks.LambdaCallback(**{hook: fail})]
    call = model.predict if "predict" in hook else model.evaluate
    with pytest.raises(KeyboardInterrupt):
        call(X, *([] if "predict" in hook else [Y]), verbose=0, callbacks=given)
    assert np.array_equal(model.params, before)


def test_frozen_layers_keep_their_weights():
    model = averaging()
    model.layers[0].trainable = False
    model.compile(fanin.optimizers.Adam(0.02, use_ema=True), "mse")
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[SwapEMAWeights(True)])
    other = averaging()
    other.build((None, 4))
    assert np.array_equal(model.layers[0].kernel, other.layers[0].kernel)


def test_without_an_average_it_is_refused():
    model = network()
    swap, words = SwapEMAWeights(), ["SwapEMAWeights: expected an optimizer with use_ema=True"]
    assert_refused(lambda: model.fit(X, Y, verbose=0, callbacks=[swap]), ValueError, *words)
    model.build((None, 4))
    given = {"verbose": 0, "callbacks": [swap]}
    assert_refused(lambda: model.evaluate(X, Y, **given), ValueError, *words)
    assert_refused(lambda: model.predict(X, **given), ValueError, *words)
