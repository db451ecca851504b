"""Slack: the desk in a workspace, by Socket Mode or HTTP."""
