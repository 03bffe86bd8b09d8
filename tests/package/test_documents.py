"""The code of the user's documents runs on fanin with only its import lines changed.

`documents/` has a folder for each document, and in it the document's blocks of code, each in a file
whose first line names the document.
"""

import hashlib
import re
from pathlib import Path

import fanin
import numpy as np
import pytest
from blocks import BLOCKS, DOCUMENTS, block

# Every import line of the documents, and what it becomes. Lines that are not here stay as they are.
IMPORTS = {
    "from keras.models import": "from fanin.models import",
    "from keras.layers import": "from fanin.layers import",
    "import tensorflow as tf": "import fanin as tf",
    "from tensorflow.keras.layers import": "from fanin.layers import",
    "from tensorflow.keras.models import": "from fanin.models import",
    "from tensorflow.keras.initializers import": "from fanin.initializers import",
    "from tensorflow.keras.datasets import": "from fanin.datasets import",
    "from tensorflow.keras.utils import": "from fanin.utils import",
}


def rewritten(code):
    """The block with its import lines replaced, and nothing else."""
    lines = []
    for line in code.split("\n"):
        for old, new in IMPORTS.items():
            if line == old or line.startswith(old + " "):
                line = new + line.removeprefix(old)
                break
        lines.append(line)
    return "\n".join(lines)


def run(code):
    assert not re.search(r"^\s*(import|from) (keras|tensorflow|torch)", code, re.MULTILINE)
    namespace = {"__name__": "__main__"}
    exec(compile(code, "<document>", "exec"), namespace)
    return namespace


def test_no_block_is_forgotten():
    """Each file belongs to a block above, and each block is the code of its document."""
    found = {path.relative_to(DOCUMENTS) for path in DOCUMENTS.rglob("*") if path.is_file()}
    assert found == {Path(document, file) for document, file, _ in BLOCKS.values()}
    for name, (_, _, digest) in BLOCKS.items():
        assert hashlib.sha256(block(name).encode()).hexdigest().startswith(digest), name


def test_only_import_lines_are_rewritten():
    for name in set(BLOCKS) - {"torch"}:
        before, after = block(name).split("\n"), rewritten(block(name)).split("\n")
        changed = [b for b, a in zip(before, after, strict=True) if b != a]
        assert all(re.match(r"(import|from) ", line) for line in changed)
        assert changed or name == "numpy"


def test_numpy_block(capsys):
    """After `np.random.seed(s)` it draws, bit for bit, what `fanin` does given `RandomState(s)`."""
    np.random.seed(3)
    theirs = run(block("numpy"))
    printed = capsys.readouterr().out
    assert "Xavier Init - Mean:" in printed
    assert "He Init     - Mean:" in printed

    state = np.random.RandomState(3)
    ours = fanin.xavier_init((256, 128), rng=state), fanin.he_init((256, 128), rng=state)
    for mine, name in zip(ours, ("W1", "W2"), strict=True):
        assert mine.dtype == np.float64
        assert np.array_equal(mine, theirs[name])

    # The block with its two functions imported instead of written out.
    usage = block("numpy").split("# Example usage:")[1]
    namespace = run("from fanin import xavier_init, he_init\n" + usage)
    assert namespace["W1"].shape == namespace["W2"].shape == (256, 128)
    assert abs(namespace["W1"].std() - theirs["W1"].std()) < 0.002


