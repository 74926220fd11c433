"""What several formats are kept in: zip, HDF5, pickle."""
