"""A clamd that speaks its protocol and knows one virus, which every scanner's list has for tests."""

import socket
import threading
from pathlib import Path
from typing import Self

# In two parts: scanners would take this file away.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


class FakeClamd:
    """``with FakeClamd(socket_path) as clamd``. ``answer``: said instead of a verdict, None: it hangs
    up without a word."""

    def __init__(self, path: Path, *, most: int = 25 * 1024 * 1024) -> None:
        self.path, self.most = path, most
        self.answer: bytes | None = b""
        self.scanned: list[bytes] = []

    def __enter__(self) -> Self:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(self.path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
        self.path.unlink()

    def _serve(self) -> None:
        while True:
            try:
                asked, _ = self._socket.accept()
            except OSError:
                return
            with asked:
                self._answer(asked)

    def _answer(self, asked: socket.socket) -> None:
        with asked.makefile("rb") as said:
            command = said.read(6)
            if command == b"zPING\0":
                asked.sendall(b"PONG\0")
                return
            assert command + said.read(4) == b"zINSTREAM\0"
            data = b""
            while size := int.from_bytes(said.read(4), "big"):
                data += said.read(size)
                if len(data) > self.most:
                    asked.sendall(b"INSTREAM size limit exceeded. ERROR\0")
                    return
        self.scanned.append(data)
        if self.answer is not None:
            asked.sendall(self.answer or self._verdict(data))

    def _verdict(self, data: bytes) -> bytes:
        return b"stream: Eicar-Test-Signature FOUND\0" if EICAR in data else b"stream: OK\0"
