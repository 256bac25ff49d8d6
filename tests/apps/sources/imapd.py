"""A small IMAP server of the tests: signing in, folders, searching and fetching by UID."""

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Any


@dataclass
class Mails:
    """Messages by UID, per folder as it is written on the wire."""

    port: int = 0
    validity: int = 1
    folders: dict[str, dict[int, bytes]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    spoilt: bytes = b""

    def add(self, uid: int, subject: str, text: str, *, folder: str = "INBOX") -> None:
        head = f"Subject: {subject}\r\nFrom: Ann <ann@example.org>\r\n"
        date = "Date: Mon, 06 May 2024 07:08:09 +0000\r\n"
        plain = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        message = f"{head}{date}{plain}\r\n{text}\r\n".encode()
        self.folders.setdefault(folder, {})[uid] = message

    def answers(self, line: str, state: dict[str, Any]) -> Iterator[bytes]:
        tag, command, rest = (*line.split(" ", 2), "")[:3]
        match command.upper():
            case "CAPABILITY":
                yield b"* CAPABILITY IMAP4rev1\r\n"
            case "LOGIN":
                if rest != 'ann "geheim"':
                    yield f"{tag} NO [AUTHENTICATIONFAILED] no\r\n".encode()
                    return
            case "EXAMINE":
                name = rest.strip('"')
                if name not in self.folders:
                    yield f"{tag} NO no such folder\r\n".encode()
                    return
                state["folder"] = self.folders[name]
                yield f"* {len(state['folder'])} EXISTS\r\n".encode()
                yield f"* OK [UIDVALIDITY {self.validity}] valid\r\n".encode()
            case "UID":
                yield from self._by_uid(rest, state["folder"])
            case "LOGOUT":
                yield b"* BYE\r\n"
        yield f"{tag} OK done\r\n".encode()

    def _by_uid(self, rest: str, folder: dict[int, bytes]) -> Iterator[bytes]:
        if rest.startswith("SEARCH"):
            yield f"* SEARCH {' '.join(map(str, folder))}\r\n".encode()
            return
        self.fetched.append(rest)
        for n, (uid, message) in enumerate(folder.items(), start=1):
            if str(uid) in re.split(r"[ ,]", rest.removeprefix("FETCH ").partition(" (")[0]):
                yield self.spoilt or _fetched(n, uid, message, is_whole="BODY.PEEK[])" in rest)


def _fetched(n: int, uid: int, message: bytes, *, is_whole: bool) -> bytes:
    head = message_from_bytes(message)
    short = "".join(f"{name}: {head[name]}\r\n" for name in ("Subject", "Date", "From")) + "\r\n"
    body = message if is_whole else short.encode()
    told = f"* {n} FETCH (UID {uid} RFC822.SIZE {len(message)} BODY[] {{{len(body)}}}\r\n"
    return told.encode() + body + b")\r\n"


@contextmanager
def receiving() -> Iterator[Mails]:
    mails = Mails()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            state: dict[str, Any] = {}
            for line in self.rfile:
                for piece in mails.answers(line.decode().rstrip("\r\n"), state):
                    self.wfile.write(piece)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        mails.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield mails
        server.shutdown()
        thread.join()
