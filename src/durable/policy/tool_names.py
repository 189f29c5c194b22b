"""What an MCP tool's name says about its effect. Pure.

The first word that decides, decides: `list_comments` looks up, `post_comment` creates. A word that may as well
be a thing (`comment`, `order`) gives way to a plain verb after it: `order_cancel` creates nothing.
"""

from __future__ import annotations


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


CREATES = _words(
    """announce broadcast buy charge create donate invite notify pay publish purchase refund reply respond send submit
    tweet withdraw"""
)
MAY_CREATE = _words(
    """book checkout comment deposit dispatch dm email forward mail note order payment payout post reserve schedule sms
    transfer trigger"""
)
CREATES_NOTHING = _words(
    """activate analyze approve archive assign browse browser calculate cancel check clear click close compare confirm
    connect convert copy count debug decline deactivate delete describe diff disable download draft drop edit enable
    estimate evaluate explain export fetch fill filter find format get has hide inspect is label link list load lock
    login logout lookup mark match merge move navigate open parse patch ping preview press put query quote read rebase
    refresh remove rename render replace reset resolve restore retrieve revert review save scan scrape search select
    set show sort start stop summarize sync take test toggle translate type unarchive unassign unlink unlock unmark
    update upload upsert validate verify view wait watch write"""
)
# Servers whose tools work on this machine alone.
LOCAL_SERVERS = _words(
    """browser chrome chrome-devtools context7 desktop-commander devtools fetch filesystem fs git ide jupyter
    localstack memory playwright puppeteer sequential-thinking serena sqlite terminal time tmux"""
)
# Made on this machine, or made again without harm.
LOCAL_THINGS = _words(
    """branch directories directory entities entity folder input key keys keystroke keystrokes relations session
    signal snapshot tab terminal window worktree"""
)


def creates(tool: str) -> bool:
    """Of `mcp__server__tool`."""
    _, _, rest = tool.partition("__")
    server, _, name = rest.partition("__")
    server = server.lower().replace("_", "-")
    words = words_of(name)
    while words and words[0] in server.split("-"):
        words = words[1:]
    if server in LOCAL_SERVERS or not LOCAL_THINGS.isdisjoint(words):
        return False
    # `create_or_update_file` gives the same twice.
    return _creates(words) and not ("or" in words and not CREATES_NOTHING.isdisjoint(words))


def _creates(words: list[str]) -> bool:
    may = False
    for word in words:
        if word in CREATES:
            return True
        if word in CREATES_NOTHING:
            return False
        may = may or word in MAY_CREATE
    return may


def words_of(name: str) -> list[str]:
    """`createPullRequest`, `create-pull_request` and `create.pullRequest` are the same words."""
    spread = ""
    for at, character in enumerate(name):
        before = name[at - 1] if at else ""
        if character.isupper() and (before.islower() or (before.isupper() and name[at + 1 : at + 2].islower())):
            spread += " "
        spread += character.lower() if character.isalnum() else " "
    return spread.split()
