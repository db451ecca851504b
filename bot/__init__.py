"""Earnings Desk: wires and runs."""
