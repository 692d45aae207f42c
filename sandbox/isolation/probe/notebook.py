"""From an open notebook of a running installation, with its own real token: through the gate, to hub and portal.

``ask`` gets in when the answer's status is below 400. Control: a hub without scopes behind a gate without a list.
"""

from __future__ import annotations

from sandbox.isolation.probe.attack import METADATA, Attack, Place

_PORTAL = "/services/portal"
_API = f"{_PORTAL}/api/v1"


def _asks(
    name: str,
    would: str,
    path: str,
    *,
    method: str = "GET",
    body: str = "",
    refused_by: str = "gate (list of what may go out)",
    more: str = "",
) -> Attack:
    text = f"f{path!r}" if "{" in path else repr(path)
    return Attack(
        name=name,
        would=would,
        code=f"ask({method!r}, {text}, {body!r}{', ' + more if more else ''})",
        refused_by=refused_by,
        place=Place.NOTEBOOK,
    )


def _sends(name: str, would: str, request: str, refused_by: str = "gate (addresses, framing)") -> Attack:
    return Attack(
        name=name, would=would, code=f"send({request!r})", refused_by=refused_by, place=Place.NOTEBOOK
    )


# No attack: when this fails, the notebook does not reach its gate, and every refusal would be a lie.
GREETING = _asks("ask what every notebook may ask", "be a notebook", "/hub/api")

_HIDDEN = "GET /hub/api/users HTTP/1.1\r\nHost: hub\r\n\r\n"

