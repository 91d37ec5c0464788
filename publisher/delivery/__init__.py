"""From a frozen digest to the relay's 250: messages, the outbox, transports (SMTP, Maildir).

Guarantees: an attempt is written to the journal before the final dot of its message may leave, and every
message that a transport takes ends in exactly one outcome.
"""
