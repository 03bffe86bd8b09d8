"""A network that one thread trains and others use: these see it as it is after some whole batch.

What they see beside a training is compared, bit by bit, with what is seen after each batch of the
same training once more. Nothing is timed: training goes on until the others have seen enough of it.
"""

import copy
import hashlib
import json
import pickle
import threading

import fanin
import numpy as np
import pytest
from fanin import _core
from fanin.callbacks import Callback
from fanin.layers import BatchNormalization, Dense, Dropout, Input
from fanin.normalization import batch_norm_report, fold_batch_norm
from refusals import assert_refused

RNG = np.random.default_rng(0)
X = RNG.normal(size=(192, 24)).astype("float32")
Y = RNG.integers(0, 4, len(X))
BATCH = 64
ENOUGH = 3
"""How many different states each reader has to see between the first and the last one."""


@fanin.utils.register_keras_serializable()
class OwnLoss(fanin.losses.Loss):
    """Squares, by Python."""

    def value_and_gradient(self, y_true, y_pred):
        error = y_pred - np.eye(4, dtype=y_pred.dtype)[y_true]
        return float(np.square(error).mean()), 2 * error / error.size


def network(own_loss=False, seed=3):
    layers = [
        Input((24,)),
        Dense(96, "relu", name="first"),
        BatchNormalization(momentum=0.6, name="normal"),
        Dropout(0.1, name="drop"),
        Dense(64, "tanh", name="second"),
        Dense(4, "softmax", name="last"),
    ]
    model = fanin.Sequential(layers, "network", rng=seed)
    loss = OwnLoss() if own_loss else "sparse_categorical_crossentropy"
    model.compile("adam", loss, metrics=[] if own_loss else ["accuracy"])
    return model


def digest(*parts):
    whole = hashlib.sha256()
    for part in parts:
        array = np.ascontiguousarray(part)
        whole.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    return whole.hexdigest()


def of_model(model):
    """All that a copy holds: also the optimizer's arrays and its steps belong to the batch."""
    compiled = model.compiled_with
    slots = [] if compiled.slots is None else [compiled.slots]
    return digest(model.params, model.state, compiled.iterations, *slots)


def saved(model, folder):
    path = folder / f"{threading.get_ident()}.npz"
    model.save(path)
    with np.load(path) as file:
        steps, _ = json.loads(file["config"].tobytes())["done"]
        return digest(steps, *(file[name] for name in sorted(file.files) if name != "config"))


def weights_saved(model, folder):
    path = folder / f"w{threading.get_ident()}.npz"
    model.save_weights(path)
    with np.load(path) as file:
        return digest(*(file[name] for name in sorted(file.files)))


class ByBatch(Callback):
    def on_test_batch_end(self, batch, logs=None):
        pass

    def on_predict_batch_end(self, batch, logs=None):
        pass


# What a reader sees, as a function of one state of the network.
READERS = {
    "predict": lambda model, _: digest(model.predict(X[:16], verbose=0)),
    "call": lambda model, _: digest(model(X[:16])),
    "predict by batches": lambda model, _: digest(
        model.predict(X[:48], 16, verbose=0, callbacks=[ByBatch()])
    ),
    "evaluate": lambda model, _: digest(model.evaluate(X[:64], Y[:64], 16, verbose=0)),
    "evaluate by batches": lambda model, _: digest(
        model.evaluate(X[:48], Y[:48], 16, verbose=0, callbacks=[ByBatch()])
    ),
    "test_on_batch": lambda model, _: digest(model.test_on_batch(X[:64], Y[:64])),
    "predict_on_batch": lambda model, _: digest(model.predict_on_batch(X[:16])),
    "get_weights": lambda model, _: digest(*model.get_weights()),
    "get_weights of a layer": lambda model, _: digest(*model.layers[1].get_weights()),
    "call of a layer": lambda model, _: digest(model.layers[0](X[:16])),
    "deepcopy": lambda model, _: of_model(copy.deepcopy(model)),
    "pickle": lambda model, _: of_model(pickle.loads(pickle.dumps(model))),
    "deepcopy of a layer": lambda model, _: digest(*copy.deepcopy(model.layers[1]).weights),
    "save": saved,
    "save_weights": weights_saved,
    "diagnose": lambda model, _: digest(np.array(str(fanin.diagnose(model, X[:16], Y[:16])))),
    "fold_batch_norm": lambda model, _: digest(fold_batch_norm(model).params),
    "batch_norm_report": lambda model, _: digest(np.array(str(batch_norm_report(model, X)))),
}


