"""What is in a model's weights: their figures, what differs between two models, conversions."""
