"""The catalogue for other catalogues: DCAT-AP 3 as JSON-LD.

- Every identifier is made here, from the portal's address and a dataset's name. What an owner wrote is always a
  literal, or, for the contact, an address that the policy's rules let through.
- What stands behind a vocabulary's address has its type beside it, as the shapes of DCAT-AP ask for it.

Source: DCAT-AP 3.0.1 (SEMIC, 2024), and the EU's vocabularies of access rights, frequencies, data themes, file types,
licences and availability at http://publications.europa.eu/resource/authority/.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sandbox.domain.catalogue_terms import Contact, OpenMode
from sandbox.domain.policy import Domain, OpenClass
from sandbox.flows.browse_catalogue import CatalogueEntry
from sandbox.flows.open_data import FileFormat, OpenFile

Node = dict[str, Any]

CONTEXT: Node = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dcatap": "http://data.europa.eu/r5r/",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "spdx": "http://spdx.org/rdf/terms#",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_EU = "http://publications.europa.eu/resource/authority"
_IANA = "https://www.iana.org/assignments/media-types"

_RIGHTS = {
    OpenClass.UNCONDITIONAL: "PUBLIC",
    OpenClass.CONDITIONAL: "RESTRICTED",
    OpenClass.CLOSED: "NON_PUBLIC",
}
_THEMES = {
    Domain.FINANCE: ("ECON", "Economy and finance"),
    Domain.HEALTHCARE: ("HEAL", "Health"),
    Domain.TRANSPORT: ("TRAN", "Transport"),
    Domain.CULTURE: ("EDUC", "Education, culture and sport"),
    Domain.AGRICULTURE: ("AGRI", "Agriculture, fisheries, forestry and food"),
    Domain.EDUCATION: ("EDUC", "Education, culture and sport"),
    Domain.ENERGY: ("ENER", "Energy"),
    Domain.ENVIRONMENT: ("ENVI", "Environment"),
    Domain.GOVERNMENT: ("GOVE", "Government and public sector"),
    Domain.JUSTICE: ("JUST", "Justice, legal system and public safety"),
    Domain.POPULATION: ("SOCI", "Population and society"),
    Domain.SCIENCE: ("TECH", "Science and technology"),
}
_LICENCES = {"CC0": "CC0", "CC BY 4.0": "CC_BY_4_0", "CC BY-SA 4.0": "CC_BYSA_4_0"}
_FILE_TYPES = {FileFormat.CSV: "CSV", FileFormat.PARQUET: "PARQUET"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where this catalogue is."""

    site: str  # its name
    address: str  # of the portal, without a slash at its end

    @property
    def catalogue(self) -> str:
        return f"{self.address}/#catalogue"

    @property
    def api(self) -> str:
        return f"{self.address}/api/v1"

    @property
    def service(self) -> str:
        return f"{self.api}#service"

    def page(self, name: str) -> str:
        return f"{self.address}/datasets/{name}"

    def dataset(self, name: str) -> str:
        return f"{self.page(name)}#dataset"


def catalogue_graph(place: Place, entries: Iterable[CatalogueEntry]) -> Node:
    """The whole catalogue."""
    datasets = [dataset_node(place, entry) for entry in entries]
    catalogue = _catalogue(place, [node["@id"] for node in datasets])
    if datasets:
        last = max(node["dct:modified"]["@value"] for node in datasets)
        catalogue["dct:modified"] = _moment(last)
    return {"@context": CONTEXT, "@graph": [catalogue, *datasets]}


def dataset_graph(place: Place, entry: CatalogueEntry) -> Node:
    """One dataset, and the service that it is reached by."""
    service = _service(place, [place.dataset(entry.policy.name)])
    return {"@context": CONTEXT, "@graph": [dataset_node(place, entry), service]}


def dataset_node(place: Place, entry: CatalogueEntry) -> Node:
    """A dataset with its distributions."""
    policy = entry.policy
    node: Node = {
        "@id": place.dataset(policy.name),
        "@type": "dcat:Dataset",
        "dct:identifier": policy.name,
        "dct:title": policy.title,
        "dct:description": policy.description or policy.title,
        "dct:publisher": {"@type": "foaf:Agent", "foaf:name": policy.provider},
        "dct:accessRights": _of("access-right", _RIGHTS[policy.open_class], "dct:RightsStatement"),
        "dct:issued": _moment(entry.first_published_at),
        "dct:modified": _moment(entry.published_at),
        "dcat:version": str(entry.version),
        "dcat:landingPage": _document(place.page(policy.name)),
    }
    if policy.keywords:
        node["dcat:keyword"] = list(policy.keywords)
    if policy.domain in _THEMES:
        code, label = _THEMES[policy.domain]
        node["dcat:theme"] = _of("data-theme", code, "skos:Concept") | {"skos:prefLabel": label}
    if policy.contact is not None:
        node["dcat:contactPoint"] = _contact(policy.contact)
    if policy.open_class is OpenClass.CLOSED:
        return node
    node["dct:accrualPeriodicity"] = _of("frequency", policy.update_frequency.eu_code, "dct:Frequency")
    node["dct:provenance"] = {"@type": "dct:ProvenanceStatement", "rdfs:label": policy.source}
    distributions = [_download(place, entry, file) for file in entry.files if not entry.suspended]
    if OpenMode.SANDBOX in policy.open_modes:
        distributions.append(_in_the_sandbox(place, entry))
    if distributions:
        node["dcat:distribution"] = distributions
    return node


