"""The readers: addresses, subscribers, consent, tokens, suppressions."""
