"""Several inputs and several outputs: who should get a ticket, and how urgent it is."""

import keras
import numpy as np
from keras import Input
from keras.layers import Concatenate, Dense, Dropout
from keras.models import Model

WORDS, TAGS, TEAMS = 60, 8, 4
DROPOUT = 0.25
EPOCHS = 10


def data(seed=0):
    """Return which words are in title and body, tags; urgency, and the team as one-hot rows."""
    rng = np.random.default_rng(seed)
    team = rng.integers(0, TEAMS, 1024)
    typical = np.random.default_rng(0).random((TEAMS, WORDS))
    body = rng.random((1024, WORDS)) < typical[team] ** 2
    title = body & (rng.random((1024, WORDS)) < 0.2)
    tags = rng.random((1024, TAGS)) < 0.3
    urgency = (body[:, :5].sum(axis=1) + 2 * tags[:, 0] > 2).astype("float32")
    x = {"title": title, "body": body, "tags": tags}
    x = {name: table.astype("float32") for name, table in x.items()}
    return x, {"urgency": urgency, "team": keras.utils.to_categorical(team, TEAMS)}


def build():
    title = Input((WORDS,), name="title")
    body = Input((WORDS,), name="body")
    tags = Input((TAGS,), name="tags")
    x = Concatenate()([title, body, tags])
    x = Dense(48, activation="relu")(x)
    x = Dropout(DROPOUT)(x)
    urgency = Dense(1, activation="sigmoid", name="urgency")(x)
    team = Dense(TEAMS, activation="softmax", name="team")(x)
    model = Model(inputs=[title, body, tags], outputs=[urgency, team])
    model.compile(
        optimizer="adam",
        loss=["binary_crossentropy", "categorical_crossentropy"],
        loss_weights=[1.0, 0.4],
        metrics=[["accuracy"], ["accuracy"]],
    )
    return model


def main(seed=0):
    keras.utils.set_random_seed(seed)
    x, y = data(seed)
    model = build()
    history = model.fit(
        [x["title"], x["body"], x["tags"]],
        [y["urgency"], y["team"]],
        batch_size=32,
        epochs=EPOCHS,
        verbose=0,
    )
    return model, history.history["loss"][-1]


if __name__ == "__main__":
    model, _ = main()
    x, _ = data(seed=1)
    urgency, team = model.predict([table[:3] for table in x.values()], verbose=0)
    print("urgency", urgency[:, 0].round(2), "teams", team.argmax(axis=1))
