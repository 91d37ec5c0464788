"""Editions: which slots are due, what an edition carries, and the digest that its readers get.

The rendering side works on values only: articles in, a :class:`~publisher.model.edition.Digest` out. It
reads templates and nothing else, asks no clock and no database, and gives the same bytes every time.
"""
