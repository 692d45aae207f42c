"""Text → question: rewrites of one question are one question, and nothing outside the grammar passes."""

from __future__ import annotations

import itertools
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.domain.errors import QuestionRefused
from sandbox.domain.finish import finished_sql
from sandbox.domain.names import RESERVED
from sandbox.domain.policy import Column, ColumnType, DatasetPolicy, OpenClass, Table
from sandbox.domain.predicate import Comparison, In, IsNull, Op
from sandbox.domain.question import MeasureKind, canonical_sql
from sandbox.privacy.asking.parse import Asked, parse, read
from tests.privacy.made_up import hospital, with_table

POLICY = hospital()
DATED = hospital(admitted=Column(type=ColumnType.DATE, earliest="2013-01-05", latest="2014-02-03"))


def canonical(sql: str, policy: DatasetPolicy = POLICY) -> str:
    """The one text of a question and of what is done with its answer."""
    return text_of(read(sql, policy))


def text_of(asked: Asked) -> str:
    if asked.finish is None:
        return canonical_sql(asked.question)
    return finished_sql(asked.question, asked.finish)


# Each line holds ways to ask the same.
SAME: list[list[str]] = [
    [
        "SELECT COUNT(*) AS count FROM visits",
        "select count(*) from visits",
        "SELECT\n\tCOUNT( * )\nFROM visits ;",
        "select count(*) as COUNT from VISITS",
        'select count(*) as "count" from "visits"',
        "select count(1) count from visits v",
        "select (count(*)) from visits as v",
        "select count(*) -- everybody\nfrom /* the */ visits",
    ],
    [
        "SELECT sex, COUNT(*) AS n FROM visits GROUP BY sex",
        "select visits.sex, count(*) n from visits group by visits.sex",
        "select v.sex, count(*) n from visits v group by v.sex",
        "select Sex, count(*) as N from visits group by 1",
        "select sex, count(*) as n from visits group by (sex)",
        "select sex as sex, count(*) n from visits group by sex, 1",
    ],
    [
        "select count(*) from visits where age between 20 and 40",
        "select count(*) from visits where age >= 20 and age <= 40",
        "select count(*) from visits where 40 >= age and 20 <= age",
        "select count(*) from visits where age > 19 and age < 41",
        "select count(*) from visits where age > 19.5 and not age > 40.5",
        "select count(*) from visits where not (age < 20 or age > 40)",
        "select count(*) from visits where not not (age between 20.0 and 40)",
        "select count(*) from visits where (((age >= 20))) and ((age <= 40) and age <= 50)",
    ],
    [
        "select count(*) from visits where city in ('Kyiv', 'Lviv')",
        "select count(*) from visits where city in ('Lviv', 'Kyiv', 'Lviv')",
        "select count(*) from visits where city = 'Lviv' or city = 'Kyiv'",
        "select count(*) from visits where 'Lviv' = city or city in ('Kyiv')",
        "select count(*) from visits where not (city <> 'Lviv' and city != 'Kyiv')",
        "select count(*) from visits where not city not in ('Kyiv', 'Lviv')",
    ],
    [
        "select count(*) from visits where smoker",
        "select count(*) from visits where smoker = true",
        "select count(*) from visits where not smoker = false",
        "select count(*) from visits where smoker <> FALSE",
        "select count(*) from visits where not not smoker",
        "select count(*) from visits where smoker in (true)",
    ],
    [
        "select count(*) from visits where cost <= 12.34",
        "select count(*) from visits where cost < 12.35",
        "select count(*) from visits where cost < 12.341",
        "select count(*) from visits where cost <= 12.3400",
        "select count(*) from visits where not cost > 12.349",
    ],
    [
        "select count(*) from visits where admitted >= date '2013-02-01'",
        "select count(*) from visits where admitted >= '2013-02-01'",
        "select count(*) from visits where admitted > '2013-01-31'",
        "select count(*) from visits where cast('2013-02-01' as date) <= admitted",
        "select count(*) from visits where not admitted < '2013-02-01'::date",
    ],
    [
        "select count(*) from visits where age is not null and smoker",
        "select count(*) from visits where not (age is null or not smoker)",
        "select count(*) from visits where smoker and not age is null and smoker",
    ],
    [
        "select count(age) from visits",
        "select count( ( age ) ) as count_age from visits",
        "select count(a) as count_age from (select age as a from visits)",
    ],
    [
        "select floor(age / 10) * 10 as decade, count(*) n from visits group by decade",
        "select 10 * floor(age/10) as decade, count(*) n from visits group by 1",
        "select (floor((age) / 10)) * (10) as decade, count(*) n from visits group by 10 * floor(age / 10)",
        "with v as (select age as a from visits) select floor(a/10)*10 decade, count(*) n from v group by 1",
    ],
    [
        "select histogram(age, 10) from visits",
        "select floor(age / 10) * 10 as age_bin, count(*) from visits group by 1",
        "select histogram(age) from visits",
        "select histogram((age), 10) as age_bin from visits",
        "select histogram(a, 10) as age_bin from (select age as a from visits)",
    ],
    [
        "select sex, histogram(cost) as b from visits group by sex having count(*) > 3 order by 2",
        "select sex, histogram(cost, 50) as b from visits group by 1 having count > 3 order by b",
        "select sex, floor(cost / 50) * 50 b, count(*) from visits group by sex, b having count(*) > 3 order by b",
    ],
    [
        "select ward, count(*) from visits where smoker group by ward",
        "select histogram(ward) from visits where smoker",
    ],
    [
        "select extract(month from admitted) as m, count(*) n from visits group by m",
        "select month(admitted) as m, count(*) n from visits group by extract(month from admitted)",
        "select extract('month' from admitted) as m, count(*) n from visits group by month(admitted)",
    ],
    [
        "select case when age < 18 then 'young' else 'old' end as g, count(*) n from visits group by g",
        "select case when not age >= 18 then ('young') else 'old' end as g, count(*) n from visits group by 1",
        "select case when age <= 17.5 then 'young' else 'old' end g, count(*) n from visits "
        "group by case when age < 18 then 'young' else 'old' end",
    ],
    [
        "select median(age) as m, stddev(cost) as s, var_samp(cost) v from visits",
        "select quantile_cont(age, 0.5) as m, stddev_samp(cost) as s, variance(cost) v from visits",
        "select quantile_cont(a, .50) as m, stddev(c) s, var_samp(c) v from (select age a, cost c from visits)",
        "select percentile_cont(0.5) within group (order by age) as m, stddev(cost) s, var_samp(cost) v from visits",
    ],
    [
        "select corr(age, cost) r, covar_samp(age, cost) c from visits",
        "select corr(cost, age) as r, covar_samp(cost, (age)) as c from visits",
        "select corr(c, a) r, covar_samp(a, c) c from (select age a, cost c from visits)",
    ],
    [
        "select count(*) filter (where smoker) n, sum(cost) filter (where age >= 40) s from visits",
        "select count(case when smoker then 1 end) n, sum(case when age > 39 then cost else 0 end) s from visits",
        "select sum(case when smoker then 1 else 0 end) n, sum(if(not age < 40, cost, 0)) s from visits",
        "select count_if(smoker = true) n, sum(case when age >= 40 then cost else null end) s from visits",
        "select count(case when smoker then patient_id end) n, sum((case when age >= 40 then (cost) end)) s from visits",
        "select count(*) filter (smoker) n, sum(c) filter (where a >= 40) s from (select *, age a, cost c from visits)",
    ],
    [
        "select 2 * sum(age) + count(age) as a, sum(cost) / 3 as b, avg(cost) + 1.5 as c from visits",
        "select sum(2 * age + 1) as a, sum(cost / 3) as b, avg(1.5 + cost) as c from visits",
        "select sum((age + 0.5) * 2) as a, sum((2 * cost) / (3 + 3)) b, avg(cost - -1.5) c from visits",
    ],
    [
        "select 1.19 * sum(cost) filter (where smoker) as a, count(*) filter (where smoker) / count(*) as s from visits",
        "select sum(case when smoker then cost * 1.19 else 0 end) a, avg(case when smoker then 1 else 0 end) s from visits",
        "select sum(cost * 119 / 100) filter (where smoker) a, avg(if(smoker, 1.0, 0.0)) s from visits",
    ],
    [
        "select sum(age) s, sum(cost) filter (where smoker) c, count(*) filter (where smoker) n from visits",
        "select sum(age * 1 + 0) s, sum(case when smoker then cost / 1 else 0.0 end) c, "
        "sum(case when smoker then 1.0 end) n from visits",
        "select sum(2 * age - age) s, cast(sum(cost + 0) filter (where smoker) as double) c, "
        "sum(if(smoker, 1, 0)) n from visits",
    ],
    [
        "select count(distinct patient_id) filter (where smoker and age > 3) as u from visits",
        "select count(distinct case when age >= 4 and smoker then patient_id end) as u from visits",
        "select count(distinct case when smoker then patient_id end) filter (where age > 3) as u from visits",
    ],
    [
        "select count(age) n from visits",
        "select count(*) filter (where age is not null) n from visits",
        "select sum(case when age is not null then 1 else 0 end) n from visits",
        "select count(case when not age is null then 'x' end) n from visits",
    ],
    [
        "select age >= 40 as o, count(*) n from visits group by o",
        "select not age < 40 as o, count(*) n from visits group by (age > 39)",
        "select (40 <= age) as o, count(*) n from visits group by 1",
    ],
    [
        "select sex, count(*) n from visits where smoker group by sex order by n desc limit 1",
        "select sex, count(*) n from visits where smoker group by sex order by 2 desc nulls last limit 1 offset 0",
        "select sex, count(*) n from visits where smoker group by sex order by count(*) desc limit 1",
        "select sex, count(*) n from (select * from visits where smoker) group by sex order by n desc limit 1",
    ],
    [
        "select sex, sum(cost) / count(*) as r from visits group by sex having count(*) >= 10 order by sex",
        "select v.sex, (sum(v.cost)) / (count(1)) as r from visits v group by 1 having (count(*) >= 10) order by 1",
        "with w as (select cost c, sex s from visits) select s as sex, sum(c) / count(*) r from w group by s "
        "having count(*) >= 10.0 order by s asc nulls last",
    ],
    [
        "select round(100.0 * sum(cost) / nullif(count(*), 0), 2) as r from visits",
        "select round((100 * cast(sum(cost) as double)) / nullif(count(1), 0.0), 2) r from visits",
        "select round(100 * sum(cost)::double / nullif((count(*)), (0)), (2.0)) as r from visits",
    ],
    [
        "select sum(cost) as s, coalesce(avg(age), 0) a from visits",
        "select cast(sum(cost) as double) as s, ifnull(avg(age), 0) as a from visits",
        "select (sum(cost))::double s, coalesce((avg(age)::float), 0.0) a from visits",
    ],
    [
        "select avg(total) as m from (select patient_id, sum(cost) as total from visits group by patient_id)",
        "select avg(t) m from (select sum(v.cost) t, patient_id as p from visits as v group by v.patient_id) x",
        "with u as (select patient_id, sum(cost) as t, max(age) as unused from visits group by 1) "
        "select avg(t) m from u",
        "with c as (select patient_id p, cost k from visits), u as (select p, least(sum(k), 99999) t from c group by p) "
        "select avg(x) m from (select t as x from u)",
        "select avg(t) m from (select sum(cost) t from visits group by (patient_id))",
    ],
    [
        "select n, count(*) as c from (select patient_id, count(*) as n from visits where age > 17 group by patient_id) "
        "where n >= 2 group by n",
        "with a as (select patient_id p from visits where not age < 18), u as (select p, count(1) m from a group by p) "
        "select m as n, count(*) c from u where m > 1 group by m",
        "select n, count(*) c from (select patient_id, count(patient_id) n from visits where age >= 18 group by 1) "
        "where not n < 2 group by 1",
    ],
    [
        "select sum(m) as s from (select patient_id, greatest(least(sum(cost), 900), 0) as m from visits "
        "group by patient_id)",
        "select sum(m) as s from (select patient_id, least(900.00, greatest(0, sum(cost)), 950) as m from visits "
        "group by patient_id)",
        "select sum(m) as s from (select patient_id, least((greatest((sum(cost)), 0)), 900) as m, min(age) as b "
        "from visits group by patient_id)",
    ],
    [
        "select ward, avg(n) as m from (select patient_id, ward, count(*) as n from visits group by patient_id, ward) "
        "group by ward",
        "select w as ward, avg(n) m from (select count(*) n, ward as w from visits group by ward, patient_id, ward) "
        "group by w",
        "select ward, avg(n) m from (select count(*) n, ward from visits group by 2, patient_id) group by 1",
    ],
    [
        "select kind, count(*) n, avg(beds) b from visits join wards using (ward) where age > 3 group by kind",
        "select w.kind, count(*) n, avg(w.beds) b from visits v inner join wards as w on v.ward = w.ward "
        "where v.age >= 4 group by w.kind",
        "select kind, count(*) n, avg(wards_beds) b from visits join wards on wards.ward = ward "
        "left join cities using (city) where age > 3 group by 1",
        "with v as (select ward w, age a from visits where age > 3) "
        "select kind, count(*) n, avg(beds) b from v join wards on v.w = wards.ward group by kind",
        "with x as (select kind k, beds b, age from visits join wards using (ward)) "
        "select k as kind, count(*) n, avg(b) b from x where age > 3 group by k",
    ],
    [
        "select eu, sum(rate) s from visits join cities using (city) join countries c on c.name = country "
        "join wards using (ward) where beds > 9 group by eu",
        "select c.eu, sum(rate) s from visits v join wards w on v.ward = w.ward join cities on cities.city = v.city "
        "join countries as c on cities.country = c.name where not w.beds < 10 group by c.eu",
    ],
    [
        "select k, avg(b) m from (select patient_id, kind as k, max(beds) as b from visits left join wards "
        "using (ward) group by patient_id, kind) group by k",
        "select w.kind as k, avg(b) m from (select patient_id p, max(beds) b, kind from visits left outer join wards w "
        "on w.ward = visits.ward group by 1, kind) w group by kind",
    ],
    [
        "select count(*) from visits where (sex = 'male' and age > 5) or smoker",
        "select count(*) from visits where smoker or (age >= 6 and sex = 'male')",
        "select count(*) from visits where not ((not smoker) and (age <= 5 or sex <> 'male'))",
    ],
]


