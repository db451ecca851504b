"""Getting money out: withdrawals, approvals, sending, methods, freezes, adjustments."""
