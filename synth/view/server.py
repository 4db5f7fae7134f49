"""The server: routes to what `Library` gives, on localhost, read-only, for this page alone.

Who may ask: a page of another site may send requests to localhost, also under a name of its own that it lets point
here (DNS rebinding). So a request must name the host as an address or as localhost, and must not come from elsewhere.
"""

import asyncio
import ipaddress
import json
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from aiohttp import web

from synth.columns import Condition
from synth.view.library import Library

PORT = 8642
PAGE = files("synth.view") / "page"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
MOST_AT_ONCE = 500  # records of one answer
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; style-src 'self' 'unsafe-inline'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
LIBRARY: web.AppKey[Library] = web.AppKey("library", Library)
READER: web.AppKey[ThreadPoolExecutor] = web.AppKey("reader", ThreadPoolExecutor)


def make_app(library: Library, hosts: tuple[str, ...] = ()) -> web.Application:
    """The application. hosts: names besides localhost and addresses that a request may call the server by."""
    app = web.Application(middlewares=[_guard({"localhost", *(host.lower() for host in hosts)})])
    app[LIBRARY] = library
    app[READER] = ThreadPoolExecutor(1, "reader")  # a dataset's files belong to one thread
    app.add_routes(
        [
            web.get("/", _page),
            web.get("/page/{name}", _page),
            web.get("/api/dataset", _json(lambda library, _: library.facts())),
            web.get("/api/columns", _json(lambda library, _: library.column_rows())),
            web.get("/api/records", _json(_records)),
            web.get("/api/histograms", _json(_histograms)),
            web.get("/api/triangles", _array(lambda library, _: library.triangles())),
            web.get(r"/api/records/{index:\d{1,12}}", _json(lambda library, r: library.record(_index(r)))),
            web.get(r"/api/records/{index:\d{1,12}}/vertices", _array(lambda lib, r: lib.vertices(_index(r)))),
            web.get(
                r"/api/records/{index:\d{1,12}}/values/{name:[\w/]+}",
                _array(lambda library, r: library.values(_index(r), r.match_info["name"])),
            ),
            web.get(r"/api/records/{index:\d{1,12}}/picture/{name:[\w/]+}", _picture),
            web.get(r"/api/records/{index:\d{1,12}}/thumbnail/{name:[\w/]+}", _thumbnail),
        ]
    )
    app.on_startup.append(_start)
    app.on_cleanup.append(_close)
    return app


async def _start(app: web.Application) -> None:
    app[LIBRARY].start()


async def _close(app: web.Application) -> None:
    app[READER].shutdown(cancel_futures=True)
    await asyncio.to_thread(app[LIBRARY].close)


def _guard(hosts: set[str]) -> Any:
    @web.middleware
    async def guard(request: web.Request, handler: Callable) -> web.StreamResponse:
        """Refuse strangers; errors in words; headers that keep the page to itself."""
        try:
            response = _refusal(request, hosts) or await handler(request)
        except web.HTTPException as error:
            response = web.json_response({"error": error.reason}, status=error.status)
        except (KeyError, IndexError) as error:
            response = web.json_response({"error": str(error.args[0] if error.args else error)}, status=404)
        except (ValueError, RecursionError, OSError) as error:
            response = web.json_response({"error": " ".join(str(error).split())}, status=400)
        response.headers.update(HEADERS)
        return response

    return guard


def _refusal(request: web.Request, hosts: set[str]) -> web.Response | None:
    if request.method not in ("GET", "HEAD"):
        return web.json_response({"error": "this server only shows"}, status=405)
    if not is_host_allowed(request.headers.get("Host", ""), hosts):
        return web.json_response({"error": "this server answers to localhost and to addresses"}, status=403)
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        is_link = request.headers.get("Sec-Fetch-Mode") == "navigate" and request.path == "/"
        return None if is_link else web.json_response({"error": "another site may not ask"}, status=403)
    return None


def is_host_allowed(header: str, hosts: set[str]) -> bool:
    """Whether the Host header is one of `hosts` or an address: a name that a stranger lets point here is neither."""
    name = header.rpartition("]")[0].lstrip("[") if header.startswith("[") else header.partition(":")[0]
    if name.lower() in hosts:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _page(request: web.Request) -> web.Response:
    """A file of the page: one of those that are there, by its name."""
    name = request.match_info.get("name", "index.html")
    if name not in {entry.name for entry in PAGE.iterdir()} or Path(name).suffix not in KINDS:
        raise web.HTTPNotFound(reason="there is no such file")
    text = (PAGE / name).read_text(encoding="utf-8")
    return web.Response(text=text, content_type=KINDS[Path(name).suffix], headers={"Cache-Control": "no-cache"})


async def _in_reader(request: web.Request, function: Callable, *args: object) -> Any:
    """The function's result, from the one thread that reads."""
    return await asyncio.get_running_loop().run_in_executor(request.app[READER], function, *args)


def _json(answer: Callable[[Library, web.Request], Any]) -> Callable:
    async def handler(request: web.Request) -> web.Response:
        content = await _in_reader(request, answer, request.app[LIBRARY], request)
        return web.Response(text=json.dumps(content), content_type="application/json")

    return handler


