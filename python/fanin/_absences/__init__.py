"""Tables of what users of Keras, torch and scikit-learn look for and do not find.

Plain data, read only when something was not found: see `_reasons.py`. A row is a reason and the
names, separated by spaces, that it holds for. A reason says what to use instead, or that there is
nothing. `tests/peers/test_absences.py` compares the tables with Keras and torch themselves.
"""
