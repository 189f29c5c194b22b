from client.conftest import binary, client, guarded  # noqa: F401
