"""Files that PyTorch wrote."""
