"""The table of renderers: format → the file that turns a `Report` into text."""
