"""The user's configuration, as the commands read it, change it and speak of it.

config_files   config.json and .env: loaded, or read to be changed
credentials    messages about a provider's key: where it is, that it was rejected, and the next step
"""
