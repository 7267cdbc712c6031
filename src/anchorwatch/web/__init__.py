"""Pages for people: one module for each noun, each with one `render`."""
