"""What a step printed goes into a later command as one word, or not at all."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from durable.job.references import filled, misplaced
from jobs.workshop import step

REF = "${steps.a.output}"
BARE = [
    "echo @",
    "echo a@b @",
    "echo 'it' \"is\" $'fi\\'ne' @",
    'echo "$(echo "a")" @',
    'x="${y:-\'}"; echo @',
    "echo 'costs 5$' @",
    "echo \\\\@",
    "echo \\' @",
    "echo $(echo @)",
    "(echo @)",
    "(echo $(true)) ; echo @",
    "echo a#b @",
    "# it's\necho @",
    "echo $#@",
    "echo ${#HOME} @",
    "echo $((1 << 2)) @",
    "echo `true` @",
    "cat <<<@",
    'x=@; echo "$x"',
]
FALLS_APART = {
    "echo '@'": "quotes",
    'echo "@"': "quotes",
    "echo $'\\' @'": "quotes",
    'echo "$(echo "@")"': "quotes",
    'echo "$(echo @)"': "quotes",
    'echo "a `echo "@"`"': "quotes",
    "echo \\@": "backslash",
    "echo a\\\\\\@": "backslash",
    "true # @": "comment",
    "true;# it's @": "comment",
    "cat <<EOF\n@\nEOF": "here-document",
    "cat <<-'EOF'\n@\nEOF": "here-document",
    "echo $(( @ ))": "arithmetic",
    "(( @ ))": "arithmetic",
    "echo `echo @`": "backticks",
    "echo ${x:-@}": "expansion",
}
ATTACKS = (
    "; touch PWNED #",
    "$(touch PWNED)",
    "`touch PWNED`",
    "x\ntouch PWNED #",
    "x[$(touch PWNED)]",
    "'; touch PWNED #",
)


@pytest.mark.parametrize("line", BARE)
def test_where_it_stands_bare_it_is_one_word_whatever_it_holds(line, tmp_path):
    line = line.replace("@", REF)
    assert misplaced(line) == ("", "")
    for attack in ATTACKS:
        command = filled("Bash", {"command": line}, {"a": attack})["command"]
        subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, timeout=20, check=False)
        assert os.listdir(tmp_path) == [], command


@pytest.mark.parametrize("line", FALLS_APART)
def test_where_a_quoted_word_falls_apart_the_place_is_named(line):
    found, where = misplaced(line.replace("@", REF))
    assert (found, bool(re.search(FALLS_APART[line], where))) == (REF, True)


def test_what_is_meant_as_it_stands_may_stand_anywhere():
    assert misplaced(f"echo '${REF}'") == ("", "")


def test_a_job_that_would_have_an_output_run_as_a_command_is_refused_before_its_first_step(shop):
    shop.job(step("a", "echo '$(touch pwned)' | tee effects"), step("b", f"cat <<EOF\n{REF}\nEOF"))
    done = shop.run()
    assert (done.code, shop.effects) == (2, [])
    assert f"{REF} stands behind the start of a here-document" in done.err
