"""The Slack adapter against our own Slack over loopback."""
