"""One module a peer; what it can do are its functions, named alike in every module.

A function takes the numbers that describe a piece of work and returns an `Arm`. A new peer is a new
module and its name in the rows of `peers.catalogue`.
"""
