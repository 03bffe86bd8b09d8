# The NumPy code of the document weight_initialization_and_batch_normalization, as it stands there.

import numpy as np

# Xavier Initialization (Uniform)
def xavier_init(shape):
    limit = np.sqrt(6 / sum(shape))
    return np.random.uniform(-limit, limit, size=shape)

# He Initialization (Normal)
def he_init(shape):
    std_dev = np.sqrt(2 / shape[0])
    return np.random.normal(0, std_dev, size=shape)

# Example usage:
W1 = xavier_init((256, 128))
W2 = he_init((256, 128))

print("Xavier Init - Mean:", W1.mean(), "Std:", W1.std())
print("He Init     - Mean:", W2.mean(), "Std:", W2.std())
