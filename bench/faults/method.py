"""How the laboratory works, in words: the last part of its page."""

from __future__ import annotations

from typing import Final

from bench.faults import targets, turns, wire_client

METHOD: Final = f"""
## How it is measured

**Providers.** Behind each gateway stand two providers on raw sockets: A, the first choice, and B, the fallback. Both
speak Anthropic's Messages API and give the same answer: thinking, one text, and a call of the tool `Write` if the
request offers it. In each case A strikes once, at the first request for an answer; after that it answers as B does. A
gateway may so ask A again, or B, or both. Asked with a part of the text as the last assistant message, in whatever
words, they go on from where that ends, as models do.

**Faults.** Each is a script in `bench/faults/faults.py`: the bytes that A sends, chunk by chunk, and how the connection
ends. "Reset" is a TCP reset; "the body ends" is a well framed end of the body; "silence" leaves the connection open.
A second passes between the content and the death of an answer: a client whose connection breaks at once drops what it
has received and not read, and behaves as if it had never come.
A "400" or "413" says that the request is wrong: the one right thing is to hand it to the client.

**Verdicts at the wire.** The client is a strict one (`bench/faults/verdicts.py`), with a connection of its own for each
case.

| verdict | meaning |
|---|---|
| whole | Text, tool call and stop reason are there, each once, in the API's order. `message_stop` may be missing. |
| error | A status of 400 or more, an `error` event, or a broken connection: the client knows that it has no answer. |
| CORRUPT | It looks like an answer and is none: parts are missing, doubled or out of order, and nothing says so. |
| HANG | Nothing but pings for {wire_client.PATIENCE:g} s, or no end within {wire_client.LIMIT:g} s. |
| HIDDEN | The request was wrong, and the client gets another status than the provider's. |

Without a proxy, nothing is between the client and A: "error" is then the best that can be. An answer that ends without
a stop reason and without an error is corrupt here, since SDKs return it as an answer; Claude Code looks at the reason.

**Claude Code.** A turn of the real program, with a home of its own, that writes a file; `-p`, and interactive in a
pseudo-terminal. The clock starts with the prompt (interactive) or with the program (`-p`).

| seen | meaning |
|---|---|
| whole | The file is right, the last sentence shows, no error showed, and Claude Code asked once for the answer. |
| retried | In the end the same, but Claude Code asked again by itself: n requests, the second so long after it. |
| TURN LOST | The turn ended before the file was written. The user has to say something. |
| HANG | Nothing happened for {turns.LIMIT:g} s, and no error showed. |

**Gateways.** Each has A as the model's provider and B as its fallback, no cooldown between cases, and a limit of
silence of {targets.SILENCE} s, if it has such a setting. Everything else is its default. The configurations are in
`bench/faults/targets.py`.

- LiteLLM {targets.LITELLM}: installed with pip, with `fallbacks`, `num_retries: 0`, `disable_cooldowns`, `timeout` and
  `stream_timeout`.
- claude-code-router {targets.CCR}: installed with npm, with the transformer `Anthropic`, `fallback` and
  `API_TIMEOUT_MS`. Version 3.1.1 depends on packages that the public registry does not have, so it can't be installed
  from there.

**To dispute it.** `make faults ARGS=--install` installs the peers. `make faults ARGS="--url http://127.0.0.1:4000
--token T --ports 7001 7002 --only wire"` runs the cases through a gateway of yours, in front of A at port 7001 and B at
7002. `--fault "in text"` chooses faults, and each case is printed with its reason."""
