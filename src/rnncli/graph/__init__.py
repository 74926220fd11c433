"""A model's graph: built from layer configs, ordered, named, on inputs of any sizes."""
