"""Datasets in the form that a training framework wants. A module per framework, its door."""
