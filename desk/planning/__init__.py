"""What a programme will be worth and cost, before any record is read."""
