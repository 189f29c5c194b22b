"""What an MCP tool's name says about its effect. Pure.

The first word that decides, decides: `list_comments` looks up, `post_comment` creates. A word that may as well
be a thing (`comment`, `order`) gives way to a plain verb after it: `order_cancel` creates nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


CREATES = _words(
    """announce broadcast buy charge create donate invite notify pay publish purchase refund reply respond send submit
    tweet withdraw"""
)
# With a thing of OWN_THINGS after it: `add_card_to_list` does, `add_label` does no harm the second time.
MAKES = _words("add insert make new place raise run")
OWN_THINGS = _words(
    """bid bug card comment comments event invoice issue message order payment pipeline post reply ticket transfer
    workflow worklog"""
)
MAY_CREATE = _words(
    """book checkout comment deposit dispatch dm email forward mail note order payment payout post reserve schedule sms
    transfer trigger"""
)
CREATES_NOTHING = _words(
    """activate analyze approve archive assign browse browser calculate cancel check clear click close compare confirm
    connect convert copy count debug decline deactivate delete describe diff disable download draft drop dry edit enable
    estimate evaluate explain export fetch fill filter find format get has hide inspect is label link list load lock
    login logout lookup mark match merge move navigate open parse patch ping preview press put query quote read rebase
    refresh remove rename render replace reset resolve restore retrieve revert review save scan scrape search select
    set show simulate sort start stop summarize sync take test toggle translate type unarchive unassign unlink unlock
    unmark update upload upsert validate verify view wait watch write"""
)
# At the end of a name, after a word that may be a thing: `order_status`.
ASKED_FOR = _words(
    "balance count detail details history info preview schema stats statistics status summary template total"
)
# Servers whose tools work on this machine alone, or make a thing by its name, which fails the second time.
LOCAL_SERVERS = _words(
    """android blender browser chrome chrome-devtools claude-in-chrome computer computer-use context7 desktop-commander
    devtools docker excel fetch files filesystem fs git godot ide iterm iterm2 jetbrains jupyter k8s kubernetes
    localstack memory mobile obsidian plan playwright powerpoint puppeteer selenium sequential-thinking serena sqlite
    task-master task-master-ai taskmaster terminal time tmux todo todos unity vscode word xcode"""
)
# What a server's name may hold beside its own: `playwright-mcp`, `plugin_playwright_playwright`.
NO_NAMES = frozenset(("mcp", "server", "plugin", "local"))
# Made on this machine, or made again without harm.
LOCAL_THINGS = _words(
    """branch bucket cell directories directory entities entity folder relations rules snapshot tab table terminal todo
    todos window worksheet worktree"""
)
SENT_HERE = _words("character characters input key keys keystroke keystrokes signal")  # to a terminal or browser
# The fields of an input that say what a tool for many things is to do: `issue_write` with `method: create`.
ACTIONS = ("method", "action", "operation", "command")


def creates(tool: str, given: dict[str, Any]) -> bool:
    """Of `mcp__server__tool` with the input `given`."""
    _, _, rest = tool.partition("__")
    server, _, name = rest.partition("__")
    server = server.lower().replace("_", "-")
    words = words_of(name)
    while words and words[0] in server.split("-"):
        words = words[1:]
    if _is_local(server) or not LOCAL_THINGS.isdisjoint(words):
        return False
    if not SENT_HERE.isdisjoint(words) and "send" in words:
        return False
    if words[-1:] in (["write"], ["manage"]):
        return any(_is_creating(given.get(field)) for field in ACTIONS)
    # `create_or_update_file` gives the same twice.
    return _creates(words) and not ("or" in words and not CREATES_NOTHING.isdisjoint(words))


def _is_local(server: str) -> bool:
    parts = [part for part in server.split("-") if part not in NO_NAMES]
    # A plugin's server bears the plugin's name before its own.
    return any("-".join(parts[at:]) in LOCAL_SERVERS for at in range(len(parts) if server.startswith("plugin-") else 1))


def _is_creating(action: Any) -> bool:
    return isinstance(action, str) and not CREATES.isdisjoint(words_of(action)[:1])


def _creates(words: list[str]) -> bool:
    may = False
    for at, word in enumerate(words):
        if word in CREATES or (word in MAKES and not OWN_THINGS.isdisjoint(words[at + 1 :])):
            return True
        if word in CREATES_NOTHING:
            return False
        may = may or word in MAY_CREATE
    return may and words[-1] not in ASKED_FOR


def words_of(name: str) -> list[str]:
    """`createPullRequest`, `create-pull_request` and `create.pullRequest` are the same words."""
    spread = ""
    for at, character in enumerate(name):
        before = name[at - 1] if at else ""
        if character.isupper() and (before.islower() or (before.isupper() and name[at + 1 : at + 2].islower())):
            spread += " "
        spread += character.lower() if character.isalnum() else " "
    return spread.split()
