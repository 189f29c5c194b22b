"""The built-in rules: what creates something out there that a second call creates again.

Edits, `git push`, deployments, whatever fails or changes nothing the second time, PUT and DELETE, and
whatever stays on this machine or network: none of it is here. An agent runs the same test fifty times.
After a change, run scripts/built_in_index.
"""

from __future__ import annotations

from durable.policy.built_in.conditions import API_POST, CREATES, FOR_REAL, HAS_RECIPIENT, ONE_POST, POST, holds
from durable.step import ONCE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["RULES", "holds"]

# The shell's own codes: there is no such program, or it can't be started.
NOT_STARTED = [126, 127]
# curl, up to the moment when the request goes out: bad URL, no such host, no connection, no trust.
CURL_NOT_SENT = [1, 2, 3, 5, 6, 7, 35, 58, 59, 60, 66, 77, *NOT_STARTED]


def _commands(*commands: str, when: str = FOR_REAL, exits: list[int] = NOT_STARTED, **more: Any) -> dict[str, Any]:
    programs = dict.fromkeys(command.partition(" ")[0] for command in commands)
    told = [f"{program}: command not found" for program in programs]
    return {
        "match": [f"Bash({command} *)" for command in commands],
        "effect": ONCE,
        "when": when,
        "no_effect_exits": exits,
        **more,
        "no_effect_output": told + more.get("no_effect_output", []),
    }


GH_EXITS = [4, *NOT_STARTED]  # 4: not logged in
GH_SAYS = ["gh auth login", "HTTP 401: Bad credentials"]
# The name of its host was not found. Of what makes several requests, earlier ones may have gone out.
GH_ONE = [*GH_SAYS, "error connecting to api.github.com"]
NPM_SAYS = [
    "You cannot publish over the previously published version", "code ENEEDAUTH", "code EOTP", "code E401",
    "code EPRIVATE", "code ENOTFOUND",
]  # fmt: skip
CARGO_SAYS = ["already exists on crates.io index", "is already uploaded", "no token found", "please run `cargo login`"]
GRADLE_TASKS = [
    "publish",
    "*:publish",
    "publishPlugins",
    "publishToSonatype",
    "publishAllPublicationsTo*",
    "publish*Repository",
]
PLAY_MONEY = [
    "bitcoin-cli * -regtest", "bitcoin-cli * -testnet", "bitcoin-cli * -signet", "bitcoin-cli * -chain=regtest",
    "lncli * --network regtest", "solana * --url devnet", "solana * --url testnet", "solana * -u devnet",
    "solana * -u testnet", "solana * -u l", "solana * -u d", "solana * -u t",
]  # fmt: skip
AWS_EXITS = [252, 253, *NOT_STARTED]  # 252: wrong usage; 253: no credentials or region
AWS_SAYS = ["Unable to locate credentials", "You must specify a region"]