@pytest.mark.parametrize("ways", SAME, ids=lambda ways: ways[0][:60])
def test_every_way_to_ask_the_same_is_one_question(ways: list[str]) -> None:
    assert {canonical(way) for way in ways} == {canonical(ways[0])}


def test_different_questions_stay_different() -> None:
    firsts = [canonical(ways[0]) for ways in SAME]
    assert len(set(firsts)) == len(firsts)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("age > 19", "age > 20"),
        ("cost < 12.34", "cost <= 12.34"),
        ("city = 'a' and age = 1", "city = 'a' or age = 1"),
        ("city <> 'a'", "city = 'a'"),
        ("age is null", "age is not null"),
        ("not smoker", "smoker"),
        ("(smoker or age > 3) and cost > 1", "smoker or (age > 3 and cost > 1)"),
    ],
)
def test_conditions_that_differ_are_told_apart(one: str, other: str) -> None:
    sql = "select count(*) from visits where "
    assert canonical(sql + one) != canonical(sql + other)


@pytest.mark.parametrize("sql", [way for ways in SAME for way in ways])
def test_the_canonical_text_reads_back_as_itself(sql: str) -> None:
    text = canonical(sql)
    assert canonical(text) == text
    again, first = read(text, POLICY), read(sql, POLICY)
    assert (again.question, again.finish) == (first.question, first.finish)
    paid = canonical_sql(first.question)  # what is sent to the engine
    assert canonical_sql(parse(paid, POLICY)) == paid
    assert parse(paid, POLICY) == first.question


