"""Which names announce a secret, and which values after such a name are none.

`max_tokens`, `token_count` and `secretary` announce nothing; `$PW`, `<your token>` and `required`
are no secrets. Everything here works without `re`: it runs on every key of every payload.
"""

from __future__ import annotations

DIGITS = "0123456789"
HEX = "0123456789abcdefABCDEF"


def words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Checked first, in one call: nearly every key of a payload is dismissed by it.
ENDINGS = (
    "word", "wd", "passphrase", "passcode", "secret", "token", "key", "credential", "credentials",
    "authorization", "auth", "pass", "confirmation",
)  # fmt: skip

KINDS = {
    "password": "password",
    "passwords": "password",
    "passwd": "password",
    "pwd": "password",
    "passphrase": "password",
    "passcode": "password",
    "secret": "secret",
    "token": "token",
    "apikey": "api-key",
    "secretkey": "secret",
    "privatekey": "private-key",
    "clientsecret": "secret",
    "credential": "credential",
    "credentials": "credential",
    "authorization": "authorization",
    "authtoken": "token",
    "accesstoken": "token",
    "refreshtoken": "token",
    "apitoken": "token",
    "idtoken": "token",
    "bearertoken": "token",
    "auth": "auth",
}  # fmt: skip

KEY_OWNERS = {
    "api": "api-key", "access": "secret", "secret": "secret", "private": "private-key", "encryption": "secret",
    "signing": "secret", "master": "secret", "auth": "secret", "account": "secret", "shared": "secret",
    "storage": "secret", "hmac": "secret", "aes": "secret", "admin": "secret", "subscription": "secret",
    "openai": "api-key", "anthropic": "api-key", "stripe": "api-key", "sendgrid": "api-key",
}  # fmt: skip

PASS_OWNERS = words(
    "db database mysql mariadb postgres postgresql pg smtp mail email user root admin ftp redis mongo "
    "rabbitmq ssh proxy http https basic login app ldap vpn wifi keystore key cert"
)

# The word before: a verb makes a switch or a function of it, a page makes a cursor of a token.
HARMLESS_BEFORE = words(
    "idempotency request creation starting backward forward output input pagination "
    "no not max min num number count total next prev previous page continuation sync cursor per pad eos "
    "bos unk mask cls sep stop special start end image forgot reset show hide has is need needs require "
    "requires required use uses with without change update set get verify check validate hash make create "
    "generate read parse remove delete clear ask prompt unexpected current last first invalid forget "
    "toggle expect csrf xsrf nextpage design"
)

# What stands after a secret's name when the text is code, a schema, a message or a help page.
PLAIN_WORDS = words(
    "none null nil undefined true false yes no on off str string int integer number bool boolean bytes "
    "text any object unknown void never optional required missing empty invalid valid incorrect wrong "
    "expired revoked unset set hidden redacted masked changed failed ok error secretstr varchar char flag "
    "option argument options value values to or is and are was not for from with when if in the a an as "
    "via must should can will has instead auth basic bearer oauth oauth2 digest negotiate apikey inherit "
    "aws4-hmac-sha256 default self this return type function buffer uint8array email file stdin "
    "include omit same-origin"
)

REFERENCE_STARTS = (
    "${", "$(", "{{", "op://", "env:", "vault:", "ref+", "arn:aws", "!ref", "secretref:", "%(",
    "http://", "https://",
)  # fmt: skip
PATH_STARTS = (
    "./", "../", "~/", "/run/", "/etc/", "/home/", "/tmp/", "/usr/", "/opt/", "/root/", "/var/", "/Users/",
    "/app/", "/mnt/", "/dev/", "/proc/", "/srv/", "C:\\",
)  # fmt: skip
FILE_ENDINGS = (".pem", ".key", ".json", ".p12", ".pfx", ".txt", ".yaml", ".yml", ".toml", ".crt", ".p8")
MASKS = frozenset("*.•xX-_?#")


def secret_kind(name: str) -> str:
    """The kind of secret that a key, variable, header or option of this name holds; "" if none."""
    bare = name.rstrip(DIGITS)
    bare = bare.rstrip("_-") if bare != name else name
    if not bare.lower().endswith(ENDINGS) or "::" in name:
        return ""
    words = split_words(bare[-80:])
    if not words:
        return ""
    if words[-1] == "confirmation":
        words.pop()
    return _kind_of_words(words)


