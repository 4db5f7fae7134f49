"""Proof of use: a small landmark network, trained from shards, tested on faces it has not seen. A door of torch."""
