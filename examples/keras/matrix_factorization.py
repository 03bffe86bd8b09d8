"""Marks by matrix factorization: a vector and a bias for each user and each film."""

import keras
import numpy as np
from keras import layers

USERS, FILMS, FACTORS = 60, 80, 4
EPOCHS = 15


def data(seed=0):
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(3)
    users, films = truth.normal(size=(USERS, FACTORS)), truth.normal(size=(FILMS, FACTORS))
    user, film = rng.integers(0, USERS, 3072), rng.integers(0, FILMS, 3072)
    liked = 0.5 * np.sum(users[user] * films[film], axis=1) + truth.normal(size=FILMS)[film]
    return [user[:, None], film[:, None]], liked + rng.normal(0, 0.1, 3072)


def build():
    user = keras.Input(shape=(1,), dtype="int32", name="user")
    film = keras.Input(shape=(1,), dtype="int32", name="film")
    of_user = layers.Embedding(USERS, FACTORS, embeddings_initializer="he_normal")(user)
    of_film = layers.Embedding(FILMS, FACTORS, embeddings_initializer="he_normal")(film)
    match = layers.Dot(axes=1)([layers.Flatten()(of_user), layers.Flatten()(of_film)])
    user_bias = layers.Flatten()(layers.Embedding(USERS, 1, name="user_bias")(user))
    film_bias = layers.Flatten()(layers.Embedding(FILMS, 1, name="film_bias")(film))
    mark = layers.Add(name="mark")([match, user_bias, film_bias])
    model = keras.Model([user, film], mark)
    model.compile(loss="mse", optimizer=keras.optimizers.Adam(0.02), metrics=["mae"])
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    model = build()
    history = model.fit(*data(seed), batch_size=64, epochs=EPOCHS, verbose=0)
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    film = np.arange(FILMS)[:, None]
    marks = model.predict([np.zeros_like(film), film], verbose=0)[:, 0]
    print("films for user 0:", np.argsort(-marks)[:5])
