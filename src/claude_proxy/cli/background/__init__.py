"""The background process: found, started, asked, and stopped."""
