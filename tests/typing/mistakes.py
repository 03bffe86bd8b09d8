"""Mistakes that an editor must underline: pyright and mypy report each line that says so.

`tests/package/test_typing.py` runs both. The lines without the comment are right, and must not be
reported.
Nothing here is run.
"""

import fanin
import numpy as np
from fanin import activations, callbacks, initializers, layers, losses, metrics, optimizers
from fanin.layers import BatchNormalization, Dense, Dropout, Flatten, Input
from fanin.layers import Conv2D  # mistake
from fanin.optimizers import RAdam  # mistake
from fanin.typing import InitializerLike, OptimizerName

x, y = np.zeros((8, 4)), np.zeros(8)
model = fanin.Sequential([Input((4,)), Dense(2)])
name = "relu" if y.any() else "tanh"  # a variable is not refused
Dense(10, name)
Dense(10, activations.relu, kernel_initializer=initializers.HeNormal)
Dense(10, activation=layers.LeakyReLU(0.1), kernel_initializer=lambda shape, dtype: np.ones(shape))
stack = [Input((4,)), Dense(3), Dropout(0.1)]
fanin.Sequential(stack).add(stack[-1])
initializer: InitializerLike = {"class_name": "HeNormal", "config": {}}
optimizer: OptimizerName = "adam"
model.compile(optimizer, losses.mean_squared_error, metrics=["mae", metrics.MeanSquaredError])

# Names that are not there.
fanin.nonexistent  # mistake
fanin.layers.Conv2D  # mistake
fanin.keras.layers.LSTM  # mistake
fanin.initializers.he_norml  # mistake
fanin.optimizers.RAdam  # mistake
fanin.theory.gian  # mistake
fanin.datasets.mnst  # mistake
model.predict_proba(x)  # mistake
model.history.losses  # mistake
Dense(3).kernal  # mistake
Dense(3).wieghts  # mistake

# Layers.
Dense("ten")  # mistake
Dense()  # mistake
Dense(10.5)  # mistake
Dense(10, activaton="relu")  # mistake
Dense(10, activation=7)  # mistake
Dense(10, "relu", "yes")  # mistake
Dense(10, kernel_initializer=3)  # mistake
Dense(10, kernel_regularizer=0.01)  # mistake
Dense(10, input_shape="four")  # mistake
Dense(10, name=3)  # mistake
Dropout("half")  # mistake
BatchNormalization(momentum="high")  # mistake
BatchNormalization(eps=1e-3)  # mistake
Flatten(data_formt=None)  # mistake
Input((4,), batchsize=3)  # mistake
layers.Activation(5)  # mistake
Dense(10).units.upper()  # mistake
Dense(10).kernel_initializer = 3  # mistake
Dense(10)([[1.0]], trainning=True)  # mistake

# Models.
fanin.Sequential([Dense(10), 3])  # mistake
fanin.Sequential([optimizers.Adam()])  # mistake
fanin.Sequential(layer=[Dense(10)])  # mistake
model.add("dense")  # mistake
model.compile(optimizer=3)  # mistake
model.compile("adam", loss=3)  # mistake
model.compile("adam", "mse", metric=["mae"])  # mistake
model.compile("adam", "mse", metrics=[1])  # mistake
model.fit(x, y, epochs="five")  # mistake
model.fit(x, y, nb_epoch=5)  # mistake
model.fit(x, y, batch_size=0.5)  # mistake
model.fit(x, y, callbacks=[1])  # mistake
model.fit(x, y, validation_data=3)  # mistake
model.fit(x, y).history + 1  # mistake
model.fit(x, y).history["loss"].mean()  # mistake
model.evaluate(x, y, return_dict=True)[0]  # mistake
model.evaluate(x, y, return_dict="yes")  # mistake
model.predict(x).append(1)  # mistake
model.predict()  # mistake
model.get_layer(name=3)  # mistake
model.save(3)  # mistake
fanin.models.load_model(3)  # mistake
fanin.saving.load_model("model.npz", compil=False)  # mistake

# Optimizers, losses, metrics, callbacks, initializers, activations.
optimizers.Adam("fast")  # mistake
optimizers.Adam(lr=0.1)  # mistake
optimizers.SGD(0.1, nesterovv=True)  # mistake
optimizers.get(3)  # mistake
optimizers.schedules.ExponentialDecay("a", 1, 0.5)  # mistake
losses.get(3)  # mistake
losses.CategoricalCrossentropy(from_logit=True)  # mistake
losses.BinaryCrossentropy(label_smoothing="no")  # mistake
metrics.get(3)  # mistake
metrics.BinaryAccuracy(treshold=0.5)  # mistake
callbacks.EarlyStopping(patience="long")  # mistake
callbacks.EarlyStopping(patiance=3)  # mistake
callbacks.LambdaCallback(on_epoch_end=3)  # mistake
initializers.HeNormal(sed=3)  # mistake
initializers.RandomNormal(stddev="wide")  # mistake
initializers.get(3)  # mistake
initializers.HeNormal()("shape")  # mistake
initializers.HeNormal().explain((3, 4), activation=3)  # mistake
activations.get(3)  # mistake
activations.relu(x, slope=0.1)  # mistake

# Functions.
fanin.diagnose(3, x)  # mistake
fanin.diagnose(model)  # mistake
fanin.diagnose(model, x, y).finding  # mistake
fanin.compare(["he_normal"], epoch=3)  # mistake
fanin.compare([1, 2])  # mistake
fanin.compare(["he_normal"], data=3)  # mistake
fanin.compare(["he_normal"], initialize="some")  # mistake
fanin.compare(["he_normal"]).winner  # mistake
fanin.recommend("model")  # mistake
fanin.recommend(model).initialiser  # mistake
fanin.initialize(model, 3)  # mistake
fanin.initialize(model, "he_normal", rule={})  # mistake
fanin.initialize(model, layout="sideways")  # mistake
fanin.lsuv(3, x)  # mistake
fanin.gain(3)  # mistake
fanin.gain("relu", mod="backward")  # mistake
fanin.fit_many(model, x, y)  # mistake
fanin.datasets.fashion_mnist.load_data("medium")  # mistake
fanin.set_random_seed("seed")  # mistake
fanin.set_num_threads("two")  # mistake
fanin.init.normal_(x, means=0.0)  # mistake
fanin.random.Stream("seed")  # mistake
