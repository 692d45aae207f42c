"""Releases as data: those of which the last one isolates somebody, and those of which it does not.

Each case: its name, the requests in their order, and for an isolating one how few are isolated at least and at most.
A request's files are (question, table); in a table, ``; `` ends a row.
"""

from __future__ import annotations

from tests.disclosure.differencing_world import Request, request

N = "SELECT COUNT(*) AS n FROM people"
SEX = "SELECT sex, COUNT(*) AS n FROM people"
REGION = "SELECT region, COUNT(*) AS n FROM people"
DISTRICT = "SELECT district, COUNT(*) AS n FROM people"
BOTH = "SELECT region, sex, COUNT(*) AS n FROM people"
BY_SEX, BY_REGION, BY_BOTH, BY_DISTRICT = (
    " GROUP BY sex",
    " GROUP BY region",
    " GROUP BY region, sex",
    " GROUP BY district",
)
TEN = "SELECT FLOOR(age / 10) * 10 AS band, COUNT(*) AS n FROM people"
BY_TEN = " GROUP BY FLOOR(age / 10) * 10"
TWENTY = "SELECT FLOOR(age / 20) * 20 AS band, COUNT(*) AS n FROM people"
BY_TWENTY = " GROUP BY FLOOR(age / 20) * 20"
SMOKERS = "SELECT region, AVG(smokes) AS rate FROM people GROUP BY region"
YEARS = "SELECT EXTRACT(YEAR FROM since) AS year, COUNT(*) AS n FROM people GROUP BY EXTRACT(YEAR FROM since)"
VISITS = "SELECT COUNT(*) AS n FROM visits"
PATIENTS = "SELECT COUNT(DISTINCT id) AS n FROM visits"


def total(where: str, n: object, **more: object) -> Request:
    """One number."""
    return request((N + (f" WHERE {where}" if where else ""), f"n; {n}"), **more)


