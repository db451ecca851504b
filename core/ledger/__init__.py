"""Money: accounts, the append-only journal, seals, verification, export."""
