"""A signal ends what runs and begins nothing more, whenever it comes; one that is ignored is not heard."""

import os
import signal
import subprocess
import sys

from durable.ledger.lock import Lock
from jobs.workshop import step, wait_for


def held(shop, **env):
    """The run, standing between its first step's row and that step's start; and the file that lets it go on."""
    gate = shop.root / "gate"
    process = shop.start(DURABLE_TEST_CRASH=f"job-step-prepared:hold={gate}", **env)
    wait_for(gate.exists, "the first step prepared")
    return process, gate


def hears(pid, number):
    """Whether the worker catches this signal. Until it is what it is to be it has its parent's handlers."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        if b"durable.execute.worker" not in file.read():
            return False
    with open(f"/proc/{pid}/status") as file:
        caught = next(line.split()[1] for line in file if line.startswith("SigCgt"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def children(process):
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        return [int(pid) for pid in file.read().split()]


def test_what_is_prepared_when_a_signal_comes_is_not_begun(shop):
    shop.job(step("a", "echo a >> effects"))
    process, gate = held(shop)
    process.send_signal(signal.SIGINT)
    gate.unlink()
    process.communicate(timeout=30)
    assert (process.returncode, shop.effects) == (130, [])
    assert shop.step("a")["running_at"] is None
    assert (shop.resume().code, shop.effects) == (0, ["a"])


def test_a_worker_that_is_stopped_while_it_waits_for_the_ledger_begins_nothing(shop):
    shop.job(step("a", "echo a >> effects"))
    process, gate = held(shop)
    with Lock(str(shop.state), 30.0):
        gate.unlink()
        wait_for(lambda: any(hears(pid, signal.SIGTERM) for pid in children(process)), "a worker that can be stopped")
        for pid in children(process):
            os.kill(pid, signal.SIGTERM)
    out, _ = process.communicate(timeout=30)
    assert (process.returncode, shop.effects) == (1, [])
    assert "nothing of it ran" in out
    assert shop.step("a")["running_at"] is None
    assert (shop.resume().code, shop.effects) == (0, ["a"])


def test_under_nohup_a_terminal_that_closes_ends_nothing(shop):
    shop.job(step("a", "echo a >> effects"))
    gate = shop.root / "gate"
    argv = ["nohup", sys.executable, "-P", "-m", "durable", "run", "job.json", "--run-id", shop.run_id]
    env = shop.env | {"DURABLE_TEST_CRASH": f"job-step-prepared:hold={gate}"}
    process = subprocess.Popen(
        argv, env=env, cwd=shop.cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    shop.started.append(process)
    wait_for(gate.exists, "the first step prepared")
    process.send_signal(signal.SIGHUP)
    gate.unlink()
    process.communicate(timeout=30)
    assert (process.returncode, shop.effects) == (0, ["a"])
