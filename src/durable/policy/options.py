"""Which options of known programs take the word after them as their value.

`gh -R o/r pr create` is `gh pr create`: to see that, one must know that `o/r` belongs to `-R`. An option
that is not here is taken to have no value of its own: `npm --silent run publish` is not `npm publish`.
"""

from __future__ import annotations

_GIT = "-C -c --git-dir --work-tree --namespace --config-env --super-prefix --attr-source"
_NODE = "--prefix -C -w --workspace --registry --userconfig --globalconfig --cache --loglevel --dir --cwd --filter -F"
_KUBERNETES = (
    "-n --namespace --context --cluster --kubeconfig --user --as --as-group --as-uid -s --server --token "
    "--request-timeout --cache-dir --certificate-authority --client-certificate --client-key --tls-server-name -v"
)
_DOCKER = "--context -c -H --host --config -l --log-level --tlscacert --tlscert --tlskey"
_COMPOSE = "-f --file -p --project-name --project-directory --profile --env-file --progress --ansi --parallel"
_LISTED = {
    "gh": "-R --repo --hostname",
    "glab": "-R --repo --hostname",
    "hub": "-C",
    "git": _GIT,
    "npm": _NODE,
    "pnpm": _NODE,
    "yarn": _NODE,
    "bun": f"{_NODE} -c --config --env-file",
    "lerna": "--scope --ignore --concurrency --loglevel --since",
    "docker": f"{_DOCKER} {_COMPOSE}",
    "docker-compose": _COMPOSE,
    "podman": "--connection -c --url --identity --log-level --root --runroot --storage-driver",
    "kubectl": _KUBERNETES,
    "oc": _KUBERNETES,
    "helm": (
        "-n --namespace --kube-context --kubeconfig --kube-apiserver --kube-token --registry-config --repository-cache"
    ),
    "aws": (
        "--profile --region --output --endpoint-url --query --color --ca-bundle --cli-read-timeout "
        "--cli-connect-timeout"
    ),
    "gcloud": (
        "--project --account --configuration --format --verbosity --impersonate-service-account --billing-project "
        "--access-token-file --flags-file --filter --region --zone"
    ),
    "gsutil": "-o -h -u -i",
    "az": "--subscription -o --output --query -g --resource-group -n --name",
    "doctl": "-t --access-token -u --api-url --context -c --config -o --output",
    "fly": "-t --access-token -a --app -c --config -o --org",
    "flyctl": "-t --access-token -a --app -c --config -o --org",
    "heroku": "-a --app -r --remote",
    "vercel": "--cwd -t --token -S --scope -A --local-config -Q --global-config --api",
    "netlify": "--auth -s --site --filter --http-proxy",
    "wrangler": "-c --config -e --env --cwd",
    "firebase": "-P --project --account --token --config",
    "stripe": "--api-key --project-name --config --log-level --device-name --color -p",
    "twilio": "-p --profile -l --cli-log-level -o --cli-output-format",
    "sentry-cli": "--url --auth-token --log-level --header",
    "terraform": "",
    "pulumi": "-C --cwd -s --stack --color --logtostderr --profiling",
    "cargo": "--manifest-path -Z --config -C --color --target-dir",
    "go": "-C",
    "poetry": "-C --directory -P --project",
    "uv": "--directory --project --config-file --cache-dir --color --allow-insecure-host -p --python",
    "hatch": "-e --env -p --project --config --data-dir --cache-dir",
    "pip": "--python --log --proxy --retries --timeout --cert --cache-dir --index-url -i",
    "twine": "--config-file -r --repository",
    "python": "-X -W",
    "python3": "-X -W",
    "node": "-r --require --import --loader --env-file -C --conditions",
    "make": "-C --directory -f --file --makefile -I --include-dir -o -W -E --eval",
    "just": "-f --justfile -d --working-directory --shell --dotenv-path",
    "mvn": "-f --file -s --settings -P --activate-profiles -pl --projects -T --threads -gs -t --toolchains",
    "gradle": "-p --project-dir -b --build-file -c --settings-file -g --gradle-user-home -I --init-script -x",
    "composer": "-d --working-dir",
    "bundle": "--gemfile",
    "ansible": "-i --inventory -u --user -e --extra-vars",
    "systemctl": "-H --host -M --machine -t --type -p --property -n --lines -o --output",
    "op": "--account --config --session --format --cache",
    "vault": "-address -namespace -ca-cert -format",
}
VALUED = {program: frozenset(listed.split()) for program, listed in _LISTED.items()}
_NONE: frozenset[str] = frozenset()


def valued_of(program: str) -> frozenset[str]:
    return VALUED.get(program.rpartition("/")[2], _NONE)


def words_match(wanted: tuple[str, ...], open_end: bool, given: list[str]) -> bool:
    """Whether `given` is what `wanted` says, options between its words looked through.

    A `*` of its own stands for any number of words. One step back is enough, as in any glob: to the
    latest `*`, never to an earlier one.
    """
    valued = valued_of(given[0]) if given else _NONE
    given = _spread(given, wanted)
    at = seen = 0
    star, resume = -1, 0
    while at < len(wanted) or not (open_end or seen == len(given)):
        if at < len(wanted) and wanted[at] == "*":
            star, resume = at, seen
            at += 1
        elif at < len(wanted) and seen < len(given) and _same(wanted[at], given[seen], seen == 0):
            at, seen = at + 1, seen + 1
        elif 0 < at < len(wanted) and seen < len(given) and wanted[at - 1] != "*" and is_option(given[seen]):
            seen += 2 if given[seen] in valued else 1
        elif star >= 0 and resume < len(given):
            resume += 1
            at, seen = star + 1, resume
        else:
            return False
    return True


def is_option(word: str) -> bool:
    return len(word) > 1 and word[0] == "-"


def _spread(given: list[str], wanted: tuple[str, ...]) -> list[str]:
    """`--request=POST` and `-XPOST` as two words, where the pattern has `--request` or `-X` as one."""
    named = [word for word in wanted if is_option(word)]
    if not named:
        return given
    return [part for word in given for part in _parts(word, named)]


def _parts(word: str, named: list[str]) -> tuple[str, ...]:
    for name in named:
        joint = name if len(name) == 2 else f"{name}="
        if word.startswith(joint) and len(word) > len(joint) and word != name:
            return name, word[len(joint) :]
    return (word,)


def _same(wanted: str, given: str, is_program: bool) -> bool:
    if is_program:
        given = given.removeprefix("./") if "/" in wanted else given.rpartition("/")[2]
        wanted = wanted.removeprefix("./")
    return wanted == given or ("*" in wanted and _glob(wanted, given))


def _glob(wanted: str, given: str) -> bool:
    from durable.policy.globs import glob

    return glob(wanted, given)
