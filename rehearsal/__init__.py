"""A rehearsal: made-up people, and a whole federation on one machine."""
