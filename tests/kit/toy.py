"""A vendor in twenty lines for the kit's own tests: notes that can be written, listed and read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncd.kit.sandbox import ControlError, Sandbox, reply


class ToySandbox(Sandbox):
    """Keeps notes in a dict; `big` makes its list answer long."""

    name = "toy"
    kinds = ("notes",)
    switches: ClassVar[Mapping[str, Any]] = {"big": False}

    def clear(self) -> None:
        """No notes."""
        self.notes: dict[str, dict[str, Any]] = {}

    def routes(self) -> list[Route]:
        """List, create, read."""
        return [
            Route("/notes", self.list, methods=["GET"]),
            Route("/notes", self.create, methods=["POST"]),
            Route("/notes/{id}", self.read, methods=["GET"]),
            Route("/echo", self.echo, methods=["POST"]),
            Route("/tell", self.tell, methods=["POST"]),
        ]

    async def list(self, _request: Request) -> Response:
        """All notes."""
        return reply({"notes": list(self.notes.values()), "pad": "x" * 200_000 if self.settings["big"] else ""})

    async def create(self, request: Request) -> Response:
        """One more note."""
        number = str(len(self.notes) + 1)
        note = self.notes[number] = {"id": number, **(await request.json())}
        self.note("notes", number, by="api", via="api", fields={"text": (None, note.get("text"))})
        return reply(note, 201)

    async def read(self, request: Request) -> Response:
        """One note."""
        note = self.notes.get(request.path_params["id"])
        return reply(note) if note else reply({"message": "no such note", "correlationId": "c-1"}, 404)

    async def echo(self, request: Request) -> Response:
        """Answer with the status, headers and body that the request asks for."""
        order = await request.json()
        return Response(order.get("text", ""), status_code=order["status"], headers=order.get("headers"))

    async def tell(self, request: Request) -> Response:
        """What was sent."""
        return reply({"text": (await request.body()).decode(), "headers": dict(request.headers)})

    def dump(self, kind: str) -> list[dict[str, Any]]:
        """All notes."""
        assert kind == "notes"
        return list(self.notes.values())

    def act(self, action: dict[str, Any]) -> dict[str, Any]:
        """Nothing a person could do."""
        raise ControlError(f"unknown verb {action.get('do')}")

    def seed(self, spec: dict[str, Any]) -> dict[str, Any]:
        """So many empty notes."""
        self.notes = {str(n): {"id": str(n)} for n in range(1, spec["leads"] + 1)}
        return {"made": spec["leads"]}

    def import_csv(self, kind: str, text: str) -> dict[str, Any]:
        """A note per line."""
        return {"kind": kind, "made": len(text.splitlines())}

    def settled(self) -> dict[str, Any]:
        """There is no index."""
        return {"settled": True, "in": 0.0}
