"""The look of pages and digests: the template environment, and the tokens of personal fields."""
