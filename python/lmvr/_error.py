class Error(Exception):
    """What was asked for cannot be done: a model, an option or the machine's memory; the message says which and why."""
