"""An autoencoder of two models, each of which can be used alone."""

import keras
from keras import Input, Model
from keras.layers import Dense
from sklearn.datasets import load_digits

CODE = 8
EPOCHS = 12


def data(seed=0):
    pictures = load_digits().data / 16.0
    return pictures, pictures


def build_encoder():
    inputs = Input((64,), name="picture")
    x = Dense(32, activation="relu")(inputs)
    return Model(inputs, Dense(CODE, name="code")(x), name="encoder")


def build_decoder():
    inputs = Input((CODE,), name="code_given")
    x = Dense(32, activation="relu")(inputs)
    return Model(inputs, Dense(64, activation="sigmoid")(x), name="decoder")


def join(encoder, decoder):
    inputs = Input((64,))
    autoencoder = Model(inputs, decoder(encoder(inputs)), name="autoencoder")
    autoencoder.compile(optimizer=keras.optimizers.Adam(2e-3), loss="binary_crossentropy")
    return autoencoder


def build():
    return join(build_encoder(), build_decoder())


def main(seed=0):
    keras.utils.set_random_seed(seed)
    x, y = data(seed)
    model = build()
    history = model.fit(x, y, batch_size=64, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    x, _ = data()
    encoder, decoder = build_encoder(), build_decoder()
    join(encoder, decoder).fit(x, x, batch_size=64, epochs=EPOCHS, verbose=0)
    codes = encoder.predict(x[:5], verbose=0)
    again = decoder.predict(codes, verbose=0)
    print(f"codes {codes.shape}, pictures {again.shape}, error {abs(again - x[:5]).mean():.3f}")
