"""The table of file formats: each has one reader, `read(path) -> Model`."""
