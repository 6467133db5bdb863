"""What was released: fetched, read, examined, compared, signed beside the coordinator."""