class Watch(Callback):
    """What is seen after each batch, and before the first one."""

    def __init__(self, look):
        super().__init__()
        self.look, self.seen = look, []

    def on_train_begin(self, logs=None):
        self.seen.append(self.look(self.model))

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(self.look(self.model))


def fit(model, callbacks=()):
    model.fit(X, Y, batch_size=BATCH, epochs=4, verbose=0, callbacks=list(callbacks))


def fit_two(model, callbacks=()):
    if callbacks:  # what `fit_many` makes of a network is what `fit` does
        return fit(model, callbacks)
    other = network(seed=8)
    fanin.fit_many([other, model], X, Y, batch_size=BATCH, epochs=4, verbose=0)


TRAININGS = {"fit": (fit, False), "fit_many": (fit_two, False), "a loss in Python": (fit, True)}


def in_thread(work):
    """Do something in another thread; what it raises is raised here."""
    done = []

    def run():
        try:
            done.append((work(), None))
        except BaseException as error:
            done.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    ((result, error),) = done
    if error is not None:
        raise error
    return result


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("reader", READERS)
def test_readers_see_whole_batches(reader, training, tmp_path):
    train, own_loss = TRAININGS[training]
    look = READERS[reader]
    model, seen, failed = network(own_loss), [set(), set()], []
    first = look(model, tmp_path)
    over = threading.Event()

    def read(own):
        try:
            while not over.is_set():
                own.add(look(model, tmp_path))
        except BaseException as error:
            failed.append(error)

    readers = [threading.Thread(target=read, args=(own,)) for own in seen]
    for thread in readers:
        thread.start()
    calls = 0
    try:
        while not failed and min(map(len, seen)) < ENOUGH + 2:
            train(model)
            calls += 1
    finally:
        over.set()
        for thread in readers:
            thread.join()
    assert not failed, failed
    again = network(own_loss)
    watch = Watch(lambda own: look(own, tmp_path))
    for _ in range(calls):
        train(again, [watch])
    whole = {first, *watch.seen}
    for own in seen:
        assert own <= whole, f"{len(own - whole)} of {len(own)} are of no whole batch"
    assert of_model(model) == of_model(again)  # readers change nothing


class During(Callback):
    """Do something once, in the middle of a training; no batch runs meanwhile."""

    def __init__(self, work):
        super().__init__()
        self.work, self.done = work, False

    def on_train_batch_end(self, batch, logs=None):
        if not self.done:
            self.done = True
            self.work(self.model)


def other(model):
    return [array + 1 for array in model.get_weights()]


def assign(model):
    model.layers[0].kernel = np.zeros_like(model.layers[0].kernel)