NOTEBOOK: tuple[Attack, ...] = (
    _asks("list all people at the hub", "know whom to be", "/hub/api/users"),
    _asks("read another person at the hub", "see their notebooks", "/hub/api/users/root"),
    _asks("read its own person at the hub", "see more than a notebook needs", "/hub/api/users/{PERSON}"),
    _asks("list its person's tokens", "know what else is open", "/hub/api/users/{PERSON}/tokens"),
    _asks(
        "make a token",
        "outlive its own grant",
        "/hub/api/users/{PERSON}/tokens",
        method="POST",
        body='{"expires_in": 1, "note": "probe"}',
    ),
    _asks(
        "start another notebook",
        "open a grant without its person",
        "/hub/api/users/{PERSON}/servers/grant-999999999",
        method="POST",
    ),
    _asks(
        "stop another notebook",
        "end somebody's work",
        "/hub/api/users/root/servers/grant-999999999",
        method="DELETE",
    ),
    _asks(
        "count another person as active",
        "keep a notebook open that should end",
        "/hub/api/users/root/activity",
        method="POST",
        body="{}",
    ),
    _asks("read the hub's routes", "know where everything listens", "/hub/api/proxy"),
    _asks("read the hub's services", "the same", "/hub/api/services"),
    _asks("read the hub's groups", "know who belongs together", "/hub/api/groups"),
    _asks("read what the hub runs on", "choose an exploit", "/hub/api/info"),
    _asks("open the hub's page for administrators", "rule it", "/hub/admin"),
    _asks("open the hub's sign-in page", "guess passwords from inside", "/hub/login"),
    _asks(
        "get a code for signing in",
        "be its person at the portal",
        "/hub/api/oauth2/authorize?client_id=service-portal&response_type=code",
    ),
    _asks("open another person's notebook", "read it", "/user/root/grant-1/api/contents"),
    _asks("open the portal's pages", "act as a person instead of as a notebook", f"{_PORTAL}/"),
    _asks("open the portal's page of grants", "the same", f"{_PORTAL}/grants"),
    _asks(
        "ask the portal without a token",
        "have no grant that ends",
        f"{_API}/grants",
        refused_by="gate (own token)",
        more="token=''",
    ),
    _asks(
        "ask the portal with a made-up token",
        "try tokens until one is right",
        f"{_API}/budget",
        refused_by="gate (own token)",
        more="token='0' * 32",
    ),
    _asks(
        "ask the portal with two tokens",
        "let gate and portal read different ones",
        f"{_API}/budget",
        refused_by="gate (own token)",
        more="also={'authorization': 'Bearer ' + '0' * 32}",
    ),
    _asks(
        "ask the portal with a cookie",
        "be a person's browser",
        f"{_API}/grants",
        refused_by="gate (own token, no cookies)",
        more="token='', also={'Cookie': 'service-portal=x; jupyterhub-session-id=x'}",
    ),
    _asks(
        "claim to be somebody in a header",
        "be believed by a program behind a proxy",
        f"{_API}/account",
        refused_by="gate (own token, headers)",
        more="token='', also={'X-Forwarded-User': 'olga', 'Remote-User': 'olga'}",
    ),
    _asks(
        "list the person's grants",
        "see what a notebook of one grant need not know",
        f"{_API}/grants",
        refused_by="portal",
    ),
    _asks(
        "read the budget of another grant",
        "learn what others ask",
        f"{_API}/budget?grant=999999999",
        refused_by="portal",
    ),
    _asks(
        "spend another grant's budget",
        "ask questions that nobody agreed to",
        f"{_API}/questions/estimate",
        method="POST",
        body='{"grant": 999999999, "sql": "SELECT COUNT(*) FROM loans"}',
        refused_by="portal",
    ),
    _asks("read the log", "see what others do", f"{_API}/log", refused_by="portal"),
    _asks("list everybody with an account", "know whom to be", f"{_API}/people", refused_by="portal"),
    _asks("read the person's account", "see their second factor", f"{_API}/account", refused_by="portal"),
    _asks("read applications", "see what others plan", f"{_API}/applications", refused_by="portal"),
    _asks(
        "apply for more data",
        "sign for its person",
        f"{_API}/applications",
        method="POST",
        body='{"dataset": "no_such_dataset", "project": "probe", "purpose": "to be refused, as it has to be", '
        '"legal_basis": "none at all, it is a probe", "mode": "query", "days": 1, '
        '"output_plan": "nothing at all, it is a probe", "draft": true}',
        refused_by="portal",
    ),
    _asks(
        "approve an application",
        "decide for an owner",
        f"{_API}/applications/999999999/approve",
        method="POST",
        body="{}",
        refused_by="portal",
    ),
    _asks(
        "see what waits for reviewers", "read others' outputs", f"{_API}/releases/queue", refused_by="portal"
    ),
    _asks(
        "vote on a release",
        "let it out",
        f"{_API}/releases/999999999/vote",
        method="POST",
        body='{"version": 1, "decision": "approve"}',
        refused_by="portal",
    ),
    _asks(
        "take a released crate",
        "take files in where they came from",
        f"{_API}/releases/999999999/crate",
        refused_by="portal",
    ),
    _asks(
        "suspend a dataset",
        "decide for an owner",
        f"{_API}/datasets/no_such_dataset/suspend",
        method="POST",
        body='{"reason": "probe"}',
        refused_by="portal",
    ),
    _asks(
        "find a way up by dots",
        "reach an address that is not listed",
        f"{_API}/../../../hub/api/users",
        refused_by="gate (addresses)",
    ),
    _asks(
        "find a way up by encoded dots",
        "the same, past a program that does not decode",
        f"{_API}/%2e%2e/%2e%2e/%2e%2e/hub/api/users",
        refused_by="gate (addresses)",
    ),
    _asks(
        "find a way up by encoded slashes",
        "the same",
        f"{_API}/..%2f..%2f..%2fhub/api/users",
        refused_by="gate (addresses)",
    ),
    _asks(
        "find a way by an empty segment",
        "name another server",
        "//hub/api/users",
        refused_by="gate (addresses)",
    ),
    _asks(
        "find a way by a backslash",
        "the same, past a program that turns it",
        f"{_API}/..\\\\..\\\\..\\\\hub/api/users",
        refused_by="gate (addresses)",
    ),
    _asks(
        "name another host in a header",
        "let the gate speak to it (DNS rebinding)",
        "/latest/meta-data/",
        more=f"also={{'Host': {METADATA!r}}}",
    ),
    _asks(
        "name another host in forwarding headers",
        "the same",
        "/latest/meta-data/",
        more=f"also={{'X-Forwarded-Host': {METADATA!r}, 'Forwarded': 'host={METADATA}'}}",
    ),
    _asks("trace a request", "read headers that the gate adds", "/hub/api", method="TRACE"),
    _asks(
        "send more than may be sent",
        "carry out whole tables",
        f"{_API}/releases",
        method="POST",
        refused_by="gate (sizes)",
        more="size=9 << 20",
    ),
    _sends(
        "use the gate as a proxy",
        "send rows to any server",
        f"GET http://{METADATA}/ HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    _sends(
        "use the gate as a tunnel",
        "the same, encrypted",
        f"CONNECT {METADATA}:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    ),
    _sends(
        "hide a request behind two lengths",
        "let one pass that the gate did not read",
        f"GET /hub/api HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: {len(_HIDDEN)}\r\n\r\n{_HIDDEN}",
    ),
    _sends(
        "hide a request behind length and chunks",
        "the same",
        "POST /hub/api/oauth2/token HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
        f"0\r\n\r\n{_HIDDEN}",
    ),
    _sends(
        "hide a request behind a misspelt coding",
        "the same",
        f"GET /hub/api HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{_HIDDEN}",
    ),
    _sends(
        "hide a request behind bare line ends",
        "the same",
        "GET /hub/api HTTP/1.1\nHost: h\n\nGET /hub/api/users HTTP/1.1\nHost: h\n\n",
    ),
    _sends(
        "hide a request in a folded header",
        "the same",
        f"GET /hub/api HTTP/1.1\r\nHost: h\r\nX: a\r\n {_HIDDEN}{_HIDDEN}",
    ),
    Attack(
        name="open a websocket outwards",
        would="carry bytes that nobody reads",
        code="""
answer = exchange(b'GET /hub/api HTTP/1.1\\r\\nHost: hub\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\n'
                  b'Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\\r\\n\\r\\n')
if not answer.startswith(b'HTTP/1.1 101'):
    raise PermissionError(errno.EPERM, answer[:40].decode(errors='replace'))
""",
        refused_by="gate (methods, headers)",
        place=Place.NOTEBOOK,
    ),
    Attack(
        name="ask its server without a token",
        would="let another program of the loopback use it",
        code="ask('GET', f'/user/{PERSON}/{SERVER}/api/contents', '', token='', port=8888)",
        refused_by="Jupyter (token)",
        place=Place.NOTEBOOK,
    ),
    Attack(
        name="start a kernel by a cookie without a form token",
        would="let a page that the person visits run code (XSRF)",
        code="""
ask('POST', f'/user/{PERSON}/{SERVER}/api/kernels', '{}', token='', port=8888,
    also={'Cookie': f'jupyterhub-user-{PERSON}=2|1:0|10:0|x; _xsrf=x', 'Origin': 'http://203.0.113.1'})
""",
        refused_by="Jupyter (cookies, XSRF)",
        place=Place.NOTEBOOK,
    ),
    Attack(
        name="start a terminal",
        would="have a program that no kernel's frames show",
        code="ask('POST', f'/user/{PERSON}/{SERVER}/api/terminals', '{}', port=8888)",
        refused_by="the image (no terminals)",
        place=Place.NOTEBOOK,
    ),
    Attack(
        name="find more ports on its loopback",
        would="speak to a program of the host that shares it",
        code="""
known = {8081, 8888}
def listening(line):
    parts = line.split()
    return parts[3] == '0A' and int(parts[1].split(':')[1], 16) not in known
# The notebook's own kernels listen on loopback as well: they are its own user's.
own = (str(os.getuid()), '65532')
more = [l for l in open('/proc/net/tcp').readlines()[1:] if listening(l) and l.split()[7] not in own]
if not more:
    raise PermissionError(errno.EPERM, 'nothing but its own')
""",
        refused_by="network_mode",
        place=Place.NOTEBOOK,
    ),
)
