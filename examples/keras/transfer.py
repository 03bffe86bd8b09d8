"""Transfer: the layers of a trained model, frozen, under a new output for other classes."""

import keras
from keras import layers
from sklearn.datasets import load_digits

EPOCHS = 15


def half(low):
    """Return pictures of five digits, and which of the five each is."""
    digits = load_digits()
    chosen = (digits.target >= low) & (digits.target < low + 5)
    return digits.data[chosen] / 16.0, digits.target[chosen] - low


def data(seed=0):
    return half(5)


def train_base():
    """Train a network to tell 0, 1, 2, 3 and 4."""
    base = keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(64, activation="relu", name="features_1"),
            layers.Dense(32, activation="relu", name="features_2"),
            layers.Dense(5, activation="softmax", name="low_digits"),
        ]
    )
    base.compile("adam", "sparse_categorical_crossentropy")
    base.fit(*half(0), batch_size=32, epochs=5, verbose=0)
    return base


def build():
    base = train_base()
    for layer in base.layers:
        layer.trainable = False
    features = base.get_layer("features_2").output
    outputs = layers.Dense(5, activation="softmax", name="high_digits")(features)
    model = keras.Model(inputs=base.inputs, outputs=outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(0.01),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=32, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    print("trained:", [weight.shape for weight in model.trainable_weights])
    print(f"accuracy on 5 to 9: {model.evaluate(*data(), verbose=0)[1]:.3f}")
