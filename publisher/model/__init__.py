"""The values everything else speaks in. Standard library only; nothing here reads a file, a clock or a database."""
