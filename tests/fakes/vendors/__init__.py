"""Fake providers that behave as the real ones: each checks its requests and rejects them with the real one's errors.

base.py             what they share: authentication, records, answers; VendorError
replies.py          what a model says, and the answer that carries it, streamed or whole
request_blocks.py   a request's messages and content blocks, with their positions
anthropic.py        Anthropic
minimax.py          MiniMax
moonshot.py         Moonshot
zai.py              Z.ai
deepseek.py         DeepSeek
single_quirk.py     MiMo, Fireworks, SGLang, OpenRouter
conversation.py     a conversation as Claude Code keeps and sends it
turns.py            ten turns for it
behind_proxy.py     such providers behind the proxy, with the catalogue's entries
"""
