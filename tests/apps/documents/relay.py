"""A door to a server that can be shut: connections end, and new ones are refused."""

import contextlib
import socket
import threading


class Relay:
    """Passes bytes between a port of its own and a server, while it is open."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._ends: list[socket.socket] = []
        self._door: socket.socket | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Let clients in, at the same port every time."""
        door = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port, self._door = door.getsockname()[1], door
        threading.Thread(target=self._let_in, args=(door,), daemon=True).start()

    def shut(self) -> None:
        """The server is gone for everybody."""
        if self._door is not None:
            _end(self._door)
            self._door = None
        while self._ends:
            _end(self._ends.pop())

    def _let_in(self, door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = door.accept()
                server = socket.create_connection(self._to)
                self._ends += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    _end(target)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
