"""What ``footnote-client`` makes of losses, busy servers and odd answers; both clients."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from footnote_client import AsyncClient, Client, FootnoteError
from footnote_client.calls import read

ADDRESS, KEY, UPLOAD = "https://kb.example.com", "fn_x", "/api/v1/uploads/u"
Answer = Callable[[httpx.Request], httpx.Response]
# A function that takes a method of a client, and what it is given, and calls it.
Calls = Callable[..., Any]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited for, in seconds; nothing waits."""
    waited: list[float] = []

    async def asleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("footnote_client.client.time.sleep", waited.append)
    monkeypatch.setattr("footnote_client.aio.asyncio.sleep", asleep)
    return waited


@pytest.fixture(params=["waiting", "async"])
def calling(request: pytest.FixtureRequest, waits: list[float]) -> Callable[[Answer], Calls]:
    """Of what answers: a function that calls a method of a client, by name."""

    def of(answer: Answer) -> Calls:
        # A response is sent once: each time another.
        transport = httpx.MockTransport(lambda request: _fresh(answer(request)))

        def waiting(name: str, *args: Any, **wishes: Any) -> Any:
            with httpx.Client(transport=transport) as http:
                said = getattr(Client(ADDRESS, KEY, http=http), name)(*args, **wishes)
                return list(said) if isinstance(said, Iterator) else said

        async def meanwhile(name: str, *args: Any, **wishes: Any) -> Any:
            async with httpx.AsyncClient(transport=transport) as http:
                said = getattr(AsyncClient(ADDRESS, KEY, http=http), name)(*args, **wishes)
                if hasattr(said, "__aiter__"):
                    return [each async for each in said]
                return await cast(Awaitable[Any], said)

        if request.param == "waiting":
            return waiting
        return lambda *args, **wishes: asyncio.run(meanwhile(*args, **wishes))

    return of


def _fresh(said: httpx.Response) -> httpx.Response:
    return httpx.Response(said.status_code, headers=said.headers, content=said.content)


def _error(
    status: int, code: str, headers: dict[str, str] | None = None, **details: Any
) -> httpx.Response:
    body = {"error": {"code": code, "message": "…", "details": details}}
    return httpx.Response(status, json=body, headers=headers)


@pytest.mark.usefixtures("waits")
def test_the_next_page_is_asked_with_its_cursor_and_the_filters(
    calling: Callable[[Answer], Calls],
) -> None:
    pages = {"": ("a", "1"), "1": ("b", "2"), "2": ("c", "")}

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        assert (asked["state"], asked["limit"]) == ("failed", "1")
        name, following = pages[asked.get("cursor", "")]
        address = f"/api/v1/collections/k/documents?state=failed&limit=1&cursor={following}"
        body = {"items": [{"name": name}], "next": address if following else None}
        return httpx.Response(200, json=body)

    rows = calling(answer)("documents", "k", state="failed", limit="1")
    assert [row["name"] for row in rows] == ["a", "b", "c"]


@pytest.mark.parametrize("odd", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_a_stream_may_hold_what_python_takes_for_the_end_of_a_line(
    calling: Callable[[Answer], Calls], odd: str
) -> None:
    sent = [{"type": "delta", "n": n, "text": f"one{odd}two"} for n in range(2)]
    # As it is, where JSON allows it.
    lines = [json.dumps(each, ensure_ascii=False) for each in sent]
    body = "".join(f"event: delta\ndata: {line}\n\n: ping\n\n" for line in lines).encode()

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body)

    assert calling(answer)("stream", "?") == sent


class Uploads:
    """A server of one upload. ``odd`` are answers, or losses, in place of what PATCH would say; a
    loss comes after the bytes were taken."""

    def __init__(self, *odd: Any, takes_in: bool = True) -> None:
        self.odd, self.takes_in = iter(odd), takes_in
        self.taken, self.size, self.state = b"", 0, "receiving"
        self.seen: list[str] = []
        self.finishes: Iterator[Any] = iter(())

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request.method)
        match request.method:
            case "POST" if request.url.path.endswith("/finish"):
                return self._finish()
            case "POST":
                self.size = int(request.headers["Upload-Length"])
                return httpx.Response(201, headers={"Location": UPLOAD})
            case "PATCH":
                return self._append(request)
            case "HEAD":
                return httpx.Response(200, headers={"Upload-Offset": str(len(self.taken))})
            case _:
                return httpx.Response(200, json={"state": self.state})

    def _append(self, request: httpx.Request) -> httpx.Response:
        odd = next(self.odd, None)
        if isinstance(odd, httpx.Response):
            return odd
        assert int(request.headers["Upload-Offset"]) == len(self.taken)
        self.taken += request.content
        if len(self.taken) == self.size and self.takes_in:
            self.state = "taken"
        if odd is not None:
            raise odd
        return httpx.Response(204, headers={"Upload-Offset": str(len(self.taken))})

    def _finish(self) -> httpx.Response:
        if odd := next(self.finishes, None):
            return cast(httpx.Response, odd)
        self.state = "taken"
        return httpx.Response(200, json={"state": self.state})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "large.txt"
    made.write_bytes(bytes(range(10)))
    return made


@pytest.mark.parametrize(
    "odd",
    [
        [None, None, httpx.ReadError("lost with the last piece")],
        [httpx.ReadError("lost with the first")],
        [_error(429, "TOO_MANY_REQUESTS", {"Retry-After": "7"})],
        [None, _error(423, "CONFLICT"), _error(423, "CONFLICT")],
        [None, _error(409, "CONFLICT", offset=4)],
        [_error(502, "HTTP"), _error(503, "HTTP"), _error(504, "HTTP")],
    ],
)
def test_an_upload_goes_on_where_the_server_is(
    calling: Callable[[Answer], Calls], file: Path, odd: list[Any]
) -> None:
    server = Uploads(*odd)
    assert calling(server)("upload", "k", file, piece=4) == {"state": "taken"}
    assert server.taken == file.read_bytes()


