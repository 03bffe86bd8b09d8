"""The record of a training that was watched: exports, findings, and the noise of gradients."""

import fanin
import numpy as np
import pytest
from fanin.callbacks import SignalMonitor, Signals
from fanin.diagnosis._noise import gradient_noise
from fanin.frameworks._trace import LayerTrace
from fanin.layers import Dense

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6)).astype("float32")
Y = RNG.integers(0, 3, 96)


def recorded(activation="relu", kernel="he_normal"):
    hidden = [Dense(16, activation, kernel_initializer=kernel) for _ in range(6)]
    model = fanin.Sequential([*hidden, Dense(3, "softmax")], rng=0)
    model.compile("sgd", "sparse_categorical_crossentropy")
    monitor = SignalMonitor(X, Y, every=2)
    return model.fit(X, Y, batch_size=32, verbose=0, callbacks=[monitor]).signals


def test_a_frame_has_a_row_a_step_and_layer():
    pandas = pytest.importorskip("pandas")
    signals = recorded()
    frame = signals.to_frame()
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame["step"].unique()) == signals.steps == [0, 2, 3]
    assert list(frame["layer"][:7]) == signals.layers
    wide = frame.pivot(index="step", columns="layer", values="std")[signals.layers]
    np.testing.assert_array_equal(wide.to_numpy(), signals["std"])
    assert Signals().to_frame().empty


def test_tensorboard_gets_every_number(tmp_path):
    pytest.importorskip("tensorboardX")
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import masked_crc32c

    signals = recorded()
    signals.to_tensorboard(tmp_path / "runs")
    (path,) = (tmp_path / "runs").iterdir()
    data, place, found = path.read_bytes(), 0, {}
    while place < len(data):
        length = int.from_bytes(data[place : place + 8], "little")
        body = data[place + 12 : place + 12 + length]
        assert masked_crc32c(body) == int.from_bytes(data[place + 12 + length :][:4], "little")
        event = Event.FromString(body)
        found |= {(v.tag, event.step): v.simple_value for v in event.summary.value}
        place += length + 16
    for place, step in enumerate(signals.steps):
        for layer, value in zip(signals.layers, signals["std"][place], strict=True):
            assert found[f"std/{layer}", step] == pytest.approx(value, rel=1e-6)
    assert not [tag for tag, _ in found if tag.startswith("update/")]  # which a monitor has not


def test_what_diagnose_finds_is_found_while_training():
    assert [f.kind for found in recorded().findings for f in found] == []
    signals = recorded("tanh", fanin.initializers.RandomNormal(stddev=0.01))
    assert all("vanishing" in {f.kind for f in found} for found in signals.findings)
    assert "severe vanishing, step 0 to 3, in 3 records" in str(signals).replace("\n", " ")


def test_layers_that_come_and_go_have_nan():
    signals, some = Signals(), dict.fromkeys(Signals().values, 1.0)
    signals.add(0, {"a": some})
    signals.add(1, {"b": some})
    assert signals.layers == ["a", "b"]
    np.testing.assert_array_equal(signals["std"], [[1, np.nan], [np.nan, 1]])


@pytest.mark.parametrize("rows", [1, 3, 50])
def test_noise_is_that_of_single_gradients(rows):
    batch = 12
    inputs = RNG.normal(size=(batch * rows, 5)) + 0.5
    back = RNG.normal(size=(batch * rows, 4)) + 0.5
    layer = LayerTrace("a", "dense", inputs, back, output_gradient=back)
    single = np.einsum("brj,brk->bjk", *(a.reshape(batch, rows, -1) for a in (inputs, back)))
    mean = single.mean(0)
    covariance = ((single - mean) ** 2).sum() / (batch - 1)
    expected = covariance / ((mean**2).sum() - covariance / batch)
    assert expected > 0
    assert gradient_noise(layer, batch) == pytest.approx(expected, rel=1e-9)


def test_noise_that_cannot_be_told():
    inputs, back = RNG.normal(size=(8, 5)), RNG.normal(size=(8, 4))
    layer = LayerTrace("a", "dense", inputs, back, output_gradient=back)
    assert np.isnan(gradient_noise(layer, 1))
    assert np.isnan(gradient_noise(layer, 3))  # rows that are not parts of samples
    opposed = LayerTrace("a", "dense", inputs[:2], back, output_gradient=back[:2])
    opposed.inputs[1], opposed.output_gradient[1] = inputs[0], -back[0]
    assert gradient_noise(opposed, 2) == np.inf
    assert np.isnan(
        gradient_noise(LayerTrace("a", "convolution", inputs, back, None, None, back), 8)
    )
    assert np.isnan(gradient_noise(LayerTrace("a", "dense", inputs, back), 8))


def test_a_network_of_ours_is_watched_by_a_monitor():
    with pytest.raises(TypeError, match="SignalMonitor"):
        fanin.watch(fanin.Sequential([Dense(1)]))
    with pytest.raises(TypeError, match=r"a torch\.nn\.Module, found builtins\.int"):
        fanin.watch(3)
