# The Keras code of the document weight_initialization_assignment, as it stands there.

import tensorflow as tf
from tensorflow.keras.layers import Dense, Flatten
from tensorflow.keras.models import Sequential
from tensorflow.keras.initializers import Zeros, RandomNormal, GlorotNormal, HeNormal
from tensorflow.keras.datasets import fashion_mnist
from tensorflow.keras.utils import to_categorical

# Load dataset
(train_images, train_labels), (test_images, test_labels) = fashion_mnist.load_data()

# Normalize the images
train_images = train_images / 255.0
test_images = test_images / 255.0

# Convert labels to one-hot encoding
train_labels = to_categorical(train_labels)
test_labels = to_categorical(test_labels)

def create_model(initializer):
    model = Sequential([
        Flatten(input_shape=(28, 28)),
        Dense(128, activation='relu', kernel_initializer=initializer),
        Dense(10, activation='softmax')
    ])
    model.compile(optimizer='adam',
                  loss='categorical_crossentropy',
                  metrics=['accuracy'])
    return model

initializers = {
    "Zero Initialization": Zeros(),
    "Random Initialization": RandomNormal(mean=0., stddev=1.),
    "Xavier Initialization": GlorotNormal(),
    "He Initialization": HeNormal()
}

history_dict = {}

for name, initializer in initializers.items():
    print(f"Training with {name}...")
    model = create_model(initializer)
    history = model.fit(train_images, train_labels, epochs=5, batch_size=64, validation_split=0.2, verbose=0)
    test_loss, test_acc = model.evaluate(test_images, test_labels, verbose=0)
    print(f"{name} Test Accuracy: {test_acc:.4f}\n")
    history_dict[name] = (history, test_acc)
