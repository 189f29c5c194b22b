from hooks.conftest import client, lived_in, template  # noqa: F401
