"""Datasets in the formats of others. A module per format; the door of the libraries that write them."""
