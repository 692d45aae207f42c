"""The catalogue's index: what a search finds, in which order, without reading a policy."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, func, select, update

from sandbox.domain.catalogue_terms import Frequency, OpenMode
from sandbox.domain.errors import Tampered
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy, Domain, OpenClass, Table
from sandbox.domain.search import Found, search
from sandbox.domain.suspension import Suspension
from sandbox.store import Store
from sandbox.store.catalogue import FORM
from sandbox.store.schema import catalogue_entries, catalogue_words, dataset_versions
from tests.store.world import did, open_store, policy, publish


def open_policy(name: str, **more: object) -> DatasetPolicy:
    """An unconditional dataset."""
    words: dict[str, object] = {"open_class": OpenClass.UNCONDITIONAL, "unit": None, "budget": None}
    return policy(name, **{**words, **more})


def closed_policy(name: str, **more: object) -> DatasetPolicy:
    return policy(name, **{"open_class": OpenClass.CLOSED, "unit": None, "budget": None, **more})


def found(store: Store, text: str = "", **more: object) -> tuple[str, ...]:
    return _find(store, text, **more).names


def _find(store: Store, text: str = "", **more: object) -> Found:
    return store.catalogue.find(search(text, **more))  # type: ignore[arg-type]


@pytest.fixture
def town(store: Store) -> Store:
    """Four datasets of three classes, and one that is hidden."""
    publish(store, policy("loans", title="Loans to firms", domain=Domain.FINANCE, keywords=("credit",)))
    publish(
        store, open_policy("buses", title="Buses", domain=Domain.TRANSPORT, update_frequency=Frequency.DAILY)
    )
    column = Column(type=ColumnType.INTEGER, description="Credit that a rider has left.")
    tables = {"taps": Table(max_rows=9, columns={"card_balance": column})}
    publish(store, open_policy("cards", title="Élan cards", domain=Domain.TRANSPORT, tables=tables))
    publish(store, closed_policy("prisons", title="Prisons", tables=tables))
    publish(store, closed_policy("spies", title="Spies", listed=False))
    return store


def test_without_words_everything_listed_is_found_by_title(town: Store) -> None:
    assert found(town) == ("buses", "cards", "loans", "prisons")  # É sorts as E


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("credit", ("loans", "cards")),  # a keyword before a column's description
        ("CRÉDIT", ("loans", "cards")),
        ("cred", ("loans", "cards")),
        ("card_balance", ("cards",)),
        ("balance rider", ("cards",)),
        ("rider firms", ()),  # every word has to be found
        ("redit", ()),
        ("b", ()),  # one letter begins too much
        ("elan", ("cards",)),
        ("transport", ("buses", "cards")),
        ("bank", ("buses", "cards", "loans", "prisons")),  # the provider
        ("spies", ()),
        ("nothing", ()),
    ],
)
def test_words_find_datasets_the_best_first(town: Store, text: str, names: tuple[str, ...]) -> None:
    assert found(town, text) == names


def test_the_word_itself_comes_before_its_beginning(store: Store) -> None:
    publish(store, policy("carpets", title="Carpets"))
    publish(store, policy("vehicles", title="Each car"))
    assert found(store, "car") == ("vehicles", "carpets")


def test_words_of_scripts_without_blanks_are_found_by_a_part(store: Store) -> None:
    publish(store, policy("dk", title="上海市贷款申请统计"))
    publish(store, policy("gj", title="上海市公交统计"))
    assert found(store, "贷款") == ("dk",)
    assert found(store, "统计") == ("gj", "dk")
    assert found(store, "贷") == ("dk",)
    assert found(store, "款贷") == ()


def test_a_closed_dataset_is_not_found_by_what_is_in_it(town: Store) -> None:
    assert "prisons" not in found(town, "card_balance")
    assert found(town, "prisons") == ("prisons",)
    tables = town.datasets.get("prisons").policy.tables  # type: ignore[union-attr]
    publish(town, closed_policy("prisons", title="Prisons", tables=tables, update_frequency=Frequency.DAILY))
    assert found(town, frequency="daily") == ("buses",)


def test_what_is_hidden_is_found_by_the_operator_alone(town: Store) -> None:
    for text in ("", "spies"):
        assert "spies" not in found(town, text)
        assert "spies" in town.catalogue.find(search(text), hidden=True).names
    assert "spies" not in town.catalogue.names()
    assert _find(town).counts["open_class"]["closed"] == 1


def test_filters_narrow_and_each_counts_what_its_values_would_leave(town: Store) -> None:
    assert found(town, domain="transport") == ("buses", "cards")
    assert found(town, mode="sandbox") == ("loans",)
    assert found(town, mode="download", frequency="daily") == ("buses",)
    answer = _find(town, open_class="unconditional", domain="transport")
    assert answer.total == 2
    assert answer.counts == {
        "open_class": {"unconditional": 2},  # within transport
        "domain": {"transport": 2},  # of what is unconditional
        "frequency": {"daily": 1, "never": 1},
        "mode": {"download": 2, "interface": 2},
    }
    assert _find(town, "credit", domain="healthcare").counts["domain"] == {
        "inclusive finance": 1,
        "transport": 1,
    }


def test_pages_follow_each_other_without_gap_or_repetition(store: Store) -> None:
    for n in range(7):
        publish(store, policy(f"d{n}", title="The same title"))
    pages = [found(store, "title", offset=at, limit=3) for at in (0, 3, 6, 9)]
    assert [len(page) for page in pages] == [3, 3, 1, 0]
    assert sorted(name for page in pages for name in page) == [f"d{n}" for n in range(7)]
    assert _find(store, "title", offset=9, limit=3).total == 7


def test_a_new_version_takes_the_place_of_the_earlier_ones_words(town: Store) -> None:
    publish(town, policy("loans", title="Mortgages", listed=True), "two")
    assert found(town, "firms") == ()
    assert found(town, "mortgages") == ("loans",)
    with town.database.reading() as connection:
        n = select(func.count()).select_from(catalogue_entries).where(catalogue_entries.c.dataset == "loans")
        assert connection.scalar(n) == 1


def test_a_search_reads_no_policy_but_those_of_its_page(town: Store) -> None:
    """Every other policy is spoiled: reading one would say so."""
    with town.database.engine.begin() as connection:
        others = update(dataset_versions).where(dataset_versions.c.dataset != "buses")
        connection.execute(others.values(policy="{}"))
    answer = _find(town, limit=1)
    assert (answer.names, answer.total) == (("buses",), 4)
    assert [d.policy.name for d in town.datasets.several(answer.names)] == ["buses"]
    with pytest.raises(Tampered):  # the control
        town.datasets.several(_find(town, limit=2).names)


def test_an_index_that_is_missing_or_of_an_older_form_is_made_when_the_store_is_opened(
    town: Store, url: str, home: Path
) -> None:
    with town.database.engine.begin() as connection:
        connection.execute(delete(catalogue_words).where(catalogue_words.c.dataset == "buses"))
        connection.execute(delete(catalogue_entries).where(catalogue_entries.c.dataset == "buses"))
        connection.execute(delete(catalogue_words).where(catalogue_words.c.dataset == "cards"))
        older = update(catalogue_entries).where(catalogue_entries.c.dataset == "cards")
        connection.execute(older.values(form=FORM - 1))
    assert found(town, "buses") == found(town, "elan") == ()
    head = town.log.head().seq
    again = open_store(url, home)
    assert (found(again, "buses"), found(again, "elan")) == (("buses",), ("cards",))
    assert again.log.head().seq == head  # nothing happened
    again.close()


def test_a_policy_that_was_changed_in_the_database_does_not_keep_the_store_from_opening(
    town: Store, url: str, home: Path
) -> None:
    with town.database.engine.begin() as connection:
        connection.execute(update(catalogue_entries).values(form=FORM - 1))
        spoiled = update(dataset_versions).where(dataset_versions.c.dataset == "cards")
        connection.execute(spoiled.values(policy="{}"))
    again = open_store(url, home)
    assert found(again, "buses") == ("buses",)
    with pytest.raises(Tampered):
        again.datasets.get("cards")
    again.close()


def test_the_catalogues_state_follows_versions_and_suspensions_of_what_is_listed(town: Store) -> None:
    states = [town.catalogue.state()]
    for change in (
        lambda: publish(town, policy("loans", title="Newer"), "two"),
        lambda: town.suspensions.begin(
            Suspension(dataset="buses", made_by="olga"), event=did("dataset.suspended")
        ),
        lambda: town.suspensions.end(town.suspensions.all()[0], event=did("dataset.resumed")),
    ):
        change()
        states.append(town.catalogue.state())
    assert len(set(states)) == 3
    assert states[1] == states[3]
    publish(town, closed_policy("spies", title="Spies, newer", listed=False), "two")
    assert town.catalogue.state() == states[3]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("' OR 1=1 --", ()),
        ("buses%", ("buses",)),
        ("bus_s", ()),
        ("a" * 200, ()),
        ("\U0010ffff buses", ("buses",)),
        ("buses\x00", ("buses",)),
    ],
)
def test_a_hostile_word_is_a_word(town: Store, text: str, names: tuple[str, ...]) -> None:
    assert found(town, text) == names


def test_words_are_compared_by_their_bytes_whatever_the_databases_language(store: Store) -> None:
    if store.database.is_sqlite:
        return  # SQLite always does
    collation = (
        "SELECT collation_name FROM information_schema.columns "
        "WHERE table_name = 'catalogue_words' AND column_name = 'word'"
    )
    with store.database.engine.connect() as connection:
        assert connection.exec_driver_sql(collation).scalar() == "C"


def test_an_endless_title_is_kept_and_found(store: Store) -> None:
    publish(store, open_policy("long", title="贷款" * 2000))
    assert found(store, "贷款") == ("long",)


def test_the_history_comes_newest_first_in_pages(store: Store) -> None:
    for n in range(5):
        publish(store, policy(title=f"Title {n}"), f"snapshot-{n}")
    assert [d.version for d in store.datasets.history("loans", limit=2)] == [5, 4]
    assert [d.version for d in store.datasets.history("loans", offset=3, limit=9)] == [2, 1]
    assert store.datasets.history("nothing") == ()
    first = store.datasets.first_published(["loans", "nothing"])
    assert first == {"loans": store.datasets.versions("loans")[0].published_at}


def test_a_lineages_datasets_are_known_with_their_owners(store: Store) -> None:
    publish(store, policy())
    publish(store, policy("loans_by_region", lineage="loans", owner="oscar"))
    assert store.datasets.of_lineage("loans") == (("loans", "olga"), ("loans_by_region", "oscar"))
    assert store.datasets.of_lineage("nothing") == ()


def test_the_way_of_opening_follows_the_owner(store: Store) -> None:
    publish(store, open_policy("buses", opened_by=(OpenMode.INTERFACE,)))
    assert found(store, mode="interface") == ("buses",)
    assert found(store, mode="download") == ()
