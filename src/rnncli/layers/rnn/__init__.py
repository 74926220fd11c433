"""Recurrent layers: what they are made of, and how they run."""