ISOLATING: list[tuple[str, list[Request], int, int]] = [
    ("two tables that differ by one person", [total("age >= 18", 120), total("age >= 19", 119)], 1, 1),
    ("the larger one comes later", [total("age >= 19", 119), total("age >= 18", 120)], 1, 1),
    ("nine persons", [total("age >= 18", 120), total("age >= 19", 111)], 9, 9),
    ("all but one region", [total("", 500), total("region <> 'west'", 497)], 3, 3),
    (
        "one value left out of a list",
        [total("region IN ('north', 'east', 'south')", 300), total("region IN ('north', 'east')", 296)],
        4,
        4,
    ),
    ("another user of the same project", [total("age <= 60", 200), total("age <= 59", 198)], 2, 2),
    ("another project", [total("age <= 60", 200, project="theirs"), total("age <= 59", 198)], 2, 2),
    (
        "a request that is still pending",
        [total("age <= 60", 200, project="theirs", pending=True), total("age <= 59", 198)],
        2,
        2,
    ),
    (
        "a condition more",
        [total("region = 'north'", 80), total("region = 'north' AND income <= 9000", 78)],
        2,
        2,
    ),
    ("an empty cell is filled", [total("", 500), total("income IS NOT NULL", 495)], 5, 5),
    (
        "the count of a filled column",
        [total("", 500), request(("SELECT COUNT(income) AS n FROM people", "n; 496"))],
        4,
        4,
    ),
    (
        "a filter within the count",
        [total("", 500), request(("SELECT COUNT(*) FILTER (WHERE age <= 99) AS n FROM people", "n; 498"))],
        2,
        2,
    ),
    ("a table and a total", [total("", 100), request((SEX + BY_SEX, "sex,n; f,48; m,49"))], 3, 3),
    (
        "a table of part of them",
        [
            request((SEX + BY_SEX, "sex,n; f,48; m,52")),
            request((SEX + " WHERE age <= 80" + BY_SEX, "sex,n; f,47; m,52")),
        ],
        1,
        1,
    ),
    (
        "a finer table added up",
        [
            request((REGION + BY_REGION, "region,n; north,61; east,50; south,50; west,40")),
            request(
                (
                    BOTH + BY_BOTH,
                    "region,sex,n; north,f,31; north,m,27; east,f,25; east,m,25; south,f,25; south,m,25; west,f,20; west,m,20",
                )
            ),
        ],
        3,
        3,
    ),
    (
        "a suppressed cell that another table's total gives away",
        [
            request((REGION + BY_REGION, "region,n; north,61; east,50; south,50; west,40")),
            request(
                (
                    BOTH + BY_BOTH,
                    "region,sex,n; north,f,54; north,m,*; east,f,25; east,m,25; south,f,25; south,m,25; west,f,20; west,m,20",
                )
            ),
        ],
        7,
        7,
    ),
    (
        "a suppressed cell that a later total gives away",
        [request((SEX + BY_SEX, "sex,n; f,95; m,<10")), total("", 98)],
        3,
        3,
    ),
    (
        "two suppressed cells, one given away",
        [
            request((BOTH + BY_BOTH, "region,sex,n; north,f,40; north,m,*; east,f,30; east,m,*")),
            total("region = 'north'", 46),
        ],
        6,
        6,
    ),
    (
        "suppressed in a square: a row and a column total",
        [
            request(
                (BOTH + BY_BOTH, "region,sex,n; north,f,*; north,m,40; east,f,50; east,m,60"),
                (REGION + BY_REGION, "region,n; north,44; east,110"),
            )
        ],
        4,
        4,
    ),
    (
        "across three releases",
        [total("age >= 18", 300), total("age BETWEEN 18 AND 39", 140), total("age >= 41", 158)],
        2,
        2,
    ),
    (
        "across three releases of three projects",
        [
            total("age >= 18", 300, project="a"),
            total("age BETWEEN 18 AND 39", 140, project="b"),
            total("age >= 41", 158),
        ],
        2,
        2,
    ),
    (
        "the total comes last of three",
        [total("age BETWEEN 18 AND 39", 140), total("age >= 41", 158), total("age >= 18", 301)],
        3,
        3,
    ),
    (
        "across four releases",
        [
            total("", 400),
            total("region = 'north'", 100),
            total("region = 'east'", 100),
            request(
                (REGION + " WHERE region IN ('south', 'west')" + BY_REGION, "region,n; south,100; west,95")
            ),
        ],
        5,
        5,
    ),
    (
        "overlapping age bands",
        [
            total("age BETWEEN 20 AND 39", 100),
            total("age BETWEEN 30 AND 49", 90),
            total("age BETWEEN 20 AND 49", 184),
        ],
        6,
        6,
    ),
    (
        "overlapping bands, the middle comes last",
        [
            total("age BETWEEN 20 AND 39", 100),
            total("age BETWEEN 20 AND 49", 160),
            total("age BETWEEN 41 AND 49", 58),
        ],
        2,
        2,
    ),
    (
        "bands of ten merged into bands of twenty",
        [
            request((TEN + " WHERE age BETWEEN 20 AND 59" + BY_TEN, "band,n; 20,50; 30,40; 40,30; 50,30")),
            request((TWENTY + " WHERE age BETWEEN 20 AND 59" + BY_TWENTY, "band,n; 20,90; 40,60")),
            total("age BETWEEN 20 AND 58", 148),
        ],
        2,
        2,
    ),
    (
        "a band within a wider one",
        [
            request((TWENTY + BY_TWENTY, "band,n; 0,61; 20,90; 40,60; 60,50; 80,20; 100,0")),
            request(
                (
                    TEN + BY_TEN,
                    "band,n; 0,30; 10,31; 20,50; 30,40; 40,30; 50,30; 60,25; 70,25; 80,17; 90,*; 100,0",
                )
            ),
        ],
        3,
        3,
    ),
    (
        "districts within a region",
        [
            total("region = 'north'", 80),
            request((DISTRICT + " WHERE region = 'north'" + BY_DISTRICT, "district,n; n1,40; n2,36")),
        ],
        4,
        4,
    ),
    (
        "a region without one district",
        [total("region = 'north'", 80), total("region = 'north' AND district <> 'n2'", 75)],
        5,
        5,
    ),
    (
        "hierarchy over two levels",
        [
            total("", 300),
            request((REGION + BY_REGION, "region,n; north,81; east,70; south,80; west,69")),
            total("region = 'north' AND district = 'n1'", 75),
        ],
        6,
        6,
    ),
    (
        "rounded to 5 and exact",
        [
            request((BOTH + BY_BOTH, "region,sex,n; north,f,50; north,m,55; east,f,60; east,m,65")),
            total("region = 'north' AND sex = 'm' AND age <= 80", 50),
        ],
        3,
        7,
    ),
    (
        "rounded to 5 both, far enough apart",
        [
            request((BOTH + BY_BOTH, "region,sex,n; north,f,50; north,m,55; east,f,60; east,m,65")),
            request(
                (
                    BOTH + " WHERE age <= 80" + BY_BOTH,
                    "region,sex,n; north,f,50; north,m,50; east,f,60; east,m,65",
                )
            ),
        ],
        1,
        9,
    ),
    (
        "rounded to 5 and to 3",
        [
            request((BOTH + BY_BOTH, "region,sex,n; north,f,50; north,m,55; east,f,60; east,m,65")),
            request(
                (
                    BOTH + " WHERE age <= 80" + BY_BOTH,
                    "region,sex,n; north,f,48; north,m,51; east,f,60; east,m,63",
                )
            ),
        ],
        1,
        7,
    ),
    (
        "rounded to 10, then exact",
        [
            request((BOTH + BY_BOTH, "region,sex,n; north,f,50; north,m,70; east,f,60; east,m,80")),
            total("region = 'north' AND sex = 'f'", 50),
            total("region = 'north' AND sex = 'f' AND age <= 80", 49),
        ],
        1,
        1,
    ),
    (
        "rounded twice, to 5 and to 6, then a part of it",
        [
            request((BOTH + BY_BOTH, "region,sex,n; north,f,50; north,m,55; east,f,60; east,m,65")),
            request((BOTH + BY_BOTH, "region,sex,n; north,f,54; north,m,54; east,f,60; east,m,66")),
            total("region = 'north' AND sex = 'f' AND age <= 80", 48),
        ],
        3,
        4,
    ),
    (
        "a rate with a known base",
        [
            total("region = 'north'", 200),
            request(
                (SMOKERS, "region,rate; north,0.970"),
            ),
            total("region = 'north' AND smokes = 1", 194),
        ],
        6,
        6,
    ),
    (
        "a rate alone, with its base",
        [total("region = 'north'", 200), request((SMOKERS, "region,rate; north,0.970"))],
        6,
        6,
    ),
    (
        "a percentage with a known base",
        [total("region = 'north'", 200), request((SMOKERS, "region,rate; north,3.0%"))],
        6,
        6,
    ),
    (
        "the base comes later",
        [request((SMOKERS, "region,rate; north,0.985")), total("region = 'north'", 200)],
        3,
        3,
    ),
    (
        "a rate of part of them",
        [
            total("region = 'north' AND smokes = 1", 100),
            total("region = 'north'", 200),
            request(
                (
                    "SELECT region, AVG(smokes) AS rate FROM people WHERE age <= 80 GROUP BY region",
                    "region,rate; north,0.5",
                )
            ),
            total("region = 'north' AND age <= 80", 196),
        ],
        4,
        4,
    ),
    (
        "a sum of yes and no is a count",
        [total("", 300), request(("SELECT SUM(smokes) AS k FROM people", "k; 295"))],
        5,
        5,
    ),
    (
        "a case with one band more",
        [
            request(
                (
                    "SELECT CASE WHEN age < 30 THEN 'young' ELSE 'old' END AS g, COUNT(*) AS n FROM people GROUP BY CASE WHEN age < 30 THEN 'young' ELSE 'old' END",
                    "g,n; young,100; old,200",
                )
            ),
            total("age <= 28", 97),
        ],
        3,
        3,
    ),
    (
        "a condition as a key",
        [
            request(
                (
                    "SELECT age >= 65 AS pension, COUNT(*) AS n FROM people GROUP BY age >= 65",
                    "pension,n; false,200; true,80",
                )
            ),
            total("age >= 66", 76),
        ],
        4,
        4,
    ),
    (
        "years and days",
        [
            request((YEARS, "year,n; 2020,51; 2021,60; 2022,70; 2023,80")),
            total("since BETWEEN DATE '2020-01-01' AND DATE '2020-12-30'", 49),
        ],
        2,
        2,
    ),
    (
        "a month of one year",
        [
            total("since BETWEEN DATE '2021-01-01' AND DATE '2021-01-31'", 31),
            total("since BETWEEN DATE '2021-01-01' AND DATE '2021-01-30'", 30),
        ],
        1,
        1,
    ),
    (
        "from one snapshot to the next",
        [total("region = 'north'", 80), total("region = 'north'", 81, snapshot="s2")],
        1,
        1,
    ),
    (
        "one cell of a table grows by one",
        [
            request((SEX + BY_SEX, "sex,n; f,50; m,60")),
            request((SEX + BY_SEX, "sex,n; f,50; m,61"), snapshot="s2"),
        ],
        1,
        1,
    ),
    ("two files of one request", [request((N, "n; 100"), (N + " WHERE age >= 19", "n; 97"))], 3, 3),
    (
        "two files of one request, a table and a total",
        [request((N, "n; 100"), (SEX + BY_SEX, "sex,n; f,50; m,45"))],
        5,
        5,
    ),
    (
        "a total row of another table",
        [
            request((SEX + BY_SEX, "sex,n; f,50; m,60; total,110")),
            request((SEX + " WHERE age <= 90" + BY_SEX, "sex,n; f,49; m,60; total,109")),
        ],
        1,
        1,
    ),
    (
        "either of two conditions",
        [total("region = 'north' OR age >= 60", 120), total("region = 'north' OR age >= 61", 118)],
        2,
        2,
    ),
    (
        "patients of several visits",
        [request((PATIENTS, "n; 100")), request((PATIENTS + " WHERE ward <> 'c'", "n; 97"))],
        3,
        3,
    ),
    ("visits", [request((VISITS, "n; 400")), request((VISITS + " WHERE cost <= 900", "n; 396"))], 4, 4),
    (
        "no question: the same labels, one person less",
        [request(("", "sex,n; f,50; m,60")), request(("", "sex,n; f,49; m,60"))],
        1,
        1,
    ),
    (
        "no question beside a question",
        [request((SEX + BY_SEX, "sex,n; f,50; m,60")), request(("", "sex,n; f,47; m,60"))],
        3,
        3,
    ),
    (
        "a question beside none",
        [request(("", "sex,n; f,50; m,60")), request((SEX + BY_SEX, "sex,n; f,50; m,58"))],
        2,
        2,
    ),
    (
        "no question: bands in another cut",
        [request(("", "age,n; 18-39,100; 40-64,120")), request(("", "age,n; 18-38,97; 40-64,120"))],
        3,
        3,
    ),
    (
        "no question: percentages with a known base",
        [
            request(("", "region,n; north,200; east,300")),
            request(("", "region,percent smokers; north,97.0%; east,50.0%")),
        ],
        6,
        6,
    ),
]

