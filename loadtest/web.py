"""locust's own web page beside a run, on loopback only and for its own visitors only."""

from __future__ import annotations

import sys
from typing import Any

import gevent  # type: ignore[import-untyped]
from flask import abort, request
from locust.env import Environment
from locust.stats import stats_history

HOST = "127.0.0.1"
START_S = 5.0


class WebPageError(Exception):
    """The page could not be served."""


def serve_page(environment: Environment, *, port: int) -> tuple[Any, str]:
    """Start locust's page, and give it and its URL. Port 0 lets the kernel choose.

    Raises:
        WebPageError: the port is taken.
    """
    # locust's page parses the command line for options of its own and would trip over ours; and a password on it has
    # no business in a web page.
    sys.argv[1:] = []
    page = environment.create_web_ui(host=HOST, port=port, delayed_start=True)
    assert page.app is not None
    page.app.debug = False
    page.app.before_request(_refuse_strangers)
    page.start()  # type: ignore[no-untyped-call]
    with gevent.Timeout(START_S, WebPageError(f"the web page did not start within {START_S:.0f} s")):
        while page.server is None or not page.server.started:
            if page.greenlet is None or page.greenlet.ready():
                why = page.greenlet.exception if page.greenlet is not None else None
                raise WebPageError(f"no web page on {HOST}:{port}: {why}")
            gevent.sleep(0.01)
    assert environment.runner is not None
    environment.runner.greenlet.spawn(stats_history, environment.runner)
    return page, f"http://{HOST}:{page.server.server_port}/"


def _refuse_strangers() -> None:
    """Let no other site's page steer the load through the reader's browser.

    locust answers every origin; a name that points to 127.0.0.1 would get as far.
    """
    host = request.host.rpartition(":")[0] or request.host
    origin = request.headers.get("Origin")
    if host not in (HOST, "localhost") or (origin is not None and origin != f"http://{request.host}"):
        abort(403)
