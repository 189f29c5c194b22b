"""Ed25519: made with what ssh-keygen and openssl write, pinned by --signer, and worth nothing over anything else."""

import builtins
import json
import shutil
import subprocess
import sys

import pytest

from cli.cli_machine import ROOT
from durable.errors import BundleError, KeyFileError, UsageError
from durable.evidence import bundle
from durable.evidence.bundles import signature
from durable.evidence.findings import FAIL, PASS, UNKNOWN
from durable.evidence.imported import take_in
from durable.evidence.verify import keys_at_hand
from durable.evidence.verify_bundle import verify_bundle
from evidence.bundled import one_exported

bundles = one_exported
# RFC 8032, section 7.1, TEST 1: the secret key and the public key that belongs to it.
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
PUBLIC = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """Two keys, as PKCS8 in PEM, with their public halves in OpenSSH's form."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    folder = tmp_path_factory.mktemp("keys")
    for name, secret in (("mine", SECRET), ("other", SECRET[::-1])):
        key = Ed25519PrivateKey.from_private_bytes(secret)
        none, pem = form.NoEncryption(), form.Encoding.PEM
        (folder / f"{name}.pem").write_bytes(key.private_bytes(pem, form.PrivateFormat.PKCS8, none))
        (folder / name).write_bytes(key.private_bytes(pem, form.PrivateFormat.OpenSSH, none))
        locked = key.private_bytes(pem, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(b"x"))
        (folder / f"{name}.locked").write_bytes(locked)
        public = key.public_key()
        (folder / f"{name}.pub.pem").write_bytes(public.public_bytes(pem, form.PublicFormat.SubjectPublicKeyInfo))
        line = public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
        (folder / f"{name}.pub").write_bytes(line + b" ada@lovelace\n")
    return folder


@pytest.fixture(scope="module")
def signed(bundles, keys):
    path = bundles.root / "signed.json"
    done = bundles.machine.cli("export", "-o", str(path), "--sign", str(keys / "mine"))
    assert done.returncode == 0 and "SHA256:" in done.stdout
    return path


def verified(path, signer=None):
    found = verify_bundle(str(path), {}, signer)
    return found.authentic, [one.code for one in found.findings if one.verdict == found.authentic]


def test_a_signature_by_the_key_that_was_named_makes_it_authentic(signed, keys):
    pinned = signature.public_key(str(keys / "mine.pub"))
    assert verified(signed, pinned) == (PASS, ["signed"])


def test_the_screen_says_no_more_than_whoever_vouches_can_know(bundles, signed, keys, tmp_path):
    env = {"DURABLE_HOME": str(tmp_path / "elsewhere")}
    done = bundles.machine.cli("verify", str(signed), "--signer", str(keys / "mine.pub"), env=env)
    assert done.returncode == 0 and "authentic: somebody vouches for it, as follows" in done.stdout
    assert "PASS    signed: signed by SHA256:" in done.stdout and "cut off" not in done.stdout


def test_without_a_name_it_says_who_signed_and_nobody_knows_whose_key_that_is(signed, keys):
    found = verify_bundle(str(signed), {})
    shown = signature.fingerprint(signature.public_key(str(keys / "mine.pub")))
    assert found.authentic == UNKNOWN
    assert any(one.code == "signer_unnamed" and shown in one.says for one in found.findings)


def test_the_signature_of_another_key_than_the_one_named_fails(signed, keys):
    assert verified(signed, signature.public_key(str(keys / "other.pub"))) == (FAIL, ["signer"])


def test_none_where_one_was_wanted_fails(bundles, keys):
    assert verified(bundles.path, signature.public_key(str(keys / "mine.pub"))) == (FAIL, ["unsigned"])


@pytest.mark.parametrize("sealed", [True, False])
def test_it_holds_for_nothing_else(bundles, signed, keys, sealed):
    document = json.loads(signed.read_text("utf-8"))
    document["made_at"] = "2020-01-01T00:00:00.000000Z"
    if sealed:
        document["digest"] = bundle.digest_of(document)
    path = bundles.written(json.dumps(document))
    assert "signature" in verified(path, signature.public_key(str(keys / "mine.pub")))[1]


@pytest.mark.parametrize(
    "change",
    [{"value": ""}, {"value": "!"}, {"value": "AAAA"}, {"public_key": "ssh-ed25519 AAAA"}, {"public_key": ""}],
)
def test_what_is_no_signature_fails(bundles, signed, change):
    document = json.loads(signed.read_text("utf-8"))
    document["signature"] |= change
    assert verified(bundles.written(json.dumps(document))) == (FAIL, ["signature"])


def test_the_digest_does_not_cover_it_so_it_can_be_taken_off_but_not_unnoticed(bundles, signed, keys):
    document = json.loads(signed.read_text("utf-8"))
    document["signature"] = None
    path = bundles.written(json.dumps(document))
    assert verified(path) == (UNKNOWN, ["no_key"])
    assert verified(path, signature.public_key(str(keys / "mine.pub"))) == (FAIL, ["unsigned"])


# ---- keys -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["mine", "mine.pem"])
def test_a_private_key_is_read_as_ssh_keygen_and_openssl_write_it(keys, name):
    made = signature.sign("0" * 64, signature.private_key(str(keys / name)))
    assert signature.is_good(made, "0" * 64) and not signature.is_good(made, "1" * 64)
    assert made["public_key"] == signature.public_key(str(keys / "mine.pub"))


@pytest.mark.parametrize("name", ["mine.pub", "mine.pub.pem"])
def test_a_public_key_is_read_from_either_form_or_from_its_text(keys, name):
    path = keys / name
    found = signature.public_key(str(path))
    assert found == signature.public_key(path.read_text("utf-8"))
    assert signature._raw(found) == PUBLIC


@pytest.mark.parametrize("given", ["ssh-rsa AAAA", "mine", "", "ssh-ed25519 AAAA", "ssh-ed25519 !"])
def test_what_is_no_public_key_is_refused(given):
    with pytest.raises(UsageError, match=r"no public Ed25519 key"):
        signature.public_key(given)


def test_a_private_key_that_is_locked_missing_or_another_kind_is_refused(keys, tmp_path):
    for name, says in (
        ("mine.locked", "locked with a passphrase"),
        ("nowhere", "can't be read"),
        ("mine.pub", "no pri"),
    ):
        with pytest.raises(KeyFileError, match=says):
            signature.private_key(str(keys / name))
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    other = tmp_path / "x25519"
    other.write_bytes(
        X25519PrivateKey.generate().private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    )
    with pytest.raises(KeyFileError, match="no Ed25519 key"):
        signature.private_key(str(other))


@needs_ssh
def test_it_is_the_key_and_the_fingerprint_that_ssh_keygen_knows(keys, tmp_path):
    made = tmp_path / "made"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", made], check=True)
    shown = subprocess.run(["ssh-keygen", "-lf", f"{made}.pub"], check=True, capture_output=True, text=True).stdout
    public = signature.sign("0" * 64, signature.private_key(str(made)))["public_key"]
    assert public == signature.public_key(f"{made}.pub")
    assert signature.fingerprint(public) in shown
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "a phrase", "-f", made], check=True)
    with pytest.raises(KeyFileError, match="locked with a passphrase"):
        signature.private_key(str(made))


# ---- without the package ------------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch):
    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name.partition(".")[0] == "cryptography":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_without_the_package_a_signature_is_unknown_and_the_remedy_named(bare, signed, keys):
    found = verify_bundle(str(signed), {}, signature.public_key(str(keys / "mine.pub")))
    assert found.authentic == UNKNOWN
    (one,) = [one for one in found.findings if one.code == "signature_unchecked"]
    assert "pip install 'durable[sign]'" in one.says
    with pytest.raises(UsageError, match="pip install"):
        signature.private_key(str(keys / "mine"))


def test_nobody_else_vouches_for_a_signer_that_was_named(bare, bundles, signed, keys):
    ledger_keys, pinned = keys_at_hand(str(bundles.machine.state)), signature.public_key(str(keys / "mine.pub"))
    assert verify_bundle(str(signed), ledger_keys).authentic == PASS
    found = verify_bundle(str(signed), ledger_keys, pinned)
    assert (found.authentic, [one.code for one in found.findings]) == (UNKNOWN, ["signature_unchecked"])


def test_what_says_it_was_signed_takes_no_place_of_what_was(bare, bundles, signed, tmp_path):
    document = json.loads(signed.read_text("utf-8"))
    take_in(str(tmp_path / "home"), str(signed), document, "")
    document["made_by"] = "somebody"
    document["digest"] = bundle.digest_of(document)
    path = bundles.written(json.dumps(document))
    with pytest.raises(BundleError, match="can't be checked"):
        take_in(str(tmp_path / "home"), str(path), document, "")


def test_nothing_but_a_signature_loads_the_package(bundles):
    code = "import sys; from durable.cli.main import main\ntry: main(sys.argv[1:])\nfinally:\n"
    code += " assert 'cryptography' not in sys.modules"
    words = [sys.executable, "-c", code, "export", "-o", "unsigned.json", "--force"]
    done = subprocess.run(words, env=bundles.machine.env(), cwd=bundles.root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (ROOT / "pyproject.toml").read_text("utf-8").count('sign = ["cryptography>=42"]') == 1
