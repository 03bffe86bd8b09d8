"""Models as JSON: what makes an equal model, without its arrays."""

import json

import fanin
import numpy as np
import pytest
from fanin import layers
from fanin.models import model_from_json


def row():
    return fanin.Sequential(
        [
            fanin.Input((4,)),
            layers.Dense(6, "relu", kernel_initializer=fanin.initializers.HeNormal(seed=3)),
            layers.BatchNormalization(momentum=0.9),
            layers.Dropout(0.25),
            layers.Dense(3, "softmax", kernel_regularizer="l2", trainable=False),
        ],
        name="row",
    )


def not_built():
    return fanin.Sequential([layers.Dense(3), layers.Dense(1)])


def graph():
    given = {"a": fanin.Input((4,), name="a"), "b": fanin.Input((2,), name="b")}
    shared = layers.Dense(3, "tanh")
    both = layers.Concatenate()([shared(layers.Dense(5)(given["a"])), given["b"]])
    outputs = {"one": layers.Dense(2)(both), "other": layers.Dense(1)(both)}
    return fanin.Model(given, outputs)


class Net(fanin.Model):
    """A model of the user's, with an argument."""

    def __init__(self, units, name=None):
        super().__init__(name=name)
        self.units = units
        self.first, self.last = layers.Dense(units, "relu"), layers.Dense(2)

    def call(self, x):
        return self.last(self.first(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def own():
    model = Net(7)
    model.build((None, 4))
    return model


MODELS = {"a row": row, "not built": not_built, "a graph": graph, "the user's": own}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_the_text_makes_an_equal_model(make):
    model = make()
    text = model.to_json()
    again = model_from_json(text, {"Net": Net})
    assert type(again) is type(model)
    assert again.name == model.name
    assert again.built == model.built
    assert again.to_json() == text
    if model.built:
        again.set_weights(model.get_weights())
        x = np.ones((5, 4), "float32")
        given = {"a": x, "b": x[:, :2]} if make is graph else x
        found, expected = again.predict(given, verbose=0), model.predict(given, verbose=0)
        if make is graph:
            found, expected = [*found.values()], [*expected.values()]
        np.testing.assert_equal(found, expected)


def test_what_was_compiled_is_not_in_it_and_weights_are_fresh():
    model = fanin.Sequential([layers.Dense(3, input_shape=(4,))], rng=0)
    text = model.to_json()
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 3)), verbose=0)
    assert model.to_json() == text
    again = model_from_json(text)
    assert not again.compiled
    assert not np.array_equal(again.params, model.params)


def test_arguments_are_those_of_json_dumps():
    model = row()
    assert model.to_json(indent=2, sort_keys=True) == json.dumps(
        json.loads(model.to_json()), indent=2, sort_keys=True
    )
    with pytest.raises(TypeError, match=r"to_json: expected arguments that json\.dumps takes"):
        model.to_json(indents=2)


def test_an_initializer_of_the_user_s_is_found_by_name():
    class Ones(fanin.initializers.Ones):
        pass

    model = fanin.Sequential([layers.Dense(2, input_shape=(3,), kernel_initializer=Ones())])
    text = model.to_json()
    assert isinstance(model_from_json(text, {"Ones": Ones}).layers[0].kernel_initializer, Ones)


def test_a_function_that_no_text_holds_is_refused_and_named():
    model = fanin.Sequential(
        [layers.Dense(2, input_shape=(3,), kernel_initializer=lambda shape, dtype: np.ones(shape))]
    )
    with pytest.raises(TypeError, match="expected arguments that JSON can hold"):
        model.to_json()


REFUSED = {
    "no text": (3, TypeError, "json_string: expected text, found 3"),
    "no JSON": ("{", ValueError, "json_string: expected the JSON of model.to_json"),
    "deep": ("[" * 100_000, ValueError, "json_string: expected"),
    "a list": ("[]", ValueError, "json_string: expected an object with class_name and config"),
    "no class": ("{}", ValueError, "json_string: expected an object with class_name and config"),
    "another class": (
        '{"class_name": "Functional", "config": {}}',
        ValueError,
        "json_string: expected a Sequential or a Model, found 'Functional'",
    ),
    "no configuration": ('{"class_name": "Sequential", "config": 3}', TypeError, "config: "),
    "no layers": ('{"class_name": "Model", "config": {}}', ValueError, "config: "),
    "a class that is not known": (
        '{"class_name": "Net", "config": {}, "inputs": null}',
        ValueError,
        "Net",
    ),
    "a name that is none": (
        '{"class_name": [], "config": {}, "inputs": null}',
        ValueError,
        "class_name",
    ),
    "inputs that are none": (
        '{"class_name": "Net", "config": {"units": 3}, "inputs": 3}',
        ValueError,
        "inputs: expected shapes and a form, found 3",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_model_is_refused(name):
    text, error, words = REFUSED[name]
    scope = {"Net": Net} if name == "inputs that are none" else None
    with pytest.raises(error, match=words):
        model_from_json(text, scope)
