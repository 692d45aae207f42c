"""Second factors at the door: a code serves once, guesses are counted, and no secret lies about in clear."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import select, update

from sandbox.domain.errors import BadInput, Conflict, NotFound, NotSignedIn, OperatorError
from sandbox.domain.people import Person, Role
from sandbox.domain.second_factor import RECOVERY_CODES, FactorState
from sandbox.store import Store
from sandbox.store.schema import recovery_codes, second_factors
from tests.store.world import Clock, did

ANA = Person("ana", frozenset({Role.OWNER}))
SIGNED_IN = did("person.signed_in", "person:ana")


class Enrolled:
    """Ana, with an app and her recovery codes."""

    def __init__(self, store: Store, clock: Clock, name: str = "ana") -> None:
        self.store, self.clock, self.name = store, clock, name
        self.secret = store.second_factors.begin(name, event=did())
        self.recovery = store.second_factors.confirm(name, self.shown(), event=did())
        clock.forward(minutes=5)  # away from the code that was just used

    def shown(self, *, ahead_s: int = 0) -> str:
        """What the app shows, now or so many seconds later."""
        return pyotp.TOTP(self.secret).at(int(self.clock().timestamp()) + ahead_s)

    def sign_in(self, code: str, password: str = "right horse") -> Person:
        return self.store.people.check_password(self.name, password, code=code, event=SIGNED_IN)

    def refused(self, code: str, password: str = "right horse") -> str:
        with pytest.raises(NotSignedIn) as refused:
            self.sign_in(code, password)
        return str(refused.value)


@pytest.fixture
def ana(store: Store, clock: Clock) -> Enrolled:
    store.people.add(ANA, password="right horse", event=did("person.added"))
    return Enrolled(store, clock)


def test_a_code_is_asked_of_whoever_enrolled_and_of_nobody_else(store: Store, ana: Enrolled) -> None:
    store.people.add(Person("ben", frozenset()), password="right horse", event=did())
    assert store.people.check_password("ben", "right horse", event=SIGNED_IN).name == "ben"
    ana.refused("")
    assert ana.sign_in(ana.shown()) == ANA
    assert store.log.newest(limit=1)[0].event.facts["second_factor"] == "code"


def test_a_code_typed_with_spaces_is_the_same_code(ana: Enrolled) -> None:
    code = ana.shown()
    assert ana.sign_in(f" {code[:3]} {code[3:]} ") == ANA


def test_a_replayed_code_is_refused(ana: Enrolled) -> None:
    code = ana.shown()
    assert ana.sign_in(code) == ANA
    ana.refused(code)
    ana.clock.forward(seconds=30)
    ana.refused(code)  # still within its time, and used
    assert ana.sign_in(ana.shown()) == ANA  # the control: the next one is another code


def test_the_code_of_the_step_before_is_refused_after_a_later_one_was_used(ana: Enrolled) -> None:
    before = ana.shown()
    ana.clock.forward(seconds=30)
    assert ana.sign_in(ana.shown()) == ANA
    ana.refused(before)


def test_the_code_of_the_step_before_counts_when_nothing_was_used(ana: Enrolled) -> None:
    """The control of the test above."""
    before = ana.shown()
    ana.clock.forward(seconds=30)
    assert ana.sign_in(before) == ANA


@pytest.mark.parametrize(
    ("seconds", "counts"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_a_code_counts_one_step_before_and_after_its_own(ana: Enrolled, seconds: int, counts: bool) -> None:
    code = ana.shown(ahead_s=seconds)
    if counts:
        assert ana.sign_in(code) == ANA
    else:
        ana.refused(code)


def test_guessing_codes_locks_as_guessing_passwords_does(ana: Enrolled) -> None:
    right = ana.shown()
    guesses = [
        g
        for g in (f"{n:06}" for n in range(20))
        if g not in (right, ana.shown(ahead_s=30), ana.shown(ahead_s=-30))
    ]
    for guess in guesses[:5]:
        assert "Name, password or code is wrong." in ana.refused(guess)
    assert "Too many wrong tries." in ana.refused(right)
    ana.clock.forward(minutes=2)
    assert ana.sign_in(ana.shown()) == ANA


def test_wrong_name_password_or_code_get_the_same_words_and_log_entry(store: Store, ana: Enrolled) -> None:
    words = {ana.refused("000000"), ana.refused(ana.shown(), "wrong horse"), ana.refused("", "wrong horse")}
    with pytest.raises(NotSignedIn) as unknown:
        store.people.check_password("nobody", "right horse", code="000000", event=SIGNED_IN)
    assert words == {str(unknown.value)}
    facts = [dict(e.event.facts) for e in store.log.newest(limit=4)]
    assert facts == [{}] * 4


def test_a_right_code_beside_a_wrong_password_is_not_used_up(ana: Enrolled) -> None:
    code = ana.shown()
    ana.refused(code, "wrong horse")
    assert ana.sign_in(code) == ANA


@pytest.mark.parametrize(
    "code", ["", "0", "12345", "1234567", "０００００0", "\ud800", "\x00", "' OR 1=1 --", "x" * 10_000, "-1"]
)
def test_what_can_be_no_code_is_a_wrong_code(ana: Enrolled, code: str) -> None:
    assert "Name, password or code is wrong." in ana.refused(code)


def test_a_recovery_code_stands_in_once(store: Store, ana: Enrolled) -> None:
    assert len(set(ana.recovery)) == RECOVERY_CODES
    assert ana.sign_in(ana.recovery[0].lower()) == ANA
    assert store.log.newest(limit=1)[0].event.facts["second_factor"] == "recovery code"
    ana.refused(ana.recovery[0])
    assert ana.sign_in(ana.recovery[1].replace("-", " ")) == ANA
    assert store.second_factors.state("ana").recovery_left == RECOVERY_CODES - 2


def test_a_recovery_code_is_of_its_own_person_only(store: Store, ana: Enrolled, clock: Clock) -> None:
    store.people.add(Person("ben", frozenset()), password="right horse", event=did())
    ben = Enrolled(store, clock, "ben")
    ana.refused(ben.recovery[0])
    assert ben.sign_in(ben.recovery[0]).name == "ben"


def test_enrolling_anew_ends_the_old_secret_and_the_old_recovery_codes(ana: Enrolled, clock: Clock) -> None:
    old_secret, old_recovery = ana.secret, ana.recovery
    again = Enrolled(ana.store, clock)
    ana.refused(pyotp.TOTP(old_secret).at(int(clock().timestamp())))
    ana.refused(old_recovery[0])
    assert again.sign_in(again.shown()) == ANA


def test_until_the_first_code_the_old_device_goes_on(ana: Enrolled) -> None:
    pending = ana.store.second_factors.begin("ana", event=did())
    ana.refused(pyotp.TOTP(pending).at(int(ana.clock().timestamp())))
    assert ana.sign_in(ana.shown()) == ANA
    with pytest.raises(BadInput):
        ana.store.second_factors.confirm("ana", "000000", event=did())
    assert ana.store.second_factors.pending("ana") == pending


def test_the_code_that_was_typed_at_enrolling_opens_no_door(store: Store, clock: Clock) -> None:
    store.people.add(ANA, password="right horse", event=did())
    secret = store.second_factors.begin("ana", event=did())
    code = pyotp.TOTP(secret).at(int(clock().timestamp()))
    store.second_factors.confirm("ana", code, event=did())
    with pytest.raises(NotSignedIn):
        store.people.check_password("ana", "right horse", code=code, event=SIGNED_IN)


def test_an_administrator_takes_a_lost_one_away(ana: Enrolled) -> None:
    ana.store.second_factors.reset("ana", event=did("person.second_factor_reset"))
    assert ana.store.second_factors.state("ana") == FactorState()
    assert ana.sign_in("") == ANA
    with pytest.raises(NotFound):
        ana.store.second_factors.reset("ana", event=did())
    with pytest.raises(Conflict):
        ana.store.second_factors.confirm("ana", "000000", event=did())
    with pytest.raises(NotFound):
        ana.store.second_factors.begin("nobody", event=did())


def test_a_closed_account_is_refused_in_the_same_words(ana: Enrolled) -> None:
    ana.store.people.set_active("ana", False, event=did("person.deactivated"))
    assert "Name, password or code is wrong." in ana.refused(ana.shown())
    ana.store.people.set_active("ana", True, event=did("person.activated"))
    assert ana.sign_in(ana.shown()) == ANA


def test_nobody_signs_in_by_password_who_has_none(store: Store) -> None:
    store.people.add(ANA, password=None, event=did())
    for password in ("", "of nobody", "right horse"):
        with pytest.raises(NotSignedIn):
            store.people.check_password("ana", password, event=SIGNED_IN)


def test_secrets_and_codes_are_neither_in_the_database_nor_on_the_log(store: Store, ana: Enrolled) -> None:
    ana.sign_in(ana.recovery[0])
    ana.refused("123456")
    pending = store.second_factors.begin("ana", event=did())
    with store.database.reading() as connection:
        kept = [
            bytes(v) if isinstance(v, (bytes, memoryview)) else str(v).encode()
            for table in (second_factors, recovery_codes)
            for row in connection.execute(select(table))
            for v in row
        ]
    told = json.dumps([[e.event.action, dict(e.event.facts)] for e in store.log.newest(limit=100)]).encode()
    everything = b"\n".join([*kept, told])
    plain = [code.replace("-", "") for code in ana.recovery]
    for secret in (ana.secret, pending, *ana.recovery, *plain, *map(str.lower, plain), "123456"):
        assert secret.encode() not in everything
    for secret in (ana.secret, pending, *plain):
        assert base64.b32decode(secret) not in everything
    assert b"ana" in everything  # the control: it was looked through


def test_a_secret_moved_to_another_persons_row_is_noticed(store: Store, ana: Enrolled, clock: Clock) -> None:
    store.people.add(Person("eve", frozenset()), password="right horse", event=did())
    Enrolled(store, clock, "eve")
    with store.database.transaction() as connection:
        hers = connection.execute(
            select(second_factors.c.secret).where(second_factors.c.person == "eve")
        ).scalar_one()
        connection.execute(update(second_factors).where(second_factors.c.person == "ana").values(secret=hers))
    with pytest.raises(OperatorError, match="cannot be read"):
        ana.sign_in("000000")


def test_with_another_key_nothing_is_read(ana: Enrolled, home: Path) -> None:
    (home / "keys" / "second-factors").unlink()
    with pytest.raises(OperatorError, match="backup"):
        ana.sign_in(ana.shown())


def test_confirming_who_one_is_counts_and_uses_as_the_door_does(ana: Enrolled) -> None:
    code = ana.shown()
    event = did("person.confirmed", "person:ana")
    ana.store.people.confirm("ana", "right horse", code=code, event=event)
    ana.refused(code)
    for _ in range(4):
        with pytest.raises(NotSignedIn):
            ana.store.people.confirm("ana", "right horse", code="000000", event=event)
    with pytest.raises(NotSignedIn, match="Too many"):
        ana.sign_in(ana.shown())
    assert ana.store.people.accounts()[0].last_sign_in_at == ""


def test_the_last_sign_in_is_noted(ana: Enrolled) -> None:
    ana.sign_in(ana.shown())
    assert ana.store.people.accounts()[0].last_sign_in_at.startswith("2026-03-02T09:05")


@pytest.mark.parametrize("name", ["ana", "ben", "nobody", "not a name"])
def test_the_work_at_the_door_is_the_same_whoever_is_asked_for(
    store: Store, ana: Enrolled, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Enrolled, not enrolled, unknown, no name at all."""
    store.people.add(Person("ben", frozenset()), password="right horse", event=did())
    computed = []
    once = pyotp.TOTP.generate_otp

    def counted(self: pyotp.TOTP, step: int) -> str:
        computed.append(step)
        return once(self, step)

    monkeypatch.setattr(pyotp.TOTP, "generate_otp", counted)
    with pytest.raises(NotSignedIn):
        store.people.check_password(name, "wrong horse", code="000000", event=SIGNED_IN)
    assert len(computed) == 3
