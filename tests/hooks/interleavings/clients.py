"""Clients that come, go on elsewhere, and die, with what they leave behind."""

from __future__ import annotations

from ..door import FakeClient, recorded
from . import rules
from .actors import Orphan
from .book import Client, Made
from .machine import Machine


class Clients(Machine):
    def client(self, number: str) -> Client:
        alive = [client for client in self.book.clients if client.alive]
        return alive[int(number) % len(alive)] if alive else self._opened("P", False)

    def do_open(self, project: str, how: str) -> None:
        self._opened(project, how == "attended")

    def do_continue(self, number: str) -> None:
        before = self._any_client(number)
        self._opened(before.project, before.attended, run=before.run, env={"DURABLE_RUN_ID": before.run})

    def do_resume(self, number: str) -> None:
        gone = [client for client in self.book.clients if not client.alive]
        if gone:
            self._again(gone[int(number) % len(gone)])

    def do_second(self, number: str) -> None:
        self._again(self.client(number))

    def do_move(self, number: str) -> None:
        before = self._any_client(number)
        if any(client.alive and client.session == before.session for client in self.book.clients):
            return
        run = f"run-{len(self.book.clients)}"
        self._opened(before.project, before.attended, session=before.session, run=run, env={"DURABLE_RUN_ID": run})

    def _any_client(self, number: str) -> Client:
        return self.book.clients[int(number) % len(self.book.clients)]

    def _again(self, before: Client) -> Client:
        """Its session goes on in the run that it was in last, unless the environment names one."""
        last = [client for client in self.book.clients if client.session == before.session][-1]
        run = before.env.get("DURABLE_RUN_ID") or last.run
        return self._opened(before.project, before.attended, session=before.session, run=run, env=before.env)

    def _opened(
        self, project: str, attended: bool, session: str = "", run: str = "", env: dict[str, str] | None = None
    ) -> Client:
        name = f"c{len(self.book.clients)}"
        session = session or f"{self.name}-{name}"
        client = Client(name, FakeClient(), session, run or session, project, attended, env or {})
        self.book.clients.append(client)
        source = "startup" if session.endswith(f"-{name}") else "resume"
        self._heard(client, "lifecycle", recorded(f"SessionStart-{source}", **self._fields(client)))
        return client

    def do_kill(self, number: str, how: str) -> None:
        busy = [client for client in self.book.clients if self._running(client)]
        client = busy[int(number) % len(busy)] if busy else self.client(number)
        if how == "orphan":
            for made in self._running(client):
                made.orphan = None if rules.is_mcp(made.line) else Orphan(client.session)
        self._die(client)
        self._cut(self._running(client), how)

    def _die(self, client: Client) -> None:
        client.process.kill()
        client.alive, client.killed = False, True
        self.counted["kills"] += 1
        for made in self.book.made:
            if made.client is client and made.status == "silent":
                self.book.doubt(made)

    def do_leave(self, number: str, how: str) -> None:
        client = self.client(number)
        self._effects(self._running(client), how)
        self._heard(client, "lifecycle", recorded("SessionEnd-other", **self._fields(client)))
        client.process.kill()
        client.alive = False
        self.book.ends(client)

    def do_escape(self, number: str, how: str) -> None:
        client = self.client(number)
        mine = [made for made in self._running(client) if made.agent == "main"]
        self._effects(mine, how)
        for made in mine:
            made.status = "silent"
        client.prompts += 1

    def _running(self, client: Client) -> list[Made]:
        return [made for made in self.book.made if made.client is client and made.status == "running"]

    def _cut(self, cut: list[Made], how: str) -> None:
        self._effects(cut, how)
        for made in cut:
            self.book.doubt(made)

    def _effects(self, cut: list[Made], how: str) -> None:
        for made in cut if how == "after" else ():
            self._effect(made)

    def do_orphan(self, number: str, how: str) -> None:
        left = [made for made in self.book.made if made.orphan is not None]
        if not left:
            return
        made = left[int(number) % len(left)]
        if how == "effect":
            self._effect(made)
        made.orphan.end()
        made.orphan = None
