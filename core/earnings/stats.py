"""What creators read of their earnings: a period's figures, by project and by day, settled or estimated."""
