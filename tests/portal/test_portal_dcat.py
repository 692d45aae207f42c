"""The catalogue for other catalogues: valid DCAT-AP, whatever owners write."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyshacl import validate
from rdflib import DCAT, DCTERMS, Graph, Literal, URIRef

from tests.portal.example_world import INSPECTIONS, LOANS, World, inspections_csv, loans_csv

STANDARD = Path(__file__).parents[1] / "standards" / "dcat-ap-3.0.1"
PAGE = "http://localhost:8000/services/portal/datasets"
EU = "http://publications.europa.eu/resource/authority"
Document = dict[str, Any]


@pytest.fixture(scope="module")
def shapes() -> Graph:
    """Both required files: what has to be there, and of which class it is."""
    graph = Graph()
    for name in ("shapes.ttl", "range.ttl"):
        graph.parse(STANDARD / name)
    return graph


def graph_of(document: Document) -> Graph:
    return Graph().parse(data=json.dumps(document), format="json-ld")


def violations(document: Document, shapes: Graph) -> str:
    """What DCAT-AP has against a document; empty when nothing."""
    conforms, _, text = validate(graph_of(document), shacl_graph=shapes)
    return "" if conforms else str(text)


def exported(world: World, path: str = "/catalogue.jsonld") -> Document:
    answer = world.program().get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/ld+json"
    document: Document = answer.json()
    return document


def node(document: Document, kind: str, name: str = "") -> Document:
    """The node of this class; of several, the one whose identifier holds the name."""
    nodes: list[Document] = document["@graph"]
    return next(n for n in nodes if n["@type"] == kind and name in n["@id"])


def test_the_whole_catalogue_and_each_dataset_are_valid(world: World, shapes: Graph) -> None:
    whole = exported(world)
    assert violations(whole, shapes) == ""
    assert sum(n["@type"] == "dcat:Dataset" for n in whole["@graph"]) == 3
    for name in ("loans", "inspections", "tax_files"):
        assert violations(exported(world, f"/datasets/{name}.jsonld"), shapes) == "", name


def _without(kind: str, key: str) -> Callable[[Document], None]:
    return lambda document: node(document, kind, "").pop(key)


def _distribution(document: Document) -> Document:
    found: Document = node(document, "dcat:Dataset", "inspections")["dcat:distribution"][0]
    return found


def _rights(document: Document) -> Document:
    found: Document = node(document, "dcat:Dataset", "loans")["dct:accessRights"]
    return found


FAULTS: dict[str, Callable[[Document], object]] = {
    "a dataset without a title": _without("dcat:Dataset", "dct:title"),
    "a dataset without a description": _without("dcat:Dataset", "dct:description"),
    "a catalogue without a publisher": _without("dcat:Catalog", "dct:publisher"),
    "a time that is none": lambda d: _distribution(d).update({"dct:modified": "yesterday"}),
    "a distribution without an address": lambda d: _distribution(d).pop("dcat:accessURL"),
    "a size that is no number": lambda d: _distribution(d).update({"dcat:byteSize": "large"}),
    "a checksum without its algorithm": lambda d: _distribution(d)["spdx:checksum"].pop("spdx:algorithm"),
    "rights of another class": lambda d: _rights(d).update({"@type": "skos:Concept"}),
    "two frequencies": lambda d: node(d, "dcat:Dataset", "loans").update(
        {
            "dct:accrualPeriodicity": [
                {"@id": f"{EU}/frequency/{n}", "@type": "dct:Frequency"} for n in ("DAILY", "NEVER")
            ]
        }
    ),
    "a service without an endpoint": lambda d: node(d, "dcat:Catalog")["dcat:service"].pop(
        "dcat:endpointURL"
    ),
    "a publisher without a name": lambda d: node(d, "dcat:Dataset")["dct:publisher"].pop("foaf:name"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_planted_fault_is_found(world: World, shapes: Graph, fault: str) -> None:
    document = copy.deepcopy(exported(world))
    FAULTS[fault](document)
    assert violations(document, shapes)


def test_rights_frequency_and_theme_come_from_the_european_vocabularies(world: World) -> None:
    graph = graph_of(exported(world))
    rights = {
        name: str(graph.value(URIRef(f"{PAGE}/{name}#dataset"), DCTERMS.accessRights)).rpartition("/")[2]
        for name in ("inspections", "loans", "tax_files")
    }
    assert rights == {"inspections": "PUBLIC", "loans": "RESTRICTED", "tax_files": "NON_PUBLIC"}
    loans = URIRef(f"{PAGE}/loans#dataset")
    assert graph.value(loans, DCTERMS.accrualPeriodicity) == URIRef(f"{EU}/frequency/ANNUAL")
    assert graph.value(loans, DCAT.theme) == URIRef(f"{EU}/data-theme/ECON")
    assert set(graph.objects(loans, DCAT.keyword)) == {Literal("credit"), Literal("fair lending")}


def test_each_download_is_a_distribution_and_the_sandbox_a_service(world: World) -> None:
    document = exported(world)
    files = node(document, "dcat:Dataset", "inspections")["dcat:distribution"]
    assert [file["dct:title"] for file in files] == ["visits.csv", "visits.parquet"]
    for file in files:
        path = file["dcat:downloadURL"]["@id"].removeprefix("http://localhost:8000/services/portal/api/v1")
        body = world.program().get(path)
        assert len(body.content) == int(file["dcat:byteSize"]["@value"])
    (inside,) = node(document, "dcat:Dataset", "loans")["dcat:distribution"]
    assert "dcat:downloadURL" not in inside
    service = node(document, "dcat:Catalog")["dcat:service"]
    assert inside["dcat:accessService"]["@id"] == service["@id"]
    assert len(service["dcat:servesDataset"]) == 3
    assert "dcat:distribution" not in node(document, "dcat:Dataset", "tax_files")


def test_of_a_closed_dataset_it_is_said_that_it_exists_and_no_more(world: World) -> None:
    told = set(node(exported(world), "dcat:Dataset", "tax_files"))
    assert told.isdisjoint({"dct:provenance", "dct:accrualPeriodicity", "dcat:distribution"})
    assert {"dct:title", "dct:accessRights"} <= told


INJECTED = '"}, {"@id": "https://evil.example/#catalogue", "@type": "dcat:Catalog"}, {"x": "</script><b>'


def test_what_an_owner_writes_is_a_text_and_never_a_node(world: World, shapes: Graph) -> None:
    before = len(exported(world)["@graph"])
    hostile = json.dumps(INJECTED)  # a JSON string is a YAML string
    policy = LOANS.replace("title: Loan applications", f"title: {hostile}")
    policy = policy.replace("provider: Example Savings Bank", f"provider: {hostile}")
    policy = policy.replace(
        "  - credit\n", f"  - {hostile}\n  - '@id'\n  - '_:b0'\n  - 'https://evil.example/'\n"
    )
    policy = policy.replace("name: Example Savings Bank, data desk", f"name: {hostile}")
    world.publish("loans", policy, {"applications": loans_csv()})
    document = exported(world)
    assert violations(document, shapes) == ""
    assert len(document["@graph"]) == before
    graph = graph_of(document)
    subjects = {str(s) for s in graph.subjects() if isinstance(s, URIRef)}
    assert not [s for s in subjects if "evil.example" in s]
    assert graph.value(URIRef(f"{PAGE}/loans#dataset"), DCTERMS.title) == Literal(INJECTED)
    planted = copy.deepcopy(document)  # the control: a node that was let in would be seen
    planted["@graph"].append({"@id": "https://evil.example/#catalogue", "@type": "dcat:Catalog"})
    assert violations(planted, shapes)


def test_it_is_written_once_for_each_state_and_again_when_something_changes(world: World) -> None:
    first = world.program().get("/catalogue.jsonld")
    tag = first.headers["etag"]
    again = world.program().get("/catalogue.jsonld", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    export = world.app.state.export
    assert export.file()[1] is export.file()[1]  # kept, not written again
    world.publish(
        "inspections", INSPECTIONS.replace("small town", "large town"), {"visits": inspections_csv()}
    )
    changed = world.program().get("/catalogue.jsonld", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert "large town" in changed.text
    world.sandbox.suspend_dataset.suspend(world.person("oscar"), "inspections", reason="A table was wrong.")
    suspended = exported(world)
    assert "dcat:distribution" not in node(suspended, "dcat:Dataset", "inspections")


def test_while_it_is_written_others_are_asked_to_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.portal.export.PATIENCE_S", 0.01)
    export = world.app.state.export
    with export._writing:  # somebody's writing that takes long
        busy = world.program().get("/catalogue.jsonld")
    assert (busy.status_code, busy.json()["error"]["code"]) == (503, "busy")
    assert exported(world)


def test_what_is_recommended_is_mostly_there(world: World) -> None:
    """What stays open: where and when the data are from, which policies do not say."""
    recommended = Graph().parse(STANDARD / "shapes_recommended.ttl")
    document = exported(world, "/datasets/loans.jsonld")
    _, report, _ = validate(graph_of(document), shacl_graph=recommended)
    path = URIRef("http://www.w3.org/ns/shacl#resultPath")
    of_dataset = {
        str(report.value(result, path))
        for result in report.subjects(
            URIRef("http://www.w3.org/ns/shacl#focusNode"), URIRef(f"{PAGE}/loans#dataset")
        )
    }
    assert of_dataset == {str(DCTERMS.spatial), str(DCTERMS.temporal)}
