"""One module per kind of markup. Each turns (path, content) pairs into documents."""
