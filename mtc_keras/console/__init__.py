"""What people see on a terminal: log lines, progress, tables. Never the users' texts."""
