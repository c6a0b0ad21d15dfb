"""Where populations come from: event logs, and a synthetic one."""
