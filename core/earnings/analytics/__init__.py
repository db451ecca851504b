"""What a creator of assistants may know of how people use them: aggregates of five people or more (domain.md, "Privacy")."""
