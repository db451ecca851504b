"""The outside world: files, HTTP, payment rails, chat platforms."""
