"""Shell integration: the functions of a shell, and the variables that they set."""
