"""Which commands only run another one, and which of their options take a value."""

from __future__ import annotations

# name → its options that take a value, how many plain words come before the command.
PREFIXES: dict[str, tuple[tuple[str, ...], int]] = {
    "aws-vault exec": (("-d", "--duration", "--region"), 1),
    "asdf exec": ((), 0),
    "bundle exec": ((), 0),
    "bunx": (("-p", "--package"), 0),
    "bun x": (("-p", "--package"), 0),
    "busybox": ((), 0),
    "caffeinate": (("-t", "-w"), 0),
    "chronic": ((), 0),
    "chrt": (("-T", "-P", "-D"), 1),
    "conda run": (("-n", "--name", "-p", "--prefix", "--cwd"), 0),
    "corepack": ((), 0),
    "dbus-run-session": (("--config-file", "--dbus-daemon"), 0),
    "direnv exec": ((), 1),
    "doas": (("-u", "-C", "-a"), 0),
    "doppler run": (("-p", "--project", "-c", "--config", "-t", "--token"), 0),
    "dotenv --": ((), 0),
    "dotenv -e": ((), 1),
    "dotenv -f": ((), 1),
    "dotenvx run": (("-f", "--env-file", "-e", "--env"), 0),
    "dotenv run": (("-f", "--file"), 0),
    "hatch run": ((), 0),
    "infisical run": (("--env", "--path", "--projectId"), 0),
    "ionice": (("-c", "-n", "--class", "--classdata"), 0),
    "ltrace": (("-e", "-o", "-p", "-s", "-a", "-n", "-u"), 0),
    "mise exec": ((), 0),
    "mise x": ((), 0),
    "nice": (("-n", "--adjustment"), 0),
    "nocorrect": ((), 0),
    "noglob": ((), 0),
    "nohup": ((), 0),
    "npm exec": (("-p", "--package", "-w", "--workspace"), 0),
    "npx": (("-p", "--package", "-w", "--workspace"), 0),
    "nvm exec": ((), 1),
    "op run": (("--env-file", "--account"), 0),
    "pdm run": (("-p", "--project"), 0),
    "pipenv run": ((), 0),
    "pipx run": (("--spec", "--python", "--pip-args"), 0),
    "pnpm dlx": (("--package",), 0),
    "pnpm exec": ((), 0),
    "poetry run": ((), 0),
    "proxychains": (("-f",), 0),
    "proxychains4": (("-f",), 0),
    "rye run": ((), 0),
    "setsid": ((), 0),
    "ssh-agent": ((), 0),
    "stdbuf": (("-i", "-o", "-e", "--input", "--output", "--error"), 0),
    "strace": (("-e", "-o", "-p", "-s", "-a", "-E", "-I", "-O", "-S", "-u", "-P"), 0),
    "systemd-run": (
        ("-p", "--property", "-u", "--unit", "-E", "--setenv", "--uid", "--gid", "--working-directory", "--slice"), 0
    ),
    "taskset": ((), 1),
    "time": (("-f", "-o", "--format", "--output"), 0),
    "timeout": (("-s", "-k", "--signal", "--kill-after"), 1),
    "gtimeout": (("-s", "-k", "--signal", "--kill-after"), 1),
    "torsocks": ((), 0),
    "unbuffer": ((), 0),
    "unshare": ((), 0),
    "volta run": (("--node", "--npm", "--yarn", "--pnpm"), 0),
    "uv run": (
        ("-p", "--python", "--with", "--extra", "--group", "--with-requirements", "--with-editable", "--project",
         "--index", "--env-file", "--package", "--only-group", "--no-group", "--directory"),
        0,
    ),
    "uvx": (("--from", "--with", "-p", "--python", "--index"), 0),
    "xvfb-run": (("-n", "-s", "-e", "-f", "-p", "-w"), 0),
    "yarn dlx": (("-p", "--package"), 0),
    "yarn exec": ((), 0),
}  # fmt: skip
# They take `name@version`.
FETCHING = frozenset(("bunx", "bun x", "npm exec", "npx", "pipx run", "pnpm dlx", "uvx", "yarn dlx"))
# Of all that stands before one of these, only they know what it is.
UP_TO = {
    "mise exec": ("--",), "mise x": ("--",), "fnm exec": ("--",), "nix develop": ("-c", "--command"),
    "nix shell": ("-c", "--command"),
}  # fmt: skip
GROUPS = frozenset(name.partition(" ")[0] for name in (*PREFIXES, *UP_TO) if " " in name)
SUDO = (
    "-u", "-g", "-h", "-p", "-C", "-R", "-T", "-r", "-t", "-U", "--user", "--group", "--host", "--prompt",
    "--close-from", "--chroot", "--command-timeout", "--role", "--type", "--other-user",
)  # fmt: skip
SUDO_RUNS_NOTHING = frozenset(("-e", "-l", "-v", "-V", "-k", "--edit", "--list", "--validate", "--version", "--help"))
XARGS = (
    "-n", "-I", "-L", "-P", "-d", "-E", "-s", "-a", "-J", "-R", "-S", "--max-args", "--max-procs", "--max-lines",
    "--delimiter", "--arg-file", "--max-chars", "--replace", "--process-slot-var",
)  # fmt: skip
PARALLEL = (
    "-j", "-I", "-a", "-N", "-n", "-L", "-d", "-C", "--jobs", "--arg-file", "--delay", "--timeout", "--retries",
    "--joblog", "--results", "--colsep", "--max-args", "--halt", "--tmpdir", "--memfree", "--load", "--max-procs",
)  # fmt: skip
FIND_RUNS = frozenset(("-exec", "-execdir", "-ok", "-okdir"))
SHELL_VALUES = ("-o", "+o", "-O", "+O", "--rcfile", "--init-file")