def test_keras_block(capsys):
    model = run(rewritten(block("keras")))["model"]
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds == ["Dense", "BatchNormalization"] * 2 + ["Dense"]
    model.summary()
    assert "batch_normalization" in capsys.readouterr().out
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).normal(size=(64, 2))
    history = model.fit(x, (x[:, 0] > 0) * 1.0, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_tensorflow_block():
    """Initializers set on a layer after it was made are the ones it is built with."""
    namespace = run(rewritten(block("tensorflow")))
    model, layer = namespace["model"], namespace["layer"]
    limit = np.sqrt(6 / (784 + 100))
    kernel, bias = layer.get_weights()
    assert kernel.shape == (784, 100)
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert not bias.any()
    # "(Code for training the model is not shown for brevity)": it trains.
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    (x, y), _ = fanin.datasets.fashion_mnist.load_data("small")
    history = model.fit(x[:640] / 255.0, y[:640], epochs=3, verbose=0)
    assert history.history["accuracy"][-1] > 0.6


def test_torch_block():
    """The network of the torch block, in fanin's words.

    `tests/peers/test_init.py` runs the block itself, with ``nn.init`` replaced by ``fanin.init``.
    What it says about initialization and training is done here: He normal as torch means it
    (fan_in, not truncated), zero biases, cross-entropy from logits, SGD.
    """
    code = block("torch")
    assert "kaiming_normal_(self.fc1.weight, mode='fan_in', nonlinearity='relu')" in code
    (fan_in, hidden), (_, classes) = (
        map(int, sizes) for sizes in re.findall(r"nn\.Linear\((\d+), (\d+)\)", code)
    )
    rate = float(re.search(r"SGD\(model\.parameters\(\), lr=([\d.]+)\)", code)[1])
    he = fanin.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")
    model = fanin.Sequential(
        [
            fanin.layers.Flatten(input_shape=(28, 28)),
            fanin.layers.Dense(hidden, activation="relu", kernel_initializer=he),
            fanin.layers.Dense(classes, kernel_initializer=he),
        ],
        rng=0,
    )
    model.compile(
        fanin.optimizers.SGD(rate),
        fanin.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    kernel, bias = model.layers[1].get_weights()
    assert kernel.shape == (fan_in, hidden)
    assert kernel.std() == pytest.approx(np.sqrt(2 / fan_in), rel=0.02)
    assert np.abs(kernel).max() > 2.5 * np.sqrt(2 / fan_in), "not truncated"
    assert not bias.any()
    (x, y), _ = fanin.datasets.fashion_mnist.load_data("small")
    history = model.fit(x / 255.0, y, epochs=3, verbose=0, rng=0)
    assert history.history["accuracy"][-1] > 0.6


def test_fashion_mnist_block(capsys):
    """The experiment on the full data set: four initializers, five epochs, and what it prints."""
    if fanin.datasets.fashion_mnist.find() is None:
        pytest.skip("the full Fashion-MNIST is not on this machine (dataset-fashion-mnist)")
    fanin.utils.set_random_seed(0)
    namespace = run(rewritten(block("fashion-mnist")))
    found = re.findall(
        r"^(\w+) Initialization Test Accuracy: ([\d.]+)$", capsys.readouterr().out, re.M
    )
    accuracy = {name: float(value) for name, value in found}
    assert accuracy.keys() == {"Zero", "Random", "Xavier", "He"}
    assert dict(found)["Zero"] == "0.1000"
    # Over 8 seeds `fanin compare` finds .8356, .8655 and .8649 with standard deviations of .0066,
    # .0044 and .0054. This is one run, and another CPU's matrix product rounds into another one,
    # so each gets three standard deviations to either side.
    assert 0.815 <= accuracy["Random"] <= 0.856
    assert 0.849 <= accuracy["Xavier"] <= 0.882
    assert 0.849 <= accuracy["He"] <= 0.882
    for history, _ in namespace["history_dict"].values():
        assert history.history.keys() == {"accuracy", "loss", "val_accuracy", "val_loss"}
        assert history.epoch == [0, 1, 2, 3, 4]


def test_fashion_mnist_over_seeds():
    """The same experiment as `fanin.compare` runs it: means over seeds, which scatter less."""
    if fanin.datasets.fashion_mnist.find() is None:
        pytest.skip("the full Fashion-MNIST is not on this machine (dataset-fashion-mnist)")
    result = fanin.compare(data="fashion-mnist", epochs=5, seeds=8, progress=False)
    mean = {
        arm["label"]: np.mean([trial["test_accuracy"] for trial in arm["trials"]])
        for arm in result.to_dict()["arms"]
    }
    assert mean.pop("Zeros") == pytest.approx(0.1, abs=1e-9)
    assert 0.82 <= mean.pop("RandomNormal(stddev=1.0)") <= 0.85
    assert mean.keys() == {"GlorotNormal", "HeNormal"}
    assert all(0.86 <= accuracy <= 0.885 for accuracy in mean.values()), mean
