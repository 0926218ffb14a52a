"""What the programs share: exit codes, messages, options, signals."""
