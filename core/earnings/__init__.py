"""What creators earn: usage in, roll-up, settlement, statistics."""
