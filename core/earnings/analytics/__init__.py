"""What creators may know of how people use their assistants: nothing about fewer than five (domain.md, "Privacy")."""
