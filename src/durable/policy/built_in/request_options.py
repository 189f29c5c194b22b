"""Which options of curl, wget and httpie take the word after them as their value."""

from __future__ import annotations

# Beside those that make curl's request a POST.
CURL_SHORT_VALUES = frozenset("AbcCDeEHhKmoPQrtuUwxXyYz")
CURL_DATA = frozenset(
    ("--data", "--data-ascii", "--data-binary", "--data-raw", "--data-urlencode", "--json", "--form", "--form-string")
)
_CURL = """
    abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers config connect-timeout
    connect-to continue-at cookie cookie-jar create-file-mode crlfile curves delegation dns-interface
    dns-ipv4-addr dns-ipv6-addr dns-servers doh-url dump-header ech egd-file engine etag-compare etag-save
    expect100-timeout ftp-account ftp-alternative-to-user ftp-method ftp-port happy-eyeballs-timeout-ms
    haproxy-clientip header hostpubmd5 hostpubsha256 hsts interface ip-tos ipfs-gateway keepalive-cnt
    keepalive-time key key-type krb libcurl limit-rate local-port login-options mail-auth mail-from
    max-filesize max-redirs max-time netrc-file noproxy oauth2-bearer output output-dir parallel-max pass
    pinnedpubkey preproxy proto proto-default proto-redir proxy proxy-cacert proxy-capath proxy-cert
    proxy-cert-type proxy-ciphers proxy-crlfile proxy-header proxy-key proxy-key-type proxy-pass
    proxy-pinnedpubkey proxy-service-name proxy-tls13-ciphers proxy-user proxy1.0 pubkey quote random-file
    range rate referer request-target resolve retry retry-delay retry-max-time sasl-authzid service-name
    socks4 socks4a socks5 socks5-gssapi-service socks5-hostname speed-limit speed-time stderr telnet-option
    tftp-blksize time-cond tls-max tls13-ciphers tlsauthtype tlspassword tlsuser trace trace-ascii
    trace-config upload-flags url-query user user-agent variable vlan-priority write-out
"""
_WGET = """
    --accept --base --bind-address --ca-certificate --certificate --cut-dirs --directory-prefix --domains
    --execute --header --input-file --level --limit-rate --load-cookies --output-document --output-file
    --password --private-key --quota --referer --reject --save-cookies --timeout --tries --user --user-agent
    --wait --waitretry -A -B -D -e -I -i -l -O -o -P -Q -R -T -t -U -w -X
"""
_HTTPIE = """
    --auth --auth-type --bearer --boundary --cert --cert-key --ciphers --default-scheme --format-options
    --http-version --max-headers --max-redirects --output --path-as-is --pretty --print --proxy
    --response-charset --response-mime --session --session-read-only --ssl --style --timeout --verify -A -a -o
    -p -s
"""
CURL_VALUES = frozenset(f"--{name}" for name in _CURL.split())
WGET_VALUES = frozenset(_WGET.split())
HTTPIE_VALUES = frozenset(_HTTPIE.split())
