"""A model run on arrays."""
