"""Articles in a folder become feeds and e-mail digests, each edition delivered once."""

__version__ = "0.1.0"
