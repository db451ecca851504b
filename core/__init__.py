"""The desk itself: ledger, earnings, payouts and conversation. Knows no chat platform and no HTTP."""
