"""Which silent providers are shown."""

from __future__ import annotations

from claude_proxy.core.status_report import WaitingRequest
from claude_proxy.proxy.waiting import MAX_SHOWN, Waiting, WaitingRequests


def test_only_long_silences_are_shown_the_longest_first() -> None:
    requests = WaitingRequests()
    given = [Waiting("s", "a", 80.0, lambda: "b"), Waiting("t", "b", 90.1), Waiting("u", "c", 70.0), Waiting("v", "d")]
    for waiting in given:
        requests.begin(waiting)
    assert requests.silent(100.0) == (WaitingRequest("c", 30.0, "", "u"), WaitingRequest("a", 20.0, "b", "s"))
    requests.end(given[2])
    requests.end(given[2])
    assert [each.provider for each in requests.silent(101.0)] == ["a", "b"]


def test_a_report_holds_a_few_of_many() -> None:
    requests = WaitingRequests()
    for _ in range(MAX_SHOWN + 1):
        requests.begin(Waiting("s", "a", 0.0))
    assert len(requests.silent(60.0)) == MAX_SHOWN
