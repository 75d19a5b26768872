"""Fills in the templates. Not for the event loop: it reads state/usage.db, and that takes long."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from claude_proxy import __version__
from claude_proxy.core import amounts, live_words
from claude_proxy.core.client_hints import REQUEST_CLASSES
from claude_proxy.core.live_report import LiveReport
from claude_proxy.core.text import PROGRAM, printable
from claude_proxy.core.types import MAX_MODEL_LENGTH, MAX_SESSION_LENGTH
from claude_proxy.net.page import charts, wording
from claude_proxy.net.page.figures import PARTS, FiguresReader
from claude_proxy.net.page.request_rows import request_rows
from claude_proxy.store.usage_db.requests import MAX_REQUESTS, OUTCOMES, RequestFilter

PERIODS: Final[Mapping[int, str]] = {1: "today", 7: "7 days", 30: "30 days", 90: "90 days"}
DEFAULT_DAYS: Final = 30
OUTCOME_NAMES: Final = dict(zip(OUTCOMES, ("failed", "failed over", "broke off, saved", "cache missed"), strict=True))
_MAX_NAME: Final = 100


class Renderer:
    """The templates, compiled when they are first used, and the figures that are kept.

    `program` is how the user calls this program.
    """

    def __init__(self, program: str = PROGRAM) -> None:
        self._command = f"{program} dashboard"
        self._figures = FiguresReader()
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(amounts=amounts, words=wording, live_words=live_words, charts=charts)

    def prepare(self, usage: Path | None, now: float) -> None:
        """Do what the first page would have to wait for."""
        for name in ("live.html", "page.html"):
            self._templates.get_template(name)
        self._figures.prepare(usage, DEFAULT_DAYS, now)

    def live(self, report: LiveReport) -> str:
        """Return the live part."""
        template = self._templates.get_template("live.html")
        return template.render(report=report, today=wording.local(report.at).date())

    def page(self, report: LiveReport, fields: Mapping[str, str], usage: Path | None) -> bytes:
        """Return the page; `fields` are those of its query, `usage` is the path of the database."""
        days, wanted = days_of(fields), filter_of(fields)
        figures = self._figures.read(usage, days, wanted, report.at)
        names = [provider.name for provider in report.providers]
        known = [*names, *(group.name for group in figures.providers if group.name not in names)]
        colours = {name: number for number, name in enumerate(known)}
        name = wording.hour if days == 1 else wording.day
        today = wording.local(report.at).date()
        text = self._templates.get_template("page.html").render(
            report=report,
            today=today,
            figures=figures,
            total=figures.total,
            rows=request_rows(figures.requests, today),
            failovers=request_rows(figures.failovers, today),
            days=days,
            periods=PERIODS,
            wanted=wanted,
            no_filter=RequestFilter(),
            colours=colours,
            slot_name=name,
            costs=charts.cost_chart(figures.slots, colours, name),
            time_line=charts.time_line(
                figures.failures, PARTS, figures.slots, colours, name, lambda at: wording.until(at, today)
            ),
            known=[each for each in known if each],
            classes=REQUEST_CLASSES,
            outcomes=OUTCOME_NAMES,
            most=MAX_REQUESTS,
            program=PROGRAM,
            command=self._command,
            version=__version__,
        )
        return text.encode("utf-8", "replace")


def days_of(fields: Mapping[str, str]) -> int:
    """Return for how many days the page is asked."""
    given = fields.get("days", "")
    return int(given) if given in {str(days) for days in PERIODS} else DEFAULT_DAYS


def filter_of(fields: Mapping[str, str]) -> RequestFilter:
    """Return which requests the page is asked for; what is not known is left out."""
    request_class, outcome = fields.get("class", ""), fields.get("outcome", "")
    return RequestFilter(
        provider=printable(fields.get("provider", ""), _MAX_NAME),
        model=printable(fields.get("model", ""), MAX_MODEL_LENGTH),
        session=printable(fields.get("session", ""), MAX_SESSION_LENGTH),
        request_class=request_class if request_class in REQUEST_CLASSES else "",
        outcome=outcome if outcome in OUTCOMES else "",
    )
