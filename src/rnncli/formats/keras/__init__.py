"""Files that Keras wrote, of any version."""
