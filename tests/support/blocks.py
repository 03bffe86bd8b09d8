"""The blocks of code in the user's documents, as they stand there."""

import re
from pathlib import Path

DOCUMENTS = Path(__file__).parents[1] / "documents"
NOTES = "weight_initialization_and_batch_normalization"
GUIDE = "parameter_initialization"
ASSIGNMENT = "weight_initialization_assignment"

# Name of a block: its document, its file, and the SHA-256 of its code: it is as it came.
BLOCKS = {
    "numpy": (NOTES, "initializers_in_numpy.py", "ad6ccfc7226d675c"),
    "keras": (NOTES, "batch_normalization_in_keras.py", "5e73ae726cca9cd5"),
    "tensorflow": (GUIDE, "glorot_in_tensorflow.py", "0724e8942aef9d79"),
    "torch": (GUIDE, "he_in_torch.py", "88bd1b3d7aba0d4b"),
    "fashion-mnist": (ASSIGNMENT, "fashion_mnist_in_keras.py", "c084b01b667b622f"),
}


def block(name):
    document, file, _ = BLOCKS[name]
    head, code = (DOCUMENTS / document / file).read_text(encoding="utf-8").split("\n\n", 1)
    assert re.fullmatch(rf"# The \w+ code of the document {document}, as it stands there\.", head)
    return code
