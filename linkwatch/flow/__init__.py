"""The moving floor: one thin asynchronous file per step of the path of a measurement."""