GITHUB: dict[str, dict[str, Any]] = {
    "gh pr create": _commands(
        "gh pr create", "gh pr new",
        unless=["Bash(gh pr create * --web *)", "Bash(gh pr create * -w *)"],
        adds=["git-branch"],
        probe="built-in:gh_pr_create",
        exits=GH_EXITS,
        no_effect_output=[*GH_SAYS, 'a pull request for branch "', "No commits between", "must first push the current"],
    ),
    "gh pr comment": _commands(
        "gh pr comment", "gh pr review",
        unless=["Bash(gh pr comment * --edit-last *)", "Bash(gh pr comment * --delete-last *)",
                "Bash(gh pr comment * --web *)", "Bash(gh pr comment * -w *)"],
        adds=["git-branch"],
        exits=GH_EXITS,
        no_effect_output=[*GH_ONE, "no pull requests found for branch"],
    ),
    "gh issue create": _commands(
        "gh issue create", "gh issue new",
        unless=["Bash(gh issue create * --web *)", "Bash(gh issue create * -w *)"],
        probe="built-in:gh_issue_create",
        exits=GH_EXITS, no_effect_output=GH_SAYS,
    ),
    "gh issue comment": _commands(
        "gh issue comment",
        unless=["Bash(gh issue comment * --edit-last *)", "Bash(gh issue comment * --delete-last *)",
                "Bash(gh issue comment * --web *)", "Bash(gh issue comment * -w *)"],
        exits=GH_EXITS, no_effect_output=GH_ONE,
    ),
    "gh release create": _commands(
        "gh release create", "gh release new",
        probe="built-in:gh_release_create", exits=GH_EXITS,
        no_effect_output=[*GH_SAYS, "a release with the same tag name already exists"],
    ),
    "gh create": _commands(
        "gh repo create", "gh repo new", "gh gist create", "gh gist new",
        "gh project create", "gh project item-create", "gh codespace create", "gh cs create", "gh pr revert",
        "gh agent-task create",
        unless=["Bash(gh gist create * --web *)", "Bash(gh gist create * -w *)"],
        exits=GH_EXITS, no_effect_output=GH_SAYS,
    ),
    # Run, mended, pushed and run again is a day's work: after another commit it is another call.
    "gh workflow run": _commands("gh workflow run", adds=["git-commit"], exits=GH_EXITS, no_effect_output=GH_ONE),
    "gh api": _commands("gh api", when=API_POST, exits=GH_EXITS, no_effect_output=GH_ONE),
}  # fmt: skip
FORGES = {
    "glab mr create": _commands(
        "glab mr create", "glab mr new",
        unless=["Bash(glab mr create * --web *)", "Bash(glab mr create * -w *)"],
        adds=["git-branch"],
        probe="built-in:glab_mr_create",
    ),
    "glab create": _commands(
        "glab mr note", "glab issue create", "glab issue new", "glab issue note", "glab snippet create",
        "glab repo create",
    ),
    "glab ci run": _commands(
        "glab ci run", "glab ci create", "glab ci run-trig", "glab pipeline run", adds=["git-commit"]
    ),
    "glab api": _commands("glab api", when=API_POST),
    "hub and tea pr create": _commands(
        "hub pull-request", "tea pr create", "tea pr c", "tea pulls create", "tea pulls c", adds=["git-branch"]
    ),
    "hub create": _commands("hub issue create", "hub release create", "hub create", "hub gist create"),
    "tea create": _commands(
        "tea issue create", "tea issues create", "tea issues c", "tea release create", "tea releases create",
        "tea comment",
    ),
    "az repos pr create": _commands("az repos pr create", adds=["git-branch"]),
    "az boards and pipelines": _commands("az boards work-item create", "az pipelines run"),
    "issue trackers": _commands(
        "jira issue create", "jira issue clone", "jira issue comment add", "jira issue worklog add",
        "jira epic create", "acli jira workitem create",
        "acli jira workitem comment create", "linear issue create", "linear issue comment",
    ),
}  # fmt: skip
PACKAGES = {
    "npm publish": _commands(
        "npm publish", "pnpm publish", "yarn publish", "yarn npm publish", "yarn workspace * npm publish",
        "yarn workspace * publish", "yarn workspaces * npm publish", "bun publish", "lerna publish",
        adds=["npm-package"], probe="built-in:npm_publish", no_effect_output=NPM_SAYS,
    ),
    "cargo publish": _commands(
        "cargo publish", "cargo +* publish", unless=["Bash(cargo * publish * -n *)"], adds=["cargo-package"],
        no_effect_output=CARGO_SAYS,
    ),
    "python publish": _commands(
        "poetry publish", "uv publish", "flit publish", "hatch publish", "pdm publish", "maturin publish",
        "python* -m poetry publish", "python* -m flit publish", "python* -m hatch publish", "python* -m pdm publish",
        "python* -m uv publish", "rye publish",
        adds=["python-package"],
    ),
    "twine upload": _commands(
        "twine upload", "python* -m twine upload", "uv tool run twine upload", "maturin upload",
        adds=["python-package", "files"],
    ),
    "gem push": _commands(
        "gem push", "rake release", adds=["files"],
        no_effect_output=["Repushing of gem versions is not allowed", "Please sign in first"],
    ),
    "maven deploy": _commands(
        "mvn * deploy", "mvn * deploy:deploy*", "mvn * release:perform", "mvnw * deploy", "mvnw * deploy:deploy*",
        "mvnw * release:perform",
        unless=["Bash(mvn * -Dmaven.deploy.skip=true *)", "Bash(mvn * -Dmaven.deploy.skip *)"],
        adds=["maven-package"],
    ),
    "gradle publish": _commands(
        *(f"{gradle} * {task}" for gradle in ("gradle", "gradlew") for task in GRADLE_TASKS),
        unless=["Bash(gradle * -m *)", "Bash(gradlew * -m *)", "Bash(gradle * help *)", "Bash(gradlew * help *)"],
    ),
    "sbt publish": _commands(
        "sbt * publish", "sbt * publishSigned", "sbt * +publish", "sbt * +publishSigned", "sbt * ci-release"
    ),
    # These raise the version and publish it: said twice, they publish two.
    "bump and publish": _commands(
        "vsce publish major", "vsce publish minor", "vsce publish patch", "release-it", "cargo release * --execute",
        "cargo release * -x", "cargo workspaces publish", "cargo ws publish", "nx release", "goreleaser release",
        unless=["Bash(goreleaser release * --snapshot *)", "Bash(goreleaser release * --skip=publish *)",
                "Bash(nx release * --skip-publish *)", "Bash(nx release version *)", "Bash(nx release changelog *)",
                "Bash(nx release plan *)"],
    ),
    "other registries": _commands(
        "dotnet nuget push", "nuget push", "mix hex.publish", "dart pub publish", "flutter pub publish",
        "vsce publish", "ovsx publish", "pod trunk push", "cabal upload * --publish", "luarocks upload", "jsr publish",
        "deno publish", "wasm-pack publish", "snapcraft upload", "anaconda upload",
        unless=["Bash(dart pub publish * -n *)", "Bash(flutter pub publish * -n *)"],
        adds=["npm-package", "files"],
    ),
}  # fmt: skip
CLOUDS = {
    "aws send": _commands(
        "aws sns publish", "aws sns publish-batch", "aws sqs send-message", "aws sqs send-message-batch",
        "aws ses send-*", "aws sesv2 send-*", "aws pinpoint send-*", "aws events put-events",
        "aws kinesis put-record*", "aws firehose put-record*", "aws iot-data publish", "aws ssm send-command",
        "aws chime-sdk-messaging send-channel-message", "aws connect start-outbound-*", "aws support create-case",
        exits=AWS_EXITS, no_effect_output=AWS_SAYS,
    ),
    "aws run": _commands(
        "aws ec2 run-instances", "aws ec2 create-volume", "aws ec2 create-snapshot", "aws ec2 create-vpc",
        "aws ec2 create-nat-gateway", "aws ec2 allocate-address", "aws ec2 request-spot-*", "aws lambda invoke",
        "aws lambda invoke-async", "aws stepfunctions start-execution", "aws ecs run-task", "aws batch submit-job",
        "aws glue start-job-run", "aws codebuild start-build", "aws codepipeline start-pipeline-execution",
        "aws emr add-steps", "aws organizations create-account",
        unless=["Bash(aws lambda invoke * --invocation-type DryRun *)", "Bash(aws * --client-token *)"],
        exits=AWS_EXITS, no_effect_output=AWS_SAYS,
    ),
    "gcloud send and run": _commands(
        "gcloud pubsub topics publish", "gcloud compute instances create", "gcloud functions call",
        "gcloud run jobs execute", "gcloud scheduler jobs run", "gcloud workflows run",
        "gcloud workflows execute", "gcloud tasks create-*", "gcloud beta pubsub topics publish",
    ),
    "az rest": _commands(
        "az rest * --method post", "az rest * --method POST", "az rest * -m post", "az rest * -m POST"
    ),
    "machines": _commands(
        "doctl compute droplet create", "openstack server create", "linode-cli linodes create",
        "vultr-cli instance create", "heroku create", "heroku apps:create", "heroku addons:create",
    ),
    "jobs": _commands("argo submit", "tkn pipeline start", "airflow dags trigger", "prefect deployment run"),
}  # fmt: skip
MONEY = {
    "stripe": _commands(
        "stripe * create", "stripe post", unless=["Bash(stripe * --idempotency *)", "Bash(stripe samples *)"]
    ),
    "coins": _commands(
        "cast send", "solana transfer", "spl-token transfer", "bitcoin-cli sendtoaddress", "bitcoin-cli sendmany",
        "lncli sendpayment", "lncli payinvoice", "lncli sendcoins",
        unless=[f"Bash({words} *)" for words in PLAY_MONEY],
    ),
}  # fmt: skip
MESSAGES = {
    "mail": _commands(
        "mail", "mailx", "s-nail", "mutt", "neomutt", "sendmail", "msmtp", "ssmtp", when=HAS_RECIPIENT
    ),
    "swaks": _commands("swaks", unless=["Bash(swaks * --quit-after *)", "Bash(swaks * --dump *)"]),
    "git send-email": _commands("git send-email", adds=["git-commit", "files"]),
    "twilio": _commands("twilio *:create", "twilio phone-numbers:buy:*", "twilio email:send"),
    "chat": _commands(
        "slack chat send", "slackcat", "telegram-send", "signal-cli * send", "apprise", "ntfy publish", "ntfy pub",
        "ntfy send",
    ),
}  # fmt: skip
REQUESTS = {
    "one POST": _commands("curl", when=ONE_POST, exits=CURL_NOT_SENT, no_effect_output=["curl: (6)", "curl: (7)"]),
    "POST": _commands("curl", "wget", "http", "https", "xh", "xhs", when=POST),
}
TOOLS = {"MCP tools that create": {"match": ["mcp__*"], "effect": ONCE, "when": CREATES}}
RULES: dict[str, dict[str, Any]] = {
    f"built-in {name}": rule
    for rules in (GITHUB, FORGES, PACKAGES, CLOUDS, MONEY, MESSAGES, REQUESTS, TOOLS)
    for name, rule in rules.items()
}