def test_an_upload_waits_as_long_as_the_server_asks(
    calling: Callable[[Answer], Calls], file: Path, waits: list[float]
) -> None:
    server = Uploads(_error(429, "TOO_MANY_REQUESTS", {"Retry-After": "7"}))
    calling(server)("upload", "k", file)
    assert waits == [7.0]


def test_a_file_that_came_whole_and_was_not_taken_in_is_finished(
    calling: Callable[[Answer], Calls], file: Path
) -> None:
    server = Uploads(httpx.ReadError("and the process ended"), takes_in=False)
    server.finishes = iter([_error(423, "CONFLICT")])
    assert calling(server)("upload", "k", file) == {"state": "taken"}
    assert server.seen == ["POST", "PATCH", "HEAD", "GET", "POST", "GET", "POST"]


def test_an_upload_ends_when_the_server_stays_busy(
    calling: Callable[[Answer], Calls], file: Path
) -> None:
    with pytest.raises(FootnoteError) as refused:
        calling(Uploads(*[_error(503, "ENGINE_BUSY")] * 9))("upload", "k", file)
    assert refused.value.status == 503


def test_a_file_that_became_shorter_is_not_uploaded(
    calling: Callable[[Answer], Calls], file: Path
) -> None:
    server = Uploads()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "PATCH":
            file.write_bytes(b"short")
        return server(request)

    with pytest.raises(FootnoteError, match="shorter") as refused:
        calling(answer)("upload", "k", file, piece=4)
    assert refused.value.code == "FILE_CHANGED"


def test_a_question_whose_answer_failed_is_asked_anew(
    calling: Callable[[Answer], Calls],
) -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if keys[-1] in keys[:-1]:
            return _error(503, "ENGINE_BUSY", {"Idempotent-Replayed": "true"}, turn="t")
        if len(keys) < 3:
            return _error(503, "ENGINE_BUSY", turn="t")
        return httpx.Response(200, json={"answer": "Ninety days."})

    said = calling(answer)("ask", "?", idempotency_key="mine")
    assert said == {"answer": "Ninety days."}
    assert (len(set(keys)), keys[0]) == (3, "mine")


def test_failures_of_an_earlier_run_are_passed_over(calling: Callable[[Answer], Calls]) -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) <= 5:
            return _error(503, "ENGINE_BUSY", {"Idempotent-Replayed": "true"}, turn="t")
        return httpx.Response(200, json={"answer": "Ninety days."})

    ask = calling(answer)
    ask("ask", "?", idempotency_key="mine")
    first, keys[:] = list(keys), []
    ask("ask", "?", idempotency_key="mine")
    assert first == keys
    assert len(set(keys)) == 6


def test_a_write_that_is_still_worked_on_is_waited_for(
    calling: Callable[[Answer], Calls],
) -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) < 9:
            return _error(409, "IDEMPOTENCY_CONFLICT", in_progress=True)
        return httpx.Response(200, json={"answer": "Ninety days."})

    assert calling(answer)("ask", "?") == {"answer": "Ninety days."}
    assert len(set(keys)) == 1


def test_another_write_under_the_same_key_is_refused_at_once(
    calling: Callable[[Answer], Calls], waits: list[float]
) -> None:
    with pytest.raises(FootnoteError):
        calling(lambda _request: _error(409, "IDEMPOTENCY_CONFLICT"))("ask", "?")
    assert waits == []


@pytest.mark.parametrize("before", [httpx.ReadError("lost"), _error(504, "HTTP")])
def test_what_is_gone_at_the_next_try_is_deleted(
    calling: Callable[[Answer], Calls], before: Any
) -> None:
    first = iter([before])

    def answer(_request: httpx.Request) -> httpx.Response:
        said = next(first, _error(404, "NOT_FOUND"))
        if isinstance(said, Exception):
            raise said
        return cast(httpx.Response, said)

    assert calling(answer)("delete", "d") == {"document": "d"}
    with pytest.raises(FootnoteError) as refused:
        calling(answer)("delete", "d")
    assert refused.value.status == 404


def test_a_redirect_is_not_followed_and_says_so(calling: Callable[[Answer], Calls]) -> None:
    to = {"Location": "https://elsewhere.example.com/api/v1/me"}
    moved = calling(lambda _request: httpx.Response(301, headers=to))
    for name, *args in (["me"], ["stream", "?"]):
        with pytest.raises(FootnoteError, match="elsewhere") as refused:
            moved(name, *args)
        assert (refused.value.code, refused.value.status) == ("REDIRECTED", 301)


@pytest.mark.parametrize("asked", ["61", "Fri, 01 Jan 2999 00:00:00 GMT"])
def test_a_server_that_wants_more_than_a_minute_is_not_asked_earlier(
    calling: Callable[[Answer], Calls], waits: list[float], asked: str
) -> None:
    busy = _error(429, "TOO_MANY_REQUESTS", {"Retry-After": asked})
    with pytest.raises(FootnoteError) as refused:
        calling(lambda _request: busy)("me")
    assert (refused.value.status, waits) == (429, [])
    assert (refused.value.retry_after or 0) > 60


def test_closing_who_asks_for_an_employee_leaves_the_connection_open() -> None:
    with Client(ADDRESS, KEY) as erp:
        with erp.on_behalf_of("bob@example.com", cast(Any, None)):
            pass
        assert not erp._http.is_closed
    assert erp._http.is_closed


def test_no_filter_leaves_the_query_of_an_address_as_it_is() -> None:
    assert read("/documents?cursor=1").params is None
