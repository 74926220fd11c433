"""Files that TensorFlow wrote: SavedModels and checkpoints."""
