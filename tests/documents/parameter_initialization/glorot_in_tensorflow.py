# The TensorFlow code of the document parameter_initialization, as it stands there.

import tensorflow as tf

# Define a dense layer
layer = tf.keras.layers.Dense(units=100, activation='relu')

# Initialize layer parameters using Glorot uniform initialization
initializer = tf.initializers.GlorotUniform()
layer.kernel_initializer = initializer
layer.bias_initializer = tf.zeros_initializer()

# Example of how to use the initialized layer in a model
model = tf.keras.Sequential([
    tf.keras.layers.Flatten(input_shape=(28, 28)),
    layer,
    tf.keras.layers.Dense(units=10, activation='softmax')
])

# Compile and train the model
# (Code for training the model is not shown for brevity)
