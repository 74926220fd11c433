"""Arrays only: the recurrence, its steps, activations and products."""
