"""ONNX graphs run on arrays: by ONNX's own reference implementation, our recurrences in it."""
