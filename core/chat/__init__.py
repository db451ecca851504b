"""The desk's conversation: commands, cards, digests, the outbox, and the one async seam (`desk`)."""
