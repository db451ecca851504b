"""The Discord adapter over the real discord.py."""
