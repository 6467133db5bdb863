"""What a node does to records, and what it costs: bound, code, draw, book."""
