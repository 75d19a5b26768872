"""Fake providers with the ways of the real ones: each checks what it is sent and refuses in the real one's words.

house.py       House: what they share: admission, record, answer; Refused
speech.py      what a model says, and the answer that carries it, streamed or whole
reading.py     a request's messages and blocks, with their places
claude.py      Anthropic
minimax.py     MiniMax
kimi.py        Moonshot
glm.py         Z.ai
deepseek.py    DeepSeek
others.py      MiMo, Fireworks, SGLang, OpenRouter
client.py      a conversation as Claude Code keeps and sends it
turns.py       ten turns for it
table.py       such providers around the proxy, with the catalogue's entries
"""
