"""The system's own pods, their services and their claims.

proxy    alone can be reached from outside
hub      three containers: hub, gate, carrier. Only the first has a token for the API server
portal   pages, API, and the files of the vault
engine   reached by a socket in a folder only: no policy gives it a way in or out

Hub, portal and engine share folders of two claims, and so a node. Notebooks are on every node.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.deploy import network
from sandbox.deploy.objects import Document, document, env, env_secret, mount, probe, service
from sandbox.deploy.pods import HOME, POLICIES, USER, claim, config, deployment, house, memory, process
from sandbox.deploy.terms import Terms
from sandbox.isolation.container import Images
from sandbox.isolation.engine_room import engine_command
from sandbox.isolation.kubernetes import Volume, pod_part
from sandbox.isolation.lockdown import own_seccomp
from sandbox.isolation.notebook_pod import Cluster
from sandbox.isolation.profile import engine_profile
from sandbox.settings import Settings

CLUSTER_FILE = "/etc/sandbox/cluster/cluster.json"
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
STATE, DATA = "state", "data"  # claims: what the system writes; raw files, views and their keys
HUB_SERVICES = {"hub": network.HUB, "gate": network.GATE, "carrier": network.CARRIER}

# Folders of the claims, by where a house process finds them.
_KEYS = mount(STATE, f"{HOME}/keys", folder="keys")
_GATE = mount(STATE, f"{HOME}/run/gate", folder="gate")
_SITE = mount("site", POLICIES, read_only=True)
_CLUSTER = mount("cluster", str(Path(CLUSTER_FILE).parent), read_only=True)
_PROXY_TOKEN = {**mount("proxy-token", f"{HOME}/keys/proxy-token", read_only=True), "subPath": "proxy-token"}


def cluster(terms: Terms) -> Cluster:
    """What the hub is told about notebooks."""
    return Cluster(
        namespace=terms.notebook_namespace,
        image=terms.image("notebook"),
        gate_url=f"http://gate:{network.GATE}",
        # By their long names, which this hub's own pod does not know for itself.
        carrier=f"carrier.{terms.namespace}.svc",
        walls=(f"hub.{terms.namespace}.svc:{network.HUB}", f"portal.{terms.namespace}.svc:{network.PORTAL}"),
        runtime=terms.runtime_class or "runc",
        seccomp_profile=terms.seccomp_profile,
        user_namespaces=terms.user_namespaces,
    )


def settings(terms: Terms, site: str) -> list[Document]:
    """What the processes read.

    Args:
        site: the text of ``site.yaml``.
    """
    return [
        document("v1", "ConfigMap", "site", namespace=terms.namespace, data={"site.yaml": site}),
        document(
            "v1",
            "ConfigMap",
            "cluster",
            namespace=terms.namespace,
            data={"cluster.json": cluster(terms).document()},
        ),
    ]


def claims(terms: Terms) -> list[Document]:
    """Two folders that last. Their classes may encrypt; raw files and views are closed by their own keys besides."""
    chosen = {"storageClassName": terms.storage_class} if terms.storage_class else {}
    return [
        document(
            "v1",
            "PersistentVolumeClaim",
            name,
            namespace=terms.namespace,
            spec={
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": size}},
                **chosen,
            },
        )
        for name, size in ((STATE, "20Gi"), (DATA, "100Gi"))
    ]


def services(terms: Terms) -> list[Document]:
    """Names by which the pods find each other."""
    place = terms.namespace
    return [
        service("proxy", place, {"public": network.PUBLIC, "routes": network.PROXY_API}, pods="proxy"),
        *(service(name, place, {name: port}, pods="hub") for name, port in HUB_SERVICES.items()),
        service("portal", place, {"portal": network.PORTAL}, pods="portal"),
    ]


def entrance(terms: Terms) -> list[Document]:
    """The site's name, and below it each person's: browsers keep them apart."""
    hosts = [terms.host, f"*.{terms.host}"]
    to_proxy = {"service": {"name": "proxy", "port": {"name": "public"}}}
    return [
        document(
            "networking.k8s.io/v1",
            "Ingress",
            "site",
            namespace=terms.namespace,
            spec={
                "tls": [{"hosts": hosts, "secretName": "site-tls"}],
                "rules": [
                    {
                        "host": name,
                        "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": to_proxy}]},
                    }
                    for name in hosts
                ],
            },
        )
    ]


def deployments(terms: Terms) -> list[Document]:
    return [_proxy(terms), _hub(terms), _portal(terms), _engine(terms)]


def _proxy(terms: Terms) -> Document:
    part = house(terms, "proxy", memory_mib=256)
    proxy = process(
        terms,
        "proxy",
        part,
        ports={"public": network.PUBLIC, "routes": network.PROXY_API},
        mounts=[mount("home", HOME), _PROXY_TOKEN],
        ready=probe(network.PROXY_API),
    )
    return deployment(terms, "proxy", part, [proxy], volumes=[memory("home"), _proxy_token()])


def _hub(terms: Terms) -> Document:
    part = house(terms, "hub", memory_mib=1024)
    gate_part, carrier_part = (
        house(terms, "gate", memory_mib=512),
        house(terms, "carrier", memory_mib=256),
    )
    database = env_secret("SANDBOX_DATABASE_URL", "database", "url")
    hub = process(
        terms,
        "hub",
        part,
        ports={"hub": network.HUB},
        told=[database, env("SANDBOX_CLUSTER", CLUSTER_FILE)],
        mounts=[
            mount(STATE, HOME, folder="hub"),
            _KEYS,
            _GATE,
            _SITE,
            _CLUSTER,
            _PROXY_TOKEN,
            mount("account", ACCOUNT, read_only=True),
        ],
        ready=probe(network.HUB, "/hub/api/health"),
    )
    gate = process(
        terms,
        "gate",
        gate_part,
        ports={"gate": network.GATE},
        told=[database],
        mounts=[mount("home", HOME), _KEYS, _GATE, _SITE],
        ready=probe(network.GATE),
    )
    carrier = process(
        terms,
        "carrier",
        carrier_part,
        ports={"carrier": network.CARRIER},
        mounts=[mount("home", HOME), _GATE],
        ready=probe(network.CARRIER),
    )
    token = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}
    authority = {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}}
    volumes = [
        *gate_part.pod["volumes"],
        *carrier_part.pod["volumes"],
        claim(STATE),
        memory("home"),
        _proxy_token(),
        config("site"),
        config("cluster"),
        {"name": "account", "projected": {"sources": [token, authority]}},
    ]
    return deployment(
        terms,
        "hub",
        part,
        [hub, gate, carrier],
        volumes=volumes,
        folders=[
            "/state/keys",
            "/state/gate",
            "/state/hub/hub",
            *(f"/{p}/{f}" for p in ("state/hub", "home") for f in ("keys", "logs", "run/gate")),
        ],
        beside=True,
        more={
            "serviceAccountName": "hub",
            # Its own services from inside, without the way round through the cluster's network.
            "hostAliases": [{"ip": "127.0.0.1", "hostnames": ["hub", "gate"]}],
        },
    )


def _portal(terms: Terms) -> Document:
    part = house(terms, "portal", memory_mib=1024)
    kept = {"vault": "vault", "imports": "imports", "run/engine": "engine"}
    portal = process(
        terms,
        "portal",
        part,
        ports={"portal": network.PORTAL},
        told=[env_secret("SANDBOX_DATABASE_URL", "database", "url"), env("SANDBOX_CLUSTER", CLUSTER_FILE)],
        mounts=[
            mount("home", HOME),
            _KEYS,
            *(mount(STATE, f"{HOME}/{at}", folder=folder) for at, folder in kept.items()),
            mount(DATA, f"{HOME}/raw", folder="raw"),
            _SITE,
            _CLUSTER,
        ],
        ready=probe(network.PORTAL, "/services/portal/api/v1/health"),
    )
    return deployment(
        terms,
        "portal",
        part,
        [portal],
        volumes=[claim(STATE), claim(DATA), memory("home"), config("site"), config("cluster")],
        folders=[
            "/state/keys",
            *(f"/state/{folder}" for folder in kept.values()),
            "/data/raw",
            *(f"/home/{at}" for at in ("keys", "raw", "logs", "run/extracts", *kept)),
        ],
    )


def _engine(terms: Terms) -> Document:
    raw, views, keys, extracts, sockets = (
        Path(f"/{n}") for n in ("raw", "views", "keys", "extracts", "sockets")
    )
    cpus = 2
    rows = engine_profile(
        images=Images(gate="", engine=terms.image("engine"), notebook=""),
        raw=raw,
        views=views,
        keys=keys,
        extracts=extracts,
        sockets=sockets,
        user=f"{USER}:{USER}",
        memory_mib=terms.engine_memory_mib,
        cpus=cpus,
        seccomp=own_seccomp(),
    )
    part = pod_part(
        rows,
        folders={
            str(raw): Volume(claim=DATA, path="raw"),
            str(views): Volume(claim=DATA, path="views"),
            str(keys): Volume(claim=DATA, path="keys"),
            str(extracts): Volume(mib=64),
            str(sockets): Volume(claim=STATE, path="engine"),
        },
        seccomp_profile=terms.seccomp_profile,
    )
    command = engine_command(
        socket=Settings().engine_socket.name,
        timeout_s=terms.timeout_s,
        memory_mib=terms.engine_memory_mib,
        cpus=cpus,
    )
    engine = {
        "name": "engine",
        **part.container,
        "imagePullPolicy": "IfNotPresent",
        "command": [*part.launch, "/usr/bin/tini", "--"],
        "args": command,
        "readinessProbe": {
            "exec": {"command": ["test", "-S", "/run/engine/engine.sock"]},
            "periodSeconds": 5,
        },
    }
    return deployment(
        terms,
        "engine",
        part,
        [engine],
        volumes=[],
        folders=["/state/engine", "/data/raw", "/data/views", "/data/keys"],
        beside=True,
    )


def _proxy_token() -> Document:
    return {"name": "proxy-token", "secret": {"secretName": "proxy-token", "defaultMode": 0o440}}
