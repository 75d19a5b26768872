"""Tiny requests that show whether a provider answers, and what to tell the user about it."""
