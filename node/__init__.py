"""An institution's premises: its records, its consent, its ledger, and the daemon that speaks for it."""
