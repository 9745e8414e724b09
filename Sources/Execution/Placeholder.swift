// The executing interpreter.