SENT = [
    "select sum(cost) s from visits having count(*) > 3",
    "select -sum(cost) s from visits",
    "select count(*) from visits order by 1",
    "select count(*) from visits limit 1",
    "select with differential_privacy options(epsilon=1) count(*) from visits",
]


@pytest.mark.parametrize("sql", SENT)
def test_an_engine_is_sent_only_what_is_paid_for(sql: str) -> None:
    with pytest.raises(QuestionRefused, match="ends with GROUP BY"):
        parse(sql, POLICY)
    assert parse(canonical_sql(read(sql, POLICY).question), POLICY)  # the control


ATOMS = st.sampled_from(
    [
        "age >= 18",
        "age < 65",
        "not age = 40",
        "cost between 1.5 and 99.99",
        "sex = 'male'",
        "city in ('b', 'a')",
        "city not in ('c')",
        "city <> 'it''s'",
        "smoker",
        "smoker is null",
        "admitted < '2013-06-01'",
        "ward in (1, 2)",
        "weight > 60",
    ]
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        inner.map(lambda c: f"not ({c})"),
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(CONDITIONS)
def test_any_condition_reads_back_as_itself_and_denied_twice_too(condition: str) -> None:
    text = canonical(f"select count(*) from visits where {condition}")
    assert canonical(text) == text
    assert canonical(f"select count(*) from visits where not (not ({condition}))") == text


def test_a_question_is_read_into_the_values_it_says() -> None:
    question = parse(
        "select ward, avg(cost) as mean, sex, count(distinct patient_id), sum(age) from visits "
        "where cost > 1.005 and admitted <> '2013-02-28' and age is not null group by sex, ward",
        POLICY,
    )
    assert [key.column for key in question.keys] == ["ward", "sex"]
    assert [(m.kind, m.column, m.alias) for m in question.measures] == [
        (MeasureKind.AVG, "cost", "mean"),
        (MeasureKind.COUNT_UNITS, "patient_id", "count_patient_id"),
        (MeasureKind.SUM, "age", "sum_age"),
    ]
    assert question.select == ("ward", "mean", "sex", "count_patient_id", "sum_age")
    assert question.where is not None
    assert set(question.where.parts) == {  # type: ignore[union-attr]
        Comparison("cost", Op.AT_LEAST, Decimal("1.01")),
        In("admitted", (date(2013, 2, 28),), negated=True),
        IsNull("age", negated=True),
    }


def test_as_many_conjuncts_as_fit_in_the_text_are_read() -> None:
    some = " and ".join(f"age>{n % 10}" for n in range(900))
    assert canonical(f"select count(*) from visits where {some}").endswith("WHERE age >= 10")
    other = " or ".join(f"age={n % 100}" for n in range(900))
    assert canonical(f"select count(*) from visits where {other}").count(",") == 99


def test_names_that_are_words_of_sql_are_read_back() -> None:
    columns = {"patient_id": Column(type=ColumnType.TEXT)}
    columns |= {
        name: Column(type=ColumnType.INTEGER, lower=0, upper=9, categories=(1, 2)) for name in RESERVED
    }
    policy = with_table(POLICY, columns=columns)
    for name in sorted(RESERVED):
        sql = f'select "{name}", sum("{name}") as "{name}_" from visits where "{name}" > 1 group by "{name}"'
        text = canonical(sql, policy)
        assert canonical(text, policy) == text
        output = canonical(f'select count(*) as "{name}" from visits', policy)
        assert canonical(output, policy) == output


# What is refused: the question, the word that its position points at, and a word of the help.
HOSTILE: list[tuple[str, str, str]] = [
    ("select * from visits", "*", "Name the keys"),
    ("select visits.* from visits", "visits.*", "Name the keys"),
    ("select city from visits", "city", "can be keys"),
    ("select patient_id from visits", "patient_id", "COUNT(DISTINCT"),
    ("select patient_id, count(*) from visits group by patient_id", "patient_id", "COUNT(DISTINCT"),
    ("select count(*) from visits where patient_id = 'p1'", "patient_id", "COUNT(DISTINCT"),
    ("select count(*) from visits group by patient_id", "patient_id", "COUNT(DISTINCT"),
    ("select sex, count(*) from visits", "sex", "GROUP BY sex"),
    ("select count(*) from visits group by sex", "sex", "Add sex"),
    ("select sex from visits group by sex", "sex", "COUNT(*)"),
    ("select city, count(*) from visits group by city", "city", "can be keys"),
    ("select conut(*) from visits", "conut", "Did you mean COUNT"),
    ("select min(age) from visits", "min", "quantile"),
    ("select max(age) from visits", "max", "quantile"),
    ("select median(weight) from visits", "weight", "bounds"),
    ("select median(age + 1) from visits", "median", "column"),
    ("select quantile_cont(age, 1.5) from visits", "age", "QUANTILE_CONT"),
    ("select quantile_cont(age, 0) from visits", "age", "QUANTILE_CONT"),
    ("select quantile_cont(age, 0.00001) from visits", "age", "QUANTILE_CONT"),
    ("select quantile_cont(age, [0.1, 0.2]) from visits", "age", "QUANTILE_CONT"),
    (
        "select percentile_cont(0.5) within group (order by age desc) from visits",
        "percentile_cont",
        "QUANTILE_CONT",
    ),
    (
        "select percentile_cont(age) within group (order by 0.5) from visits",
        "percentile_cont",
        "QUANTILE_CONT",
    ),
    ("select percentile_cont(0.5) from visits", "", ""),
    ("select stddev(city) from visits", "city", "bounds"),
    ("select var_pop(age) from visits", "var_pop", "coming later"),
    ("select stddev_pop(age) from visits", "stddev_pop", "coming later"),
    ("select histogram(age, 10), avg(cost) from visits", "avg", "FLOOR"),
    ("select histogram(age, 10), histogram(cost) from visits", "histogram(cost", "FLOOR"),
    ("select histogram(age, 10), count(*) + 1 as n from visits", "count", "FLOOR"),
    ("select histogram(age, 2.5) from visits", "2.5", "HISTOGRAM(age, 10)"),
    ("select histogram(age, 0) from visits", "0)", "from 1"),
    ("select histogram(age, [0, 10, 20]) from visits", "0, 10", "CASE WHEN"),
    ("select histogram(age + 1) from visits", "histogram", "HISTOGRAM(age"),
    ("select histogram() from visits", "histogram", "HISTOGRAM(age"),
    ("select histogram(admitted) from visits", "admitted", "DATE_TRUNC"),
    ("select histogram(weight, 5) from visits", "weight", "can be keys"),
    ("select histogram(city) from visits", "city", "can be keys"),
    ("select histogram(patient_id) from visits", "patient_id", "COUNT(DISTINCT"),
    ("select histogram(age, 10) filter (where smoker) from visits", "histogram", "WHERE"),
    ("select sex, histogram(age) from visits", "sex", "GROUP BY sex"),
    ("select mode(age) from visits", "mode", "coming later"),
    ("select quantile_disc(age, 0.5) from visits", "age", "coming later"),
    ("select string_agg(city, ',') from visits", "city", "coming later"),
    ("select error(string_agg(city, ',')) from visits", "error", "Aggregates"),
    ("select list(age) from visits", "list", "coming later"),
    ("select count(age + 1) from visits", "count", "WHERE"),
    ("select count(age, city) from visits", "city", "Leave it out"),
    ("select count(distinct city, sex) from visits", "count", "patient_id"),
    ("select count(distinct age + 1) from visits", "count", "patient_id"),
    ("select count(distinct nothing) from visits", "nothing", "Columns"),
    ("select corr(age, age) from visits", "corr", "VAR_SAMP(age)"),
    ("select corr(age, city) from visits", "city", "bounds"),
    ("select covar_samp(age, weight) from visits", "weight", "bounds"),
    ("select corr(age, cost + 1) from visits", "corr", "names"),
    ("select corr(patient_id, cost) from visits", "patient_id", "COUNT(DISTINCT"),
    ("select count(case when age > 3 then 1 else 0 end) from visits", "0 end", "ELSE out"),
    ("select avg(case when age > 3 then 1 else 2 end) as x from visits", "2 end", "FILTER"),
    ("select avg(case when age > 3 then 1 else 0 end) from visits", "avg", "AS"),
    ("select sum(case when age > 3 then cost else age end) from visits", "age end", "FILTER"),
    ("select sum(case when age > 3 then cost when smoker then age end) from visits", "age", "FILTER"),
    ("select sum(case age when 3 then cost end) from visits", "age when", "FILTER"),
    ("select sum(case when patient_id = 'p' then cost end) from visits", "patient_id", "COUNT(DISTINCT"),
    ("select count(*) filter (where 1/(age-30) > 0) from visits", "1/", "literal"),
    ("select count(*) filter (where count(*) > 3) from visits", "count(*) > 3", "column"),
    ("select row_number() filter (where smoker) from visits", "", "there are"),
    ("select sum(distinct age) from visits", "sum", "column"),
    ("select sum(age * 2) from visits", "sum", "AS"),
    ("select sum(age * cost) as x from visits", "age", "SUM(2 * x + 1)"),
    ("select sum(age + cost) as x from visits", "age", "SUM(2 * x + 1)"),
    ("select avg(1 / age) as x from visits", "1", "SUM(2 * x + 1)"),
    ("select sum(age / 0) as x from visits", "age", "SUM(2 * x + 1)"),
    ("select sum(2 + 3) as x from visits", "2", "SUM(2 * x + 1)"),
    ("select sum(age * 'a') as x from visits", "'a'", "SUM(2 * x + 1)"),
    ("select sum(age * 9999999999999999) as x from visits", "age", "SUM(2 * x + 1)"),
    ("select sum(weight * 2) as x from visits", "weight", "bounds"),
    ("select sum(patient_id * 2) as x from visits", "patient_id", "COUNT(DISTINCT"),
    ("select stddev(age * 2) as x from visits", "stddev", "around all"),
    ("select avg(case when smoker then 5 end) as x from visits", "5", "ELSE 0"),
    ("select avg(case when smoker then age + 1 else 0 end) as x from visits", "0 end", "ELSE out"),
    ("select sum(age * count(*)) as x from visits", "count", "SUM(2 * x + 1)"),
    ("select sum(weight) from visits", "weight", "bounds"),
    ("select sum(city) from visits", "city", "bounds"),
    ("select avg(case when age > 1 then age * 2 end) from visits", "avg", "AS"),
    ("select count(*) + 1 from visits", "count", "AS"),
    ("select count(*) + age as x from visits", "age", "can be keys"),
    ("select ward, count(*) + ward as x from visits group by ward", "ward", "WHERE"),
    ("select count(*) + 'a' as x from visits", "'a'", "aggregates"),
    ("select count(*) + min(age) as x from visits", "min", "aggregates"),
    ("select count(*) + (select 1) as x from visits", "1", "aggregates"),
    ("select round(age, 1) from visits", "round", "ROUND(AVG(age), 1)"),
    ("select coalesce(age, 0) from visits", "coalesce", "around an aggregate"),
    ("select round(avg(age), 1.5) as x from visits", "round", "ROUND(…, 2)"),
    ("select round(avg(age), 99) as x from visits", "round", "ROUND(…, 2)"),
    ("select round(avg(age), age) as x from visits", "age", "numeral"),
    ("select coalesce(sum(age), avg(age)) as x from visits", "avg", "COALESCE(SUM(x), 0)"),
    ("select coalesce(sum(age), 0, 1) as x from visits", "coalesce", "COALESCE(SUM(x), 0)"),
    ("select nullif(count(*), count(age)) as x from visits", "count(age", "NULLIF(SUM(x), 0)"),
    ("select sum(age)::int as x from visits", "sum", "ROUND"),
    ("select cast(sum(age) as decimal(3, 1)) as x from visits", "sum", "ROUND"),
    ("select ward, round(ward, 1) + count(*) as x from visits group by ward", "ward, 1", "WHERE"),
    ("select count(*) % 2 as x from visits", "count", "coming later"),
    ("select count(*) + 1e9 as x from visits", "1e9", "digits"),
    ("select age + 1 as x, count(*) from visits group by 1", "age", "can be keys"),
    ("select count(*) over () from visits", "count", "GROUP BY"),
    ("select age::text from visits", "age", "cast"),
    ("select 1 from visits", "1", "keys and aggregates"),
    ("select count(*) from visits v, visits w", "visits w", "USING"),
    ("select count(*) from visits, wards", "wards", "USING"),
    ("select count(*) from visits cross join wards", "wards", "USING"),
    ("select count(*) from visits natural join wards", "wards", "USING"),
    ("select count(*) from visits full join wards using (ward)", "wards", "USING"),
    ("select count(*) from visits right join wards using (ward)", "wards", "USING"),
    ("select count(*) from visits semi join wards using (ward)", "wards", "USING"),
    ("select count(*) from visits asof join wards using (ward)", "wards", "USING"),
    ("select count(*) from visits join wards on true", "", "wards.ward"),
    ("select count(*) from visits join wards using (sex)", "sex", "USING (ward)"),
    ("select count(*) from visits join wards using (ward, beds)", "ward, beds", "USING (ward)"),
    ("select count(*) from visits join wards on visits.age = wards.beds", "visits.age", "wards.ward"),
    ("select count(*) from visits join wards on wards.ward = wards.ward", "wards.ward", "wards.ward"),
    ("select count(*) from visits join wards on ward > wards.ward", "ward", "wards.ward"),
    ("select count(*) from visits v join wards w on v.ward = w.ward and w.beds > 3", "v.ward", "WHERE"),
    ("select count(*) from visits join wards on visits.sex = wards.ward", "visits.sex", "one type"),
    ("select count(*) from visits join wards on patient_id = wards.ward", "patient_id", "COUNT(DISTINCT"),
    ("select count(*) from visits join wards on 1 = wards.ward", "1", "ON column"),
    ("select count(*) from visits join wards using (ward) join wards w on w.ward = age", "wards w", "once"),
    ("select count(*) from visits join wards visits using (ward)", "wards", "Rename"),
    ("select count(*) from visits join nowhere using (ward)", "nowhere", "wards"),
    ("select count(*) from wards", "wards", "JOIN it"),
    (
        "select ward, count(*) from visits join wards on visits.ward = wards.ward group by 1",
        "ward",
        "visits.ward or",
    ),
    ("select beds, count(*) from visits join wards using (ward) group by x.beds", "x.beds", "wards.column"),
    ("select kind, count(*) from visits left join cities using (city) group by kind", "kind", "country"),
    ("select count(*) from visits join wards using (ward) where kind = 'x'", "'x'", "surgery"),
    ("with wards as (select * from visits) select count(*) from wards", "wards", "another name"),
    ("select count(*) from visits join visits w on true", "visits w", "USING"),
    ("select count(*) from (select ward, count(*) from visits group by 1)", "1)", "GROUP BY patient_id"),
    ("select count(*) from (select patient_id, city from visits group by 1, 2)", "city", "can be keys"),
    ("select count(*) from (select patient_id, age from visits group by 1)", "age", "Add age"),
    ("select count(*) from (select patient_id from visits group by 3)", "3", "name"),
    ("select count(*) from (select patient_id, age + 1 from visits group by 1)", "age", "Per unit"),
    ("select count(*) from (select patient_id, string_agg(city) from visits group by 1)", "city", "Per unit"),
    ("select count(*) from (select patient_id, max(city) from visits group by 1)", "city", "bounds"),
    ("select count(*) from (select patient_id p, count(*) p from visits group by 1)", "count", "Rename"),
    (
        "select count(*) from (select patient_id from visits group by 1 having count(*) > 1)",
        "count",
        "rename",
    ),
    (
        "select n, count(*) from (select patient_id, sum(age) n from visits group by 1) group by n",
        "n",
        "none",
    ),
    (
        "select sum(m) from (select patient_id, least(sum(age), 5, -5) m from visits group by 1)",
        "least",
        "between",
    ),
    ("select count(*) from (select distinct sex from visits)", "sex", "rename"),
    ("select count(*) from (select age + 1 as a from visits)", "age", "rename"),
    ("select count(*) from (select * from visits limit 1)", "1", "rename"),
    ("select count(*) from (values (1))", "1", "Tables"),
    ("select age from (select * from visits where smoker) v group by 1", "age", "can be keys"),
    ("select sex, count(*) from (select age from visits) group by sex", "sex", "Columns: age"),
    (
        "select p, count(*) from (select patient_id as p, sex from visits) group by p",
        "p",
        "COUNT(DISTINCT p)",
    ),
    ("select count(*) from (select age a, sex a from visits)", "sex", "Rename"),
    ("select count(*) from (select a.age from visits)", "a.age", "visits.column"),
    ("select count(*) from read_csv('/etc/passwd')", "read_csv", "Tables"),
    ("select count(*) from '/etc/passwd'", "'/etc/passwd'", "Tables"),
    ("select count(*) from information_schema.tables", "information_schema", "Leave it out"),
    ("select count(*) from nowhere", "nowhere", "visits"),
    ("select count(*)", "count", "visits"),
    ("select count(*) from visits where exists (select 1)", "1", "condition"),
    ("select count(*) from visits where age > (select avg(age) from visits)", "avg", "numeral"),
    ("select count(*) from visits where age in (select age from visits)", "age", "values"),
    ("select count(*) from visits where city like 'p%'", "city", "LIKE"),
    ("select count(*) from visits where regexp_matches(city, '(a+)+$')", "regexp_matches", "="),
    ("select count(*) from visits where 1 = 1", "1", "column"),
    ("select count(*) from visits where true", "count", "WHERE"),
    ("select count(*) from visits where age = city", "city", "numeral"),
    ("select count(*) from visits where age + 1 > 3", "age", "literal"),
    ("select count(*) from visits where 1/(age-30) > 0", "1", "literal"),
    ("select count(*) from visits where getenv('HOME') = 'x'", "getenv", "literal"),
    ("select count(*) from visits where age = 'abc'", "'abc'", "numeral"),
    ("select count(*) from visits where age = 40.5", "40.5", "BETWEEN"),
    ("select count(*) from visits where age = null", "age", "numeral"),
    ("select count(*) from visits where age > 1e400", "1e400", "digits"),
    ("select count(*) from visits where age > " + "9" * 31, "9" * 31, "digits"),
    ("select count(*) from visits where city > 'a'", "city", "IN"),
    ("select count(*) from visits where sex = 'robot'", "'robot'", "male"),
    ("select count(*) from visits where sex = 'femal'", "'femal'", "female"),
    ("select count(*) from visits where admitted > '2013-02-30'", "'2013-02-30'", "DATE"),
    ("select count(*) from visits where admitted > 'now'", "'now'", "DATE"),
    ("select count(*) from visits where aeg > 3", "aeg", "age"),
    ("select count(*) from visits where other.age > 3", "other.age", "visits.column"),
    ("select count(*) from visits where rowid < 5", "rowid", "Columns"),
    ("select count(*) from visits where _unit = 1", "_unit", "Columns"),
    ("select count(*) from visits where _rank = 1", "_rank", "Columns"),
    ("select distinct sex from visits", "sex", "GROUP BY"),
    ("select sex, count(*) from visits group by sex having sex = 'male'", "sex", "WHERE"),
    ("select sex, count(*) from visits group by sex having age > 3", "age", "can be keys"),
    ("select sex, count(*) from visits group by sex having count(*) in (1, 2)", "count", "HAVING COUNT"),
    ("select sex, count(*) from visits group by sex having count(*)", "count", "HAVING COUNT"),
    ("select sex, count(*) from visits group by sex having exists (select 1)", "1", "HAVING COUNT"),
    ("select sex, count(*) from visits group by sex order by 3", "3", "name"),
    ("select sex, count(*) from visits group by sex order by age", "age", "can be keys"),
    ("select sex, count(*) from visits group by sex order by ward", "ward", "SELECT"),
    ("select sex, count(*) from visits group by sex order by random()", "random()", "aggregates"),
    ("select sex, count(*) from visits group by sex order by all", "sex", "aggregates"),
    ("select sex, count(*) from visits group by sex limit 1.5", "1.5", "LIMIT 10"),
    ("select sex, count(*) from visits group by sex limit 99999999", "99999999", "LIMIT 10"),
    ("select sex, count(*) from visits group by sex limit (select 1)", "1", "LIMIT 10"),
    ("select sex, count(*) from visits group by sex limit 10%", "10", "Leave it out"),
    ("select sex, count(*) from visits group by sex qualify count(*) > 1", "count", "HAVING"),
    ("select floor(age / 10) * 5, count(*) from visits group by 1", "age", "twice"),
    ("select floor(age / 0) * 0, count(*) from visits group by 1", "0, ", "whole number"),
    ("select floor(age / 0.5) * 0.5, count(*) from visits group by 1", "0.5, ", "whole number"),
    ("select floor(weight / 10) * 10, count(*) from visits group by 1", "weight", "can be keys"),
    ("select floor(patient_id), count(*) from visits group by 1", "patient_id", "COUNT(DISTINCT"),
    ("select floor(city), count(*) from visits group by 1", "city", "can be keys"),
    ("select floor(count(*)) from visits", "count", "twice"),
    ("select date_trunc('month', admitted), count(*) from visits group by 1", "date_trunc", "earliest"),
    ("select date_trunc('day', admitted), count(*) from visits group by 1", "date_trunc", "DATE_TRUNC"),
    ("select date_trunc('month', age), count(*) from visits group by 1", "age", "date column"),
    ("select extract(epoch from admitted), count(*) from visits group by 1", "admitted", "EXTRACT"),
    ("select extract(year from admitted), count(*) from visits group by 1", "admitted", "earliest"),
    ("select month(patient_id), count(*) from visits group by 1", "patient_id", "COUNT(DISTINCT"),
    ("select case when age > 1 then city end, count(*) from visits group by 1", "city", "single quotes"),
    ("select case when age > 1 then 'a' else 2 end, count(*) from visits group by 1", "age", "texts"),
    ("select case age when 1 then 'a' end, count(*) from visits group by 1", "age", "CASE WHEN"),
    (
        "select case when patient_id = 'p' then 'a' end, count(*) from visits group by 1",
        "patient_id",
        "COUNT(",
    ),
    ("select case when 1/(age-30) > 0 then 'a' end, count(*) from visits group by 1", "1", "literal"),
    ("select age > 3, count(*) from visits", "age", "GROUP BY"),
    ("select age > 3 as o, count(*) from visits group by age > 4", "age", "GROUP BY"),
    ("select age > city as o, count(*) from visits group by 1", "city", "numeral"),
    ("select age > 3 as a, age >= 4 as b, count(*) from visits group by 1, 2", "age", "once"),
    ("select with differential_privacy options(epsilon=x) count(*) from visits", "epsilon", "epsilon = 0.5"),
    ("select with differential_privacy options(noise=1) count(*) from visits", "noise", "epsilon = 0.5"),
    (
        "select with differential_privacy options(epsilon=1, epsilon=2) count(*) from visits",
        "epsilon",
        "OPTIONS",
    ),
    (
        "select with differential_privacy options(max_groups_contributed=0) count(*) from visits",
        "max",
        "OPTIONS",
    ),
    ("select with differential_privacy options(epsilon=1 count(*) from visits", "epsilon", "OPTIONS"),
    ("select with anonymization count(*) from visits", "with", ""),
    ("select sex, count(*) from visits group by all", "sex", "Leave it out"),
    ("select sex, count(*) from visits group by rollup (sex)", "sex", "Leave it out"),
    ("select count(*) from visits tablesample 1%", "1", "Leave it out"),
    ("select count(*) from visits union all select count(*) from visits", "select", "SELECT"),
    ("select count(*) from visits; drop table visits", "drop", "one at a time"),
    ("select count(*) into t from visits", "t", "kept"),
    ("with recursive v as (select * from visits) select count(*) from v", "", "rename"),
    ("with v as (select count(*) n from visits) select count(*) from v", "count", "rename"),
    ("with visits as (select * from visits) select count(*) from visits", "visits", "another name"),
    ("with v as (select * from w), w as (select * from visits) select count(*) from v", "w", "visits"),
    ("with v as (select * from visits) delete from visits", "", "SELECT"),
    ("with v as (drop table visits) select count(*) from v", "", ""),
    ("drop table visits", "drop", "SELECT"),
    ("copy visits to '/tmp/x'", "copy", "SELECT"),
    ("attach '/tmp/x'", "attach", "SELECT"),
    ("set memory_limit = '1TB'", "set", "SELECT"),
    ("pragma database_list", "pragma", "SELECT"),
    ("from visits", "from", "Begin with"),
    ("explain select count(*) from visits", "explain", "estimate"),
    ("", "", "Try"),
    ("   \n -- nothing", "", "Try"),
    ("select count(*) from visits where city = 'open", "'open", "Close it"),
    ('select count(*) from "visits', '"visits', "Close it"),
    ("select count(*) from visits /* open", "/* open", "Close it"),
    ("select count(*) from visits where city = E'a'", "E'a'", "single quotes"),
    ("select count(* from visits", "from", "Write it as"),
    ("select count(*) from visits where", "where", "Write it as"),
    ("select count(*) n, sum(age) n from visits", "sum", "Rename"),
    ('select count(*) as "a b" from visits', '"a b"', "a-z"),
    ('select count(*) as "\u202ecount" from visits', '"\u202ecount"', "a-z"),
    ("select count(*) from visits where \u0430ge > 3", "\u0430ge", "age"),
    ("select count(*) from v\u0131sits", "v\u0131sits", "visits"),
    ("select count(*) from visits\x00", "\x00", "Remove it"),
    ("select count(*)\u2028 from visits", "\u2028", "Remove it"),
    ("select " + ",".join(f"count(*) a{n}" for n in range(21)) + " from visits", "count", "at most 20"),
    ("select count(*) from visits where " + "(" * 33 + "age > 1" + ")" * 33, "(", "flatter"),
    ("select count(*) from visits where " + "not " * 2000 + "smoker", "not", "flatter"),
    ("select count(*) from visits where age > " + "- " * 2000 + "1", "-", "flatter"),
    ("select " + "case when a then " * 300 + "1" + " end" * 300 + " from visits", "case", "flatter"),
    ("select count(*)" + " + 1" * 2000 + " as x from visits", "select", "flatter"),
    ("select sum(age" + " + 1" * 2000 + ") as x from visits", "select", "flatter"),
    ("select count(*) from visits having count(*) > 1" + " - 1" * 2000, "select", "flatter"),
    ("select count(*) from visits where city in ('" + "x" * 10_000 + "')", "", "Shorten"),
    ("select count(*) from visits where city = '" + "x" * 1001 + "'", "'x", "Shorten"),
    ("select count(*) from visits where age in (" + ",".join(map(str, range(1001))) + ")", "age", "1000"),
    ("select cast(age as " + "struct(a " * 300 + "int" + ")" * 300 + ") from visits", "(", "flatter"),
]


@pytest.mark.parametrize(("sql", "at", "fix"), HOSTILE, ids=lambda value: value[:70])
def test_what_is_outside_the_grammar_is_refused_with_its_place_and_a_way_out(
    sql: str, at: str, fix: str
) -> None:
    with pytest.raises(QuestionRefused) as refusal:
        read(sql, POLICY)
    error = refusal.value
    assert error.position is not None
    assert 0 <= error.position <= len(sql)
    assert sql[error.position :].startswith(at), (error.position, sql[error.position :][:30], str(error))
    assert fix in error.fix, str(error)
    assert len(str(error)) < 1000


def test_the_hostile_list_is_not_refused_for_being_sql() -> None:
    """The control: the same policy answers plain questions, so that a refusal above is about its own text."""
    for sql in ("select count(*) from visits", "select sex, avg(age) from visits group by sex"):
        assert parse(sql, POLICY).measures


def test_no_question_is_asked_of_a_dataset_without_a_unit() -> None:
    policy = DatasetPolicy(
        name="open",
        title="Open",
        open_class=OpenClass.UNCONDITIONAL,
        provider="p",
        source="s",
        licence="l",
        owner="o",
        tables={"t": Table(columns={"a": Column(type=ColumnType.INTEGER)}, max_rows=5)},
    )
    with pytest.raises(QuestionRefused, match="no private questions"):
        parse("select count(*) from t", policy)


def test_too_many_cells_are_refused() -> None:
    wide = Column(type=ColumnType.INTEGER, categories=tuple(range(150)))
    policy = hospital(a=wide, b=wide)
    with pytest.raises(QuestionRefused, match="22500 rows"):
        parse("select a, b, count(*) from visits group by a, b", policy)


WORDS = """
select count ( * ) from visits where group by age city 'x' 1 , ; and or not in = < > is null between sex " -- /*
:: . [ { case end as distinct union with over filter $ @ # ? \\ \u00e9
"""


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(WORDS.split()),
        max_size=25,
    ),
    st.sampled_from(["select count(*) from visits where ", "select ", ""]),
)
def test_any_words_are_read_or_refused_and_nothing_else(words: list[str], start: str) -> None:
    sql = start + " ".join(words)
    try:
        text = canonical(sql)
    except QuestionRefused as error:
        refusal: QuestionRefused | None = error
        text = ""
    else:
        refusal = None
    if refusal is None:
        assert canonical(text) == text
    else:
        assert refusal.position is not None
        assert 0 <= refusal.position <= len(sql)


def test_operand_order_does_not_matter_at_any_depth() -> None:
    parts = ["age > 3", "smoker", "city = 'x'", "cost < 5"]
    texts = {
        canonical(f"select count(*) from visits where ({a} or {b}) and ({c} or {d})")
        for a, b, c, d in itertools.permutations(parts)
        if {a, b} in ({parts[0], parts[1]}, {parts[2], parts[3]})
    }
    assert len(texts) == 1
