"""National rounds with Prefect as clock, retry button and dashboard.

Prefect holds ids, times, phase names and what has been published; the truth is
in the coordinator's own store, which this floor reaches by its client alone.
"""