# What changes a network, and is not for two threads at once.
WRITERS = {
    "fit": lambda model, path: model.fit(X, Y, verbose=0),
    "train_on_batch": lambda model, path: model.train_on_batch(X, Y),
    "fit_many": lambda model, path: fanin.fit_many([network(seed=9), model], X, Y, verbose=0),
    "set_weights": lambda model, path: model.set_weights(other(model)),
    "set_weights of a layer": lambda model, path: model.layers[0].set_weights(other(model)[:2]),
    "a kernel": lambda model, path: assign(model),
    "load_weights": lambda model, path: model.load_weights(path),
    "recalibrate": lambda model, path: model.recalibrate(X),
    "initialize": lambda model, path: fanin.initialize(model, "he_normal", rng=5),
    "lsuv": lambda model, path: fanin.data_dependent.lsuv(model, X, rng=5),
    "a pass in training": lambda model, path: model(X, training=True),
    "compile": lambda model, path: model.compile("sgd", "mse"),
    "add": lambda model, path: model.add(Dense(2)),
    "pop": lambda model, path: model.pop(),
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_second_writer_is_refused_in_words_and_changes_nothing(name, tmp_path):
    path = tmp_path / "weights.npz"
    network(seed=9).save_weights(path)

    def write(model):
        def work():
            WRITERS[name](model, path)

        message = "network 'trained', which another thread trains"
        before = of_model(model)
        assert_refused(lambda: in_thread(work), RuntimeError, "model:", message)
        assert of_model(model) == before
        assert model.compiled_with.loss is loss

    model, usual = network(), network()
    model.name, loss = "trained", model.loss
    fit(usual)
    fit(model, [During(write)])
    assert of_model(model) == of_model(usual)
    WRITERS[name](model, path)  # nobody trains it any more


@pytest.mark.parametrize(
    "name", [name for name in WRITERS if name not in ("add", "pop", "compile")]
)
def test_a_callback_writes_what_its_thread_trains(name, tmp_path):
    """As `set_weights` of a Keras callback; only another training cannot be within a training."""
    path = tmp_path / "weights.npz"
    network(seed=9).save_weights(path)
    model, usual = network(), network()
    fit(usual)
    trains = name.startswith(("fit", "train"))
    if trains:
        message = "this thread trains"
        write = lambda model: assert_refused(  # noqa: E731
            lambda: WRITERS[name](model, path), RuntimeError, message
        )
    else:
        write = lambda model: WRITERS[name](model, path)  # noqa: E731
    fit(model, [During(write)])
    assert (of_model(model) == of_model(usual)) == trains


@pytest.mark.parametrize("reader", READERS)
def test_callbacks_and_their_threads_read(reader, tmp_path):
    """Nobody waits for ever: no turn is held while Python runs."""
    seen = []

    def look(model):
        work = lambda: READERS[reader](model, tmp_path)  # noqa: E731
        seen.extend([work(), in_thread(work)])

    fit(network(), [During(look)])
    assert seen[0] == seen[1]


def test_of_a_fit_that_is_refused_nothing_is_left():
    model = network()
    history = model.fit(X, Y, verbose=0)
    with _core.Writing([model.lock], ["held"], True):
        assert_refused(lambda: in_thread(lambda: fit(model)), RuntimeError, "another thread")
    assert model.history is history
    fit(model)
    many = [network(seed=seed) for seed in (1, 2)]
    with _core.Writing([many[1].lock], ["held"], True):
        refused = lambda: in_thread(  # noqa: E731
            lambda: fanin.fit_many(many, X, Y, verbose=0)
        )
        assert_refused(refused, RuntimeError, "another thread")
        fit(many[0])  # neither is claimed
    fit(many[1])


def test_networks_that_are_not_built_are_built_by_one_thread():
    model = fanin.Sequential([Dense(4, "softmax")], rng=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    with _core.Writing([model.lock], ["held"], True):
        for use in (lambda: model(X), lambda: model.predict(X), lambda: fit(model)):
            assert_refused(lambda use=use: in_thread(use), RuntimeError, "another thread")
        assert not model.built
    fit(model)


def test_readers_of_a_network_that_is_not_trained_read_in_place():
    """A copy is for networks that are trained: the arrays of `Reading` tell which it was."""
    model = network()
    with _core.Reading(model.lock, [model.params]) as (params,):
        assert params is model.params
        with _core.Reading(model.lock, [model.params]) as (again,):
            assert again is params
        # One's own claim would wait for oneself.
        for write in (fit, assign):
            assert_refused(lambda write=write: write(model), RuntimeError, "a call of this thread")

    def look(model):
        with _core.Reading(model.lock, [model.params]) as (own,):
            assert own is model.params  # its own thread

        def elsewhere():
            with _core.Reading(model.lock, [model.params]) as (copied,):
                assert copied is not model.params
                assert (copied == model.params).all()

        in_thread(elsewhere)

    fit(model, [During(look)])


def test_copies_and_layers_have_the_lock_of_their_arrays():
    model = network()
    assert all(layer.network.lock is model.lock for layer in model.layers if layer.arrays)
    model.layers[0].trainable = False
    assert model.network.lock is model.lock
    assert model.layers[0].network.lock is model.lock
    twins = [copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    twins.append(fold_batch_norm(model))
    locks = [model.lock, *(twin.network.lock for twin in twins)]
    assert len(set(map(id, locks))) == len(locks)
    layer = model.pop()
    assert layer.network.lock is not model.lock
    with _core.Writing([model.lock], ["held"], True):
        for twin in twins[:3]:
            in_thread(lambda twin=twin: fit(twin))
        in_thread(lambda: layer.set_weights(layer.get_weights()))


def test_a_layer_beside_its_network_is_copied_as_its_layer():
    model = network()
    for pair in ((model, model.layers[1]), (model.layers[1], model)):
        twins = copy.deepcopy(pair)
        twin, layer = twins if isinstance(twins[0], fanin.Sequential) else twins[::-1]
        assert twin.layers[1] is layer
        assert np.shares_memory(layer.gamma, twin.params)
        assert of_model(twin) == of_model(model)
