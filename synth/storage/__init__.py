"""The dataset on disk: manifest, shards, parts, virtual file, reader. The door of h5py, with the model importers."""
