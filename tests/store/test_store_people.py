"""People and passwords: nobody learns from the door which names exist, and guessing gets slow."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from sandbox.domain.errors import BadInput, Conflict, NotFound, NotSignedIn
from sandbox.domain.people import Person, Role
from sandbox.store import Store
from sandbox.store.attempts import lock_s
from sandbox.store.people import People
from sandbox.store.schema import failed_logins, people
from tests.store.world import LIGHT, Clock, did

ANA = Person("ana", frozenset({Role.RESEARCHER, Role.OWNER}))
SIGNED_IN = did("person.signed_in", "person:ana")


@pytest.fixture
def peopled(store: Store) -> Store:
    store.people.add(ANA, password="right horse", event=did("person.added"))
    return store


def sign_in(store: Store, name: str = "ana", password: str = "right horse") -> Person:
    return store.people.check_password(name, password, event=SIGNED_IN)


def fail(store: Store, times: int, name: str = "ana") -> list[str]:
    """The words of each refusal."""
    words = []
    for _ in range(times):
        with pytest.raises(NotSignedIn) as refused:
            sign_in(store, name, "wrong horse")
        words.append(str(refused.value))
    return words


def test_the_right_password_gives_the_person(peopled: Store) -> None:
    assert sign_in(peopled) == ANA == peopled.people.get("ana")
    assert peopled.log.newest(limit=1)[0].event == SIGNED_IN


def test_a_password_is_kept_as_argon2id_and_not_in_any_row(peopled: Store) -> None:
    with peopled.database.reading() as connection:
        row = connection.execute(select(people)).one()
    assert row.password_hash.startswith("$argon2id$")
    assert "right horse" not in str(row)


@pytest.mark.parametrize(
    "name", ["nobody", "ana; DROP TABLE people", "", "Ana", "x" * 5000, "\x00", "\ud800"]
)
def test_unknown_names_and_wrong_passwords_get_the_same_words_counter_and_lock(
    peopled: Store, name: str
) -> None:
    assert fail(peopled, 7) == fail(peopled, 7, name)


def test_unknown_names_take_the_same_work(store: Store) -> None:
    class Counting(PasswordHasher):
        verified = 0

        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            Counting.verified += 1
            return super().verify(hash, password)

    hasher = Counting(time_cost=1, memory_cost=8, parallelism=1)
    counted = People(store.database, store.log, store.now, store.second_factors, hasher)
    counted.add(ANA, password="right horse", event=did())
    for name in ("ana", "nobody", "not a name"):
        before = Counting.verified
        with pytest.raises(NotSignedIn):
            counted.check_password(name, "wrong horse", event=SIGNED_IN)
        assert Counting.verified == before + 1


def test_a_name_typed_wrong_is_not_written_on_the_log(peopled: Store) -> None:
    fail(peopled, 1, "hunter2hunter2")  # a password in the name's place
    entry = peopled.log.newest(limit=1)[0]
    assert (entry.event.action, entry.event.object) == ("person.sign_in_refused", "person:unknown")


def test_the_fifth_failure_locks_also_the_right_password(peopled: Store, clock: Clock) -> None:
    fail(peopled, 4)
    assert sign_in(peopled) == ANA  # the control: four do not
    fail(peopled, 5)
    with pytest.raises(NotSignedIn, match="Too many"):
        sign_in(peopled)
    clock.forward(minutes=2)
    assert sign_in(peopled) == ANA


def test_locks_grow_to_15_minutes_and_a_success_starts_anew(peopled: Store, clock: Clock) -> None:
    assert [lock_s(n) for n in (0, 4, 5, 6, 7, 8, 9, 10_000)] == [0, 0, 60, 120, 240, 480, 900, 900]
    for _ in range(12):
        fail(peopled, 1)
        clock.forward(minutes=16)
    assert sign_in(peopled) == ANA
    fail(peopled, 4)
    assert sign_in(peopled) == ANA


def test_tries_while_locked_do_not_prolong_the_lock(peopled: Store, clock: Clock) -> None:
    fail(peopled, 50)
    clock.forward(minutes=1, seconds=1)
    assert sign_in(peopled) == ANA


def test_failures_are_forgotten_after_a_day_and_their_rows_removed(peopled: Store, clock: Clock) -> None:
    fail(peopled, 3, "somebody")
    fail(peopled, 4)
    clock.forward(hours=25)
    fail(peopled, 1)
    assert sign_in(peopled) == ANA
    with peopled.database.reading() as connection:
        assert connection.execute(select(failed_logins)).all() == []


def test_a_new_password_ends_the_old_one_and_the_lock(peopled: Store) -> None:
    fail(peopled, 5)
    peopled.people.set_password("ana", "new donkey", event=did("person.password_set"))
    assert sign_in(peopled, password="new donkey") == ANA
    with pytest.raises(NotSignedIn):
        sign_in(peopled)


def test_stronger_parameters_are_taken_over_at_the_next_sign_in(peopled: Store) -> None:
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    now = People(peopled.database, peopled.log, peopled.now, peopled.second_factors, stronger)
    assert now.check_password("ana", "right horse", event=SIGNED_IN) == ANA
    with peopled.database.reading() as connection:
        kept = connection.execute(select(people.c.password_hash)).scalar_one()
    assert not stronger.check_needs_rehash(kept)
    assert LIGHT.check_needs_rehash(kept)


@pytest.mark.parametrize("password", ["", "short", "x" * 201, "\ud800" * 10])
def test_what_cannot_be_a_password_is_refused(store: Store, password: str) -> None:
    with pytest.raises(BadInput):
        store.people.add(ANA, password=password, event=did())
    assert store.people.get("ana") is None


def test_roles_are_set_as_a_whole(peopled: Store) -> None:
    peopled.people.set_roles("ana", [Role.REVIEWER], event=did("person.roles_set"))
    assert peopled.people.all() == (Person("ana", frozenset({Role.REVIEWER})),)


def test_names_are_taken_once_and_unknown_ones_are_not_found(peopled: Store) -> None:
    with pytest.raises(Conflict):
        peopled.people.add(ANA, password="another horse", event=did())
    with pytest.raises(NotFound):
        peopled.people.set_roles("nobody", [], event=did())
    with pytest.raises(NotFound):
        peopled.people.set_password("nobody", "long enough", event=did())
    assert peopled.people.get("nobody") is None
