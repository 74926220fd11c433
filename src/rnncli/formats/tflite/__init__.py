"""TensorFlow Lite: the graph of operators in a `.tflite` file."""