HARMLESS: list[tuple[str, list[Request]]] = [
    ("the same table again", [request((SEX + BY_SEX, "sex,n; f,50; m,60"))] * 2),
    ("the same number of another project", [total("", 500, project="theirs"), total("", 500)]),
    ("ten persons", [total("age >= 18", 120), total("age >= 19", 110)]),
    ("many persons", [total("age >= 18", 500), total("age >= 40", 300)]),
    ("nobody between", [total("age >= 18", 120), total("age >= 19", 120)]),
    ("other groups altogether", [total("region = 'north'", 80), total("region = 'east'", 79)]),
    ("bands side by side", [total("age BETWEEN 20 AND 39", 100), total("age BETWEEN 40 AND 59", 99)]),
    ("crossing groups of like size", [total("sex = 'f'", 100), total("region = 'north'", 98)]),
    ("crossing bands, no union", [total("age BETWEEN 20 AND 39", 100), total("age BETWEEN 30 AND 49", 98)]),
    ("a table and its total", [total("", 110), request((SEX + BY_SEX, "sex,n; f,50; m,60"))]),
    (
        "a finer table",
        [
            request((REGION + BY_REGION, "region,n; north,60; east,50; south,50; west,40")),
            request(
                (
                    BOTH + BY_BOTH,
                    "region,sex,n; north,f,30; north,m,30; east,f,25; east,m,25; south,f,25; south,m,25; west,f,20; west,m,20",
                )
            ),
        ],
    ),
    (
        "two crossing tables",
        [
            request((REGION + BY_REGION, "region,n; north,60; east,50; south,50; west,40")),
            request((SEX + BY_SEX, "sex,n; f,100; m,100")),
        ],
    ),
    (
        "bands of ten and of twenty that agree",
        [
            request((TEN + " WHERE age BETWEEN 20 AND 59" + BY_TEN, "band,n; 20,50; 30,40; 40,30; 50,30")),
            request((TWENTY + " WHERE age BETWEEN 20 AND 59" + BY_TWENTY, "band,n; 20,90; 40,60")),
        ],
    ),
    (
        "suppressed in a square: four cells",
        [
            request(
                (REGION + " WHERE region IN ('north', 'east')" + BY_REGION, "region,n; north,40; east,42")
            ),
            request(
                (
                    BOTH + " WHERE region IN ('north', 'east')" + BY_BOTH,
                    "region,sex,n; north,f,*; north,m,*; east,f,*; east,m,*",
                )
            ),
        ],
    ),
    (
        "a suppressed cell and no total",
        [request((SEX + BY_SEX, "sex,n; f,95; m,*")), total("region = 'north'", 60)],
    ),
    (
        "rounded to 5, not far apart",
        [
            request((BOTH + BY_BOTH, "region,sex,n; north,f,50; north,m,55; east,f,60; east,m,65")),
            total("region = 'north' AND sex = 'm' AND age <= 80", 54),
        ],
    ),
    (
        "rounded to 10 both",
        [
            request((BOTH + BY_BOTH, "region,sex,n; north,f,50; north,m,60; east,f,60; east,m,70")),
            request(
                (
                    BOTH + " WHERE age <= 80" + BY_BOTH,
                    "region,sex,n; north,f,50; north,m,50; east,f,60; east,m,70",
                )
            ),
        ],
    ),
    (
        "rounded to 5 and its total rounded",
        [
            request((REGION + BY_REGION, "region,n; north,60; east,50; south,55; west,40")),
            request((N, "n; 205")),
        ],
    ),
    (
        "rounded to midpoints of 6",
        [
            request((BOTH + BY_BOTH, "region,sex,n; north,f,51; north,m,57; east,f,63; east,m,69")),
            request(
                (
                    BOTH + " WHERE age <= 80" + BY_BOTH,
                    "region,sex,n; north,f,51; north,m,51; east,f,63; east,m,69",
                )
            ),
        ],
    ),
    (
        "a rate with few digits",
        [total("region = 'north'", 2000), request((SMOKERS, "region,rate; north,0.99"))],
    ),
    (
        "a rate of a large group",
        [total("region = 'north'", 200), request((SMOKERS, "region,rate; north,0.5"))],
    ),
    (
        "a percentage without its base",
        [total("region = 'east'", 200), request((SMOKERS, "region,rate; north,3.0%"))],
    ),
    (
        "a sum of yes and no in the middle",
        [total("", 300), request(("SELECT SUM(smokes) AS k FROM people", "k; 150"))],
    ),
    ("a larger snapshot", [total("region = 'north'", 80), total("region = 'north'", 120, snapshot="s2")]),
    (
        "the same in another snapshot",
        [total("region = 'north'", 80), total("region = 'north'", 80, snapshot="s2")],
    ),
    ("a part of another snapshot", [total("age >= 18", 120), total("age >= 40", 119, snapshot="s2")]),
    ("another table of the dataset", [total("", 500), request((VISITS, "n; 499"))]),
    ("visits and patients", [request((VISITS, "n; 104")), request((PATIENTS, "n; 100"))]),
    (
        "patients of two wards: one may be in both",
        [
            request((PATIENTS, "n; 100")),
            request(
                (
                    "SELECT ward, COUNT(DISTINCT id) AS n FROM visits WHERE ward <> 'c' GROUP BY ward",
                    "ward,n; a,50; b,46",
                )
            ),
        ],
    ),
    (
        "patients of each ward and of all",
        [
            request(
                ("SELECT ward, COUNT(DISTINCT id) AS n FROM visits GROUP BY ward", "ward,n; a,50; b,60; c,40")
            ),
            request((PATIENTS, "n; 110")),
        ],
    ),
    (
        "means of whole groups",
        [
            request(("SELECT sex, AVG(income) AS m FROM people GROUP BY sex", "sex,m; f,2000; m,2100")),
            request(
                (
                    "SELECT region, AVG(income) AS m FROM people GROUP BY region",
                    "region,m; north,2001; east,2002; south,2003; west,2004",
                )
            ),
        ],
    ),
    (
        "a median beside counts",
        [total("", 500), request(("SELECT MEDIAN(income) AS m FROM people", "m; 499"))],
    ),
    (
        "a mean that looks like a count",
        [total("", 500), request(("SELECT AVG(income) AS m FROM people", "m; 498"))],
    ),
    (
        "a case and its total",
        [
            request(
                (
                    "SELECT CASE WHEN age < 30 THEN 'young' ELSE 'old' END AS g, COUNT(*) AS n FROM people GROUP BY CASE WHEN age < 30 THEN 'young' ELSE 'old' END",
                    "g,n; young,100; old,200",
                )
            ),
            total("", 300),
        ],
    ),
    (
        "years and their total",
        [
            request((YEARS, "year,n; 2020,50; 2021,60; 2022,70; 2023,80")),
            total("since BETWEEN DATE '2020-01-01' AND DATE '2023-12-31'", 260),
        ],
    ),
    (
        "districts that make up a region",
        [
            total("region = 'north'", 80),
            request(
                (DISTRICT + " WHERE region = 'north'" + BY_DISTRICT, "district,n; n1,44; n2,36; e1,0; e2,0")
            ),
        ],
    ),
    (
        "a region without a large district",
        [total("region = 'north'", 80), total("region = 'north' AND district <> 'n2'", 45)],
    ),
    (
        "three releases, a large rest",
        [total("age >= 18", 300), total("age BETWEEN 18 AND 39", 140), total("age >= 60", 58)],
    ),
    (
        "three releases, no rest",
        [total("age >= 18", 300), total("age BETWEEN 18 AND 39", 140), total("age >= 40", 160)],
    ),
    ("two filters that cross", [total("age >= 18", 120), total("income <= 9000", 118)]),
    ("no question: the same table again", [request(("", "sex,n; f,50; m,60"))] * 2),
    (
        "no question: other labels",
        [request(("", "sex,n; f,50; m,60")), request(("", "region,n; north,52; east,58"))],
    ),
    (
        "no question: the same labels, other people",
        [request(("", "sex,n; f,50; m,60")), request(("", "sex,n; f,120; m,160"))],
    ),
    (
        "no question: bands side by side",
        [request(("", "age,n; 18-39,100; 40-64,120")), request(("", "age,n; 65-79,101; 80+,30"))],
    ),
    ("a file and its own total row", [request((SEX + BY_SEX, "sex,n; f,50; m,60; total,110"))]),
    (
        "what was said before is not said again",
        [total("age >= 18", 120), total("age >= 19", 119), total("region = 'north'", 60)],
    ),
]
