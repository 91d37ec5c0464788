"""The web pages and endpoints, and the scheduler of `serve`."""