def _kind_of_words(words: list[str]) -> str:
    last = words[-1] if words else ""
    before = words[-2] if len(words) > 1 else ""
    if before in HARMLESS_BEFORE:
        return ""
    if last == "key":
        return "" if len(words) > 2 and words[-3] == "public" else KEY_OWNERS.get(before, "")
    if last == "pass":
        return "password" if before in PASS_OWNERS else ""
    if last == "auth":
        return "auth" if not before else ""
    return KINDS.get(last) or _compound_kind(last)


def _compound_kind(word: str) -> str:
    if word.startswith("no"):  # NOPASSWD in a sudoers file
        return ""
    if word.endswith(("password", "passwd", "passphrase")):
        return "password"
    if word.endswith("pass") and word[:-4] in PASS_OWNERS:
        return "password"
    return "api-key" if word.endswith("apikey") else ""


def split_words(name: str) -> list[str]:
    """`dbPassword`, `DB_PASSWORD`, `X-Api-Key`, `APIKey` in lower-case words."""
    words: list[str] = []
    start = 0
    for i, char in enumerate(name):
        if not char.isalnum():
            words.append(name[start:i])
            start = i + 1
        elif i > start and char.isupper() and _hump(name, i):
            words.append(name[start:i])
            start = i
    words.append(name[start:])
    return [word.lower() for word in words if word]


def _hump(name: str, i: int) -> bool:
    if not name[i - 1].isupper():
        return True
    return i + 1 < len(name) and name[i + 1].islower()


def is_plain(value: str) -> bool:
    """A value that is no secret whatever its name: a reference, a blank to fill in, a mask, a word."""
    value = value.strip()
    if not value or value.lower() in PLAIN_WORDS:
        return True
    return is_reference(value) or _is_blank(value) or is_path(value)


def is_reference(value: str) -> bool:
    first, rest = value[0], value[1:]
    if first == "$" and (rest.isidentifier() or rest.isdigit() or value == "$"):
        return True
    if first in ":@" and rest.isidentifier() and rest.islower() and rest.isalpha():
        return True  # a parameter of an SQL statement
    if first == "%" and ((len(rest) < 3 and rest[:1] in "srdvq") or (len(rest) > 1 and rest.endswith("%"))):
        return True
    if value.lower().startswith(REFERENCE_STARTS) or "${" in value or "$(" in value or "{{" in value:
        return True
    return first == "`" and value.endswith("`")


def _is_blank(value: str) -> bool:
    if value.startswith("[redacted:") and value.find("]") >= len(value) - 4:
        return True
    if (value[0], value[-1]) in (("<", ">"), ("{", "}")) and len(value) > 1:
        return True
    if len(value) < 4 and not any(char.isalnum() for char in value):
        return True
    return _is_colour(value) or (len(value) > 2 and len(set(value)) == 1 and value[0] in MASKS)


def _is_colour(value: str) -> bool:
    return value[0] == "#" and len(value) in (4, 7, 9) and all(char in HEX for char in value[1:])


def is_path(value: str) -> bool:
    if not value.startswith(PATH_STARTS) and not ("/" in value and value.endswith(FILE_ENDINGS)):
        return False
    return len(value.split(None, 1)) == 1


def is_name(value: str, kind: str) -> bool:
    """A secret's name where one expects the secret: `TOKEN = "AUTH_TOKEN"`, `"output_token": "NextToken"`."""
    if not value.replace("_", "").replace("-", "").isalpha() or (value.islower() and "-" in value):
        return False
    said = split_words(value)
    if len(said) < 2 or not any(word in KINDS or word in ("key", "credentials") for word in said):
        return len(said) == 1 and kind != "password" and said[0] in KINDS
    return kind != "password" or value.isupper() or ("_" not in value and "-" not in value and value[0].islower())


def looks_encoded(text: str) -> bool:
    """`"auth": "dXNlcjpwdw=="` of a Docker login, not `"auth": "oauth-client"`."""
    if len(text) < 12 or not text.isascii() or len(text.split(None, 1)) != 1:
        return False
    return text.endswith("=") or (any(c.isdigit() for c in text) and any(c.isupper() for c in text))
