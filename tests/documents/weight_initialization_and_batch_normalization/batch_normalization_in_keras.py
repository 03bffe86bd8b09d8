# The Keras code of the document weight_initialization_and_batch_normalization, as it stands there.

from keras.models import Sequential
from keras.layers import Dense, BatchNormalization

model = Sequential()
model.add(Dense(3, activation='relu', input_dim=2))
model.add(BatchNormalization())   # After activation
model.add(Dense(2, activation='relu'))
model.add(BatchNormalization())
model.add(Dense(1, activation='sigmoid'))
