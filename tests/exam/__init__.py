"""The examination of `fanin.diagnose`: networks, sound or with one fault, and marks for both."""
