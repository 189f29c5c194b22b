"""Every verb and the module that holds it. A module is imported when its verb runs, never before."""

from __future__ import annotations

VERBS = {
    "init": "durable.cli.init",
    "uninit": "durable.cli.uninit",
    "doctor": "durable.cli.doctor",
    "path": "durable.cli.path",
    "runs": "durable.cli.runs",
    "show": "durable.cli.show",
    "step": "durable.cli.step",
    "diff": "durable.cli.diff",
    "report": "durable.cli.report",
    "export": "durable.cli.export",
    "import": "durable.cli.import_",
    "open": "durable.cli.open",
    "approvals": "durable.cli.approvals",
    "tail": "durable.cli.tail",
    "events": "durable.cli.events",
    "stats": "durable.cli.stats",
    "cost": "durable.cli.cost",
    "failures": "durable.cli.failures",
    "verify": "durable.cli.verify",
    "audit": "durable.cli.audit",
    "check": "durable.cli.check",
    "reconcile": "durable.cli.reconcile",
    "run": "durable.cli.run",
    "resume": "durable.cli.resume",
    "claude": "durable.cli.claude",
    "allow": "durable.cli.allow",
    "resolve": "durable.cli.resolve",
    "happened": "durable.cli.happened",
    "not-happened": "durable.cli.not_happened",
    "approve": "durable.cli.approve",
    "deny": "durable.cli.deny",
    "retry": "durable.cli.retry",
    "note": "durable.cli.note",
    "cancel": "durable.cli.cancel",
    "clear": "durable.cli.clear",
    "policy": "durable.cli.policy",
    "off": "durable.cli.off",
    "on": "durable.cli.on",
    "key": "durable.cli.key",
    "retention": "durable.cli.retention",
    "backup": "durable.cli.backup",
    "restore": "durable.cli.restore",
    "rebuild": "durable.cli.rebuild",
    "migrate": "durable.cli.migrate",
}

# Behind their own options stand words of another program.
PASS_ON = frozenset(("claude",))

# What bin/durable offers from a checkout, with the standard library alone.
RESCUE = frozenset(
    {
        "init", "uninit", "path", "doctor", "off", "on", "migrate", "restore", "key", "open",
        "allow", "resolve", "happened", "not-happened", "approve", "deny",
    }
)  # fmt: skip
