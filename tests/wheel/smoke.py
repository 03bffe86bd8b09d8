"""Try an installed fanin beside what it depends on and no more; print digests of its results."""

import contextlib
import hashlib
import importlib.metadata
import io
import platform
import sys
import tempfile
from pathlib import Path

import fanin
import numpy as np
from fanin.initializers import HeNormal
from fanin.layers import BatchNormalization, Dense, Flatten, Input


def digest(*arrays: np.ndarray) -> str:
    """Return a short digest of the bits of arrays."""
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def make_model() -> fanin.Sequential:
    """Return a compiled network for the embedded pictures."""
    model = fanin.Sequential(
        [
            Input(shape=(28, 28)),
            Flatten(),
            Dense(64, activation="relu", kernel_initializer="he_normal"),
            BatchNormalization(),
            Dense(10, activation="softmax"),
        ],
        rng=0,
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def check_installed() -> None:
    """What runs is the wheel, and its command is that version."""
    where = Path(fanin.__file__).resolve()
    assert "site-packages" in where.parts, f"not an installed package: {where}"
    version = importlib.metadata.version("fanin")
    assert fanin.__version__ == version, (fanin.__version__, version)
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="fanin")
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
        command.load()(["--version"])
    assert out.getvalue().strip() == f"fanin {version}", out.getvalue()
    with contextlib.redirect_stdout(out):  # the modules that may not be there are not needed
        for module in ("matplotlib", "pandas", "IPython"):
            assert module not in sys.modules, f"{module} was imported"


def main() -> None:
    """Import, draw, train, diagnose, explain, save and load."""
    check_installed()
    print(f"fanin {fanin.__version__}, NumPy {np.__version__}, CPython {platform.python_version()}")
    print(f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}")

    weights = {dtype: HeNormal()((784, 64), rng=0, dtype=dtype) for dtype in ("float32", "float64")}
    for dtype, drawn in weights.items():
        print(f"he_normal {dtype}: {digest(drawn)}")
    print(HeNormal().explain((784, 64), activation="relu"))

    (x, y), (x_test, y_test) = fanin.datasets.fashion_mnist.load_data(size="small")
    x, x_test = x / 255.0, x_test / 255.0
    model = make_model()
    model.build()
    print(f"initialized model: {digest(model.params, model.state)}")
    report = fanin.diagnose(model, x[:256], y[:256])
    assert str(report)
    history = model.fit(x, y, epochs=3, batch_size=64, validation_split=0.2, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0], history.history
    loss, accuracy = model.evaluate(x_test, y_test, verbose=0)
    assert accuracy > 0.7, accuracy
    print(f"trained: loss {loss:.4f}, accuracy {accuracy:.4f}, {digest(model.params)}")

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.npz"
        model.save(path)
        again = fanin.models.load_model(path)
    assert np.array_equal(again.predict(x_test, verbose=0), model.predict(x_test, verbose=0))
    print(f"saved and loaded: {digest(again.params)}")
    print("smoke: ok")


if __name__ == "__main__":
    main()
