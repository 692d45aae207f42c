"""``sandbox deploy``: write what another place than this machine needs to run the system."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.common import console
from sandbox.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Write what a cluster needs to run the system.")

_NETWORKS = "An address and /32; may be given several times."


@app.command("kubernetes")
def deploy_kubernetes(
    folder: Annotated[
        Path, typer.Argument(help="Where the manifests are written: a new or an empty folder.")
    ],
    public_url: Annotated[str, typer.Option(help="How browsers reach the site: https:// and a name.")],
    registry: Annotated[str, typer.Option(help="Where the nodes get the images, without https://.")],
    api_server: Annotated[list[str], typer.Option(help=f"Where the cluster's API server is. {_NETWORKS}")],
    tag: Annotated[str, typer.Option(help="Of the images.")] = "0.1.0",
    digest: Annotated[
        list[str] | None,
        typer.Option(help="An image as the registry named it: ROLE=sha256:…; instead of the tag."),
    ] = None,
    namespace: Annotated[str, typer.Option(help="Of the system; notebooks get one beside it.")] = "sandbox",
    database: Annotated[
        list[str] | None, typer.Option(help=f"Where PostgreSQL is, outside of the cluster. {_NETWORKS}")
    ] = None,
    identity: Annotated[
        list[str] | None, typer.Option(help=f"Where the provider of identities is. {_NETWORKS}")
    ] = None,
    storage_class: Annotated[
        str, typer.Option(help="Of the claims; the cluster's default when left out.")
    ] = "",
    runtime_class: Annotated[
        str, typer.Option(help="Of notebooks, such as gvisor; the cluster's default when left out.")
    ] = "",
    seccomp_profile: Annotated[
        str,
        typer.Option(help="Our list of system calls, by its path below the kubelet's folder of profiles."),
    ] = "",
    user_namespaces: Annotated[
        bool, typer.Option(help="Give notebooks ids of their own on the node.")
    ] = False,
    notebooks: Annotated[int, typer.Option(help="At most so many at once.")] = 50,
) -> None:
    """Write the manifests of a Kubernetes cluster. Nothing is sent anywhere, and no secret is in them."""
    from sandbox.deploy.manifests import write
    from sandbox.deploy.terms import Terms
    from sandbox.store.policy_files import read_site_policy

    file = Settings.from_environment().policies / "site.yaml"
    site = read_site_policy(file)
    terms = Terms(
        public_url=public_url,
        registry=registry,
        tag=tag,
        digests=tuple((role, value) for role, _, value in (d.partition("=") for d in digest or ())),
        namespace=namespace,
        api_server=tuple(api_server),
        database=tuple(database or ()),
        identity=tuple(identity or ()),
        storage_class=storage_class,
        runtime_class=runtime_class,
        seccomp_profile=seccomp_profile,
        user_namespaces=user_namespaces,
        notebooks=notebooks,
        memory_mib=site.notebook.memory_mib,
        cpus=site.notebook.cpus,
        engine_memory_mib=site.answers.engine_memory_mib,
        timeout_s=site.answers.timeout_s,
    )
    for path in write(folder, terms, site=file.read_text()):
        console.print(f"  [green]✓[/] {path.relative_to(folder)}", highlight=False)
    console.print(
        f"\nBefore they are applied the cluster needs: the images at {registry}, the secrets 'database' and "
        "'proxy-token', a certificate in 'site-tls', and a network plug-in that enforces policies. "
        "docs/how-to/kubernetes.md says how.",
        highlight=False,
    )
    if not runtime_class:
        console.print(
            "Notebooks run on the nodes' own kernel: name gVisor with --runtime-class where there is one."
        )
    if not seccomp_profile:
        console.print(
            "System calls are the runtime's own list: put nodes/ onto the nodes and name --seccomp-profile."
        )
