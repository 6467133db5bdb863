"""From a national sum to what is published."""
