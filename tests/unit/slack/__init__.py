"""Slack, without a network."""
