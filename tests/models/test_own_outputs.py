"""Models of users' classes that return several outputs: as the same networks of values."""

import copy
import pickle

import fanin
import numpy as np
import pytest
from fanin.errors import NotReadyError
from fanin.layers import BatchNormalization, Dense, Dropout, Input
from refusals import assert_refused

X = np.random.default_rng(0).normal(size=(48, 6)).astype("float32")
PRICE, KIND = X[:, :1] * X[:, 1:2], (X[:, 2] > 0).astype(int)


class Tasks(fanin.Model):
    """A trunk and two heads, in the form that is asked for."""

    def __init__(self, form="dict", name="tasks", **kwargs):
        super().__init__(name=name, **kwargs)
        self.form = form
        self.hidden, self.norm = Dense(8, "relu"), BatchNormalization()
        self.price, self.kind = Dense(1, name="price"), Dense(2, "softmax", name="kind")

    def call(self, x, training=None):
        h = self.norm(self.hidden(x), training=training)
        price, kind = self.price(h), self.kind(h)
        if self.form == "dict":
            return {"price": price, "kind": kind}
        return [price, kind] if self.form == "list" else (price, kind)

    def get_config(self):
        return {**super().get_config(), "form": self.form}


def of_values(form):
    inputs = Input((6,))
    h = BatchNormalization()(Dense(8, "relu")(inputs))
    price, kind = Dense(1, name="price")(h), Dense(2, "softmax", name="kind")(h)
    outputs = {"price": price, "kind": kind} if form == "dict" else [price, kind]
    return fanin.Model(inputs, tuple(outputs) if form == "tuple" else outputs, rng=0)


LOSSES = {"price": "mse", "kind": "sparse_categorical_crossentropy"}
TARGETS = {"price": PRICE, "kind": KIND}


def in_form(named, form):
    return named if form == "dict" else [*named.values()]


@pytest.mark.parametrize("form", ["dict", "list", "tuple"])
@pytest.mark.parametrize("built", [True, False])
def test_they_train_as_the_model_of_the_same_values(form, built):
    mine, other = Tasks(form, rng=0), of_values(form)
    if built:
        mine.build((None, 6))
    for model in (mine, other):
        model.compile(
            "adam",
            loss=in_form(LOSSES, form),
            loss_weights=in_form({"price": 1.0, "kind": 0.5}, form),
            metrics=in_form({"price": ["mae"], "kind": ["accuracy"]}, form),
        )
        assert model.compiled
    if not built:
        mine.build((None, 6))
    trunk = [layer for layer in other.layers if isinstance(layer, Dense | BatchNormalization)][:2]
    pairs = [*zip([mine.hidden, mine.norm], trunk, strict=True)]
    pairs += [(head, other.get_layer(head.name)) for head in (mine.price, mine.kind)]
    for here, there in pairs:
        there.set_weights(here.get_weights())
    y = in_form(TARGETS, form)
    runs = [m.fit(X, y, epochs=3, verbose=0, shuffle=False).history for m in (mine, other)]
    assert runs[0] == runs[1]
    assert sorted(runs[0]) == ["kind_accuracy", "kind_loss", "loss", "price_loss", "price_mae"]
    for here, there in pairs:
        assert all(map(np.array_equal, here.get_weights(), there.get_weights()))
    assert mine.evaluate(X, y, verbose=0) == other.evaluate(X, y, verbose=0)
    assert mine.output_names == other.output_names
    found, expected = mine.predict(X, verbose=0), other.predict(X, verbose=0)
    assert type(found) is type(expected)
    keys = [*expected] if form == "dict" else [0, 1]
    assert all(np.array_equal(found[key], expected[key]) for key in keys)
    called = mine(X)
    assert type(called) is {"dict": dict, "list": list, "tuple": tuple}[form]


def test_what_is_compiled_first_is_known_at_the_first_data():
    model = Tasks(rng=0)
    model.compile("adam", LOSSES)
    assert model.compiled
    assert_refused(lambda: model.compiled_with, NotReadyError, "outputs that are not known yet")
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        twin.evaluate(X, TARGETS, verbose=0)
    history = model.fit(X, TARGETS, epochs=1, verbose=0)
    assert "price_loss" in history.history
    single = Tasks(rng=0)
    single.compile("adam", "mse")
    single.fit(X, {"price": PRICE, "kind": np.eye(2)[KIND]}, epochs=1, verbose=0)
    assert "kind_loss" in single.history.history
    wrong = Tasks(rng=0)
    wrong.compile("adam", {"prize": "mse"})
    assert_refused(lambda: wrong.fit(X, TARGETS, verbose=0), ValueError, "prize", "price")


def test_files_and_copies(tmp_path):
    model, path = Tasks(rng=0), tmp_path / "model.npz"
    model.compile("adam", LOSSES)
    model.fit(X, TARGETS, epochs=2, verbose=0)
    model.save(path)
    again = fanin.models.load_model(path, custom_objects={"Tasks": Tasks})
    clone = fanin.models.clone_model(model)
    clone.set_weights(model.get_weights())
    for twin in (again, clone, copy.deepcopy(model)):
        assert all(np.array_equal(twin(X)[key], model(X)[key]) for key in LOSSES)
    for each in (model, again):
        each.fit(X, TARGETS, epochs=1, verbose=0)
    assert np.array_equal(again.params, model.params)


def test_outputs_that_differ_between_modes_and_are_called_on_values():
    class Modes(fanin.Model):
        def __init__(self):
            super().__init__(rng=0)
            self.inner, self.drop = Dense(3), Dropout(0.5)

        def call(self, x, training=None):
            h = self.inner(x)
            return {"same": h, "other": h * 2.0 if training else h, "dropped": self.drop(h)}

    model = Modes()
    model(X)
    for training in (False, True):
        y = model(X, training=training)
        assert np.array_equal(y["other"], y["same"] * (2 if training else 1))
        assert np.array_equal(y["dropped"], y["same"]) is not training
    inputs = Input((6,))
    made = model(inputs)
    larger = fanin.Model(inputs, Dense(1)(made["other"]), rng=0)
    assert larger(X).shape == (48, 1)


def test_what_is_refused():
    class Returns(fanin.Model):
        def __init__(self, what):
            super().__init__()
            self.inner, self.what = Dense(2), what

        def call(self, x, training=None):
            return self.what(self.inner(x), training)

    for what, kind, words in (
        (lambda h, training: [], TypeError, "outputs"),
        (lambda h, training: {"a": h, 3: h}, TypeError, "names"),
        (lambda h, training: {"a": h, "b": 3.0}, TypeError, "value"),
        (lambda h, training: [h, h] if training else [h], ValueError, "of one form"),
        (lambda h, training: [h, h] if training else (h, h), ValueError, "of one form"),
    ):
        assert_refused(lambda what=what: Returns(what)(X), kind, words)
