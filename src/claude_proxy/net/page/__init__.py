"""The page for a browser: what `claude-proxy dashboard` opens. It shows, and changes nothing.

Nothing but `access.py` and `page.py` is loaded before somebody opens it.

    dashboard ── token ──► a code ─► the link with the code ─► a cookie ─► the page and its parts, by the cookie

access.py        who sees the page: codes that work once, and the cookies that they become
page.py          its paths, and what they answer
live.py          the stream of server-sent events: what happens now
figures.py       what the page shows of the past, read from state/usage.db
charts.py        numbers as places in a drawing
wording.py       values as the page words them
request_rows.py  requests as rows of text
rendering.py     the templates
templates/       HTML, by Jinja2
static/          the style sheet, the script of the live part, the icon
"""