def _array(answer: Callable[[Library, web.Request], np.ndarray]) -> Callable:
    """Raw little-endian numbers; their dtype and shape are in the headers."""

    async def handler(request: web.Request) -> web.Response:
        array = await _in_reader(request, answer, request.app[LIBRARY], request)
        shape = ",".join(map(str, array.shape))
        headers = {"X-Dtype": str(array.dtype), "X-Shape": shape, **_lasting(request)}
        body = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        return web.Response(body=body, content_type="application/octet-stream", headers=headers)

    return handler


async def _picture(request: web.Request) -> web.Response:
    body = await _in_reader(request, request.app[LIBRARY].picture, _index(request), request.match_info["name"])
    return web.Response(body=body, content_type="image/png", headers=_lasting(request))


async def _thumbnail(request: web.Request) -> web.Response:
    name, side_px = request.match_info["name"], _whole(request, "px", 160)
    body = await _in_reader(request, request.app[LIBRARY].thumbnail, _index(request), name, side_px)
    kind = "image/jpeg" if body.startswith(b"\xff\xd8") else "image/png"
    return web.Response(body=body, content_type=kind, headers=_lasting(request))


def _lasting(request: web.Request) -> dict[str, str]:
    """A record never changes under a URL with this dataset's version; a page of before may still ask with another's."""
    is_own = request.query.get("v") == request.app[LIBRARY].version
    return {"Cache-Control": "private, max-age=86400" if is_own else "no-store"}


def _index(request: web.Request) -> int:
    return int(request.match_info["index"])


def _whole(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise ValueError(f"{name} must be a whole number of 0 or more, got {text!r:.40}")
    return int(text)


def _records(library: Library, request: web.Request) -> dict[str, Any]:
    conditions, sort, descending = read_query(request.query.get("q", "{}"))
    rows = library.order(conditions, sort, descending)
    limit = min(_whole(request, "limit", 100), MOST_AT_ONCE)
    if (record := request.query.get("around")) is not None:
        return _around(library, rows, record)
    return library.page(rows, _whole(request, "offset", 0), limit, sort)


def _around(library: Library, rows: np.ndarray, record: str) -> dict[str, Any]:
    """Where a record is in an order, and its neighbours there."""
    indices = library.columns.indices[rows]
    at = np.flatnonzero(indices == int(record)) if record.isascii() and record.isdigit() and len(record) < 13 else []
    if not len(at):
        return {"total": len(rows), "at": None, "previous": None, "next": None}
    k = int(at[0])
    around = [int(indices[j]) if 0 <= j < len(indices) else None for j in (k - 1, k + 1)]
    return {"total": len(rows), "at": k, "previous": around[0], "next": around[1]}


def _histograms(library: Library, request: web.Request) -> list[dict[str, Any]]:
    conditions, _, _ = read_query(request.query.get("q", "{}"))
    names = [name for name in request.query.get("columns", "").split(",") if name][:100]
    return library.histograms(names, library.order(conditions, "", False))


def read_query(text: str) -> tuple[tuple[Condition, ...], str, bool]:
    """Conditions, the column to sort by and whether descending, from JSON {where: [...], sort, descending}.

    ValueError says what of it is not so.
    """
    try:
        query = json.loads(text)
        conditions = tuple(_condition(row) for row in query.get("where", []))
        sort, descending = query.get("sort") or "", query.get("descending", False)
        if not isinstance(sort, str) or not isinstance(descending, bool):
            raise TypeError("sort must be a column, descending true or false")
    except (TypeError, AttributeError, KeyError, RecursionError, ValueError) as error:
        raise ValueError(f"q must be JSON such as {{'where': [{{'column': 'yaw', 'low': 0}}]}}: {error}") from None
    return conditions, sort, descending


def _condition(row: dict[str, Any]) -> Condition:
    low, high, choices = row.get("low"), row.get("high"), row.get("choices")
    return Condition(
        column=str(row["column"]),
        low=-np.inf if low is None else float(low),
        high=np.inf if high is None else float(high),
        choices=None if choices is None else tuple(map(str, choices)),
    )


def bind(host: str, port: int | None) -> socket.socket:
    """A listening socket; no port is PORT, or a free one if that is taken. ValueError if a port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for wanted in (PORT, 0) if port is None else (port,):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, wanted))
            listener.listen(128)  # now: on some systems only this tells that another listens
            return listener
        except OSError as error:
            listener.close()
            if port is not None or wanted == 0:
                raise ValueError(f"--port {wanted} on {host} cannot be had: {error.strerror}; choose another") from None
    raise AssertionError("a free port was asked for and neither given nor refused")


def url_of(listener: socket.socket) -> str:
    """The address to type into a browser."""
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "localhost", "::": "localhost"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}/"


def serve(dataset_dir: Path, host: str, port: int | None, ready: Callable[[str], None]) -> None:
    """Serve until interrupted. ready: called with the URL once the server listens. ValueError as of `Library`."""
    library, listener = Library(dataset_dir), bind(host, port)
    app = make_app(library, (host,))
    app.on_startup.append(lambda _: _call(ready, url_of(listener)))
    web.run_app(app, sock=listener, print=None, handle_signals=True)


async def _call(function: Callable[[str], None], word: str) -> None:
    function(word)