def _catalogue(place: Place, datasets: list[str]) -> Node:
    return {
        "@id": place.catalogue,
        "@type": "dcat:Catalog",
        "dct:title": place.site,
        "dct:description": f"The datasets that {place.site} opens, and on what conditions.",
        "dct:publisher": {"@type": "foaf:Agent", "foaf:name": place.site},
        "dct:language": _of("language", "ENG", "dct:LinguisticSystem"),
        "foaf:homepage": _document(f"{place.address}/"),
        "dcat:themeTaxonomy": {
            "@id": f"{_EU}/data-theme",
            "@type": "skos:ConceptScheme",
            "dct:title": "Data theme",
        },
        "dcat:service": _service(place, datasets),
        "dcat:dataset": [{"@id": name} for name in datasets],
    }


def _service(place: Place, datasets: list[str]) -> Node:
    return {
        "@id": place.service,
        "@type": "dcat:DataService",
        "dct:title": f"{place.site}: interface for programs",
        "dct:description": "Rows of open data without login; under a grant, private answers to questions in SQL.",
        "dct:publisher": {"@type": "foaf:Agent", "foaf:name": place.site},
        "dcat:endpointURL": {"@id": place.api},
        "dcat:endpointDescription": {"@id": f"{place.api}/openapi.json"},
        "dcat:servesDataset": [{"@id": name} for name in datasets],
    }


def _download(place: Place, entry: CatalogueEntry, file: OpenFile) -> Node:
    name = entry.policy.name
    here = f"{place.api}/datasets/{name}/{file.table}.{file.form}"
    return {
        "@id": f"{place.page(name)}#{file.table}.{file.form}",
        "@type": "dcat:Distribution",
        "dct:title": f"{file.table}.{file.form}",
        "dct:description": entry.policy.tables[file.table].description or f"The table {file.table}.",
        "dcat:accessURL": {"@id": place.page(name)},
        "dcat:downloadURL": {"@id": here},
        "dcat:accessService": {"@id": place.service},
        "dct:format": _of("file-type", _FILE_TYPES[file.form], "dct:MediaTypeOrExtent"),
        "dcat:mediaType": {"@id": f"{_IANA}/{file.form.media_type}", "@type": "dct:MediaType"},
        "dcat:byteSize": {"@value": str(file.size_bytes), "@type": "xsd:nonNegativeInteger"},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": {"@value": file.sha256, "@type": "xsd:hexBinary"},
        },
        "dct:license": _licence(entry.policy.licence),
        "dct:modified": _moment(entry.published_at),
        "dcatap:availability": _of("planned-availability", "STABLE", "skos:Concept")
        | {"skos:prefLabel": "stable"},
    }


def _in_the_sandbox(place: Place, entry: CatalogueEntry) -> Node:
    policy = entry.policy
    conditions = " ".join(policy.access.conditions)
    return {
        "@id": f"{place.page(policy.name)}#sandbox",
        "@type": "dcat:Distribution",
        "dct:title": f"{policy.title}, in the data sandbox",
        "dct:description": "Private answers from a budget, under a signed agreement.",
        "dcat:accessURL": {"@id": place.page(policy.name)},
        "dcat:accessService": {"@id": place.service},
        "dct:license": _licence(policy.licence),
        "dct:rights": {
            "@type": "dct:RightsStatement",
            "rdfs:label": f"On application. {conditions}".strip(),
        },
    }


def _contact(contact: Contact) -> Node:
    node: Node = {"@type": ["vcard:Kind", "vcard:Organization"], "vcard:fn": contact.name}
    if contact.email:
        node["vcard:hasEmail"] = {"@id": f"mailto:{contact.email}"}
    if contact.url:
        node["vcard:hasURL"] = {"@id": contact.url}
    return node


def _licence(text: str) -> Node:
    node: Node = {"@type": "dct:LicenseDocument", "rdfs:label": text}
    return node | {"@id": f"{_EU}/licence/{_LICENCES[text]}"} if text in _LICENCES else node


def _of(vocabulary: str, code: str, kind: str) -> Node:
    return {"@id": f"{_EU}/{vocabulary}/{code}", "@type": kind}


def _document(address: str) -> Node:
    return {"@id": address, "@type": "foaf:Document"}


def _moment(text: str) -> Node:
    return {"@value": text, "@type": "xsd:dateTime"}
