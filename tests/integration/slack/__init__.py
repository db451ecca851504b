"""The Slack adapter over the real slack-bolt and slack_sdk."""
