"""What the analyst of the tour types into her notebook. These texts run in the locked container, nowhere else."""

CONNECT = """
import sandbox
box = sandbox.connect()
loans = box.dataset("german_credit")
print(box.budget())
"""

QUESTIONS = (
    (
        "How many applications for each purpose?",
        """
by_purpose = box.ask("SELECT purpose, COUNT(*) AS applications FROM loans GROUP BY purpose", epsilon=1.0)
print(by_purpose)
""",
    ),
    (
        "What does a good and a bad loan look like?",
        """
by_risk = box.ask(
    "SELECT risk, COUNT(*) AS n, AVG(credit_amount) AS mean_amount, AVG(duration_months) AS mean_months "
    "FROM loans GROUP BY risk", epsilon=0.5)
print(by_risk)
""",
    ),
    (
        "How much was lent to people under 30?",
        """
young = box.ask("SELECT SUM(credit_amount) AS lent, COUNT(*) AS n FROM loans WHERE age < 30", epsilon=0.25)
print(young)
""",
    ),
)

PLOT = """
by_purpose.plot()
"""

# Each prints REFUSED and why, or GOT IN.
ATTACKS = (
    (
        "reach the internet",
        """
import socket
try:
    socket.create_connection(("1.1.1.1", 443), timeout=3)
    print("GOT IN")
except OSError as why:
    print("REFUSED:", why)
""",
    ),
    (
        "find a network card besides loopback",
        """
cards = [line.split(":")[0].strip() for line in open("/proc/net/dev").readlines()[2:]]
print("REFUSED: only", cards) if cards == ["lo"] else print("GOT IN", cards)
""",
    ),
    (
        "open the raw file",
        """
import os
found = [os.path.join(folder, name) for top in ("/data", "/mnt", "/srv", "/home", "/gate", "/run", "/tmp")
         for folder, _, names in os.walk(top) for name in names
         if name.endswith((".parquet", ".csv", ".db")) and "outbox" not in folder]
print("GOT IN", found) if found else print("REFUSED: no raw file and no private view in any folder")
""",
    ),
    (
        "read another user's notebook",
        """
import httpx
answer = httpx.get("http://127.0.0.1:8081/user/ben/@OTHER@/api/contents", timeout=5,
                   headers={"Authorization": "token " + __import__("os").environ["JUPYTERHUB_API_TOKEN"]})
print("REFUSED:", answer.status_code) if answer.status_code in (403, 404) else print("GOT IN", answer.status_code)
""",
    ),
    (
        "download a file through /files/",
        """
answer = httpx.get("http://127.0.0.1:8081/user/ana/@OWN@/files/outbox/table.csv", timeout=5,
                   headers={"Authorization": "token " + __import__("os").environ["JUPYTERHUB_API_TOKEN"]})
print("REFUSED:", answer.status_code) if answer.status_code in (403, 404) else print("GOT IN", answer.status_code)
""",
    ),
)

SUBMIT_SMALL = """
# Expected bad loans by purpose, if purpose made no difference: from two private answers.
bad = by_risk.frame.set_index("risk")["n"]
table = by_purpose.frame[["purpose"]].copy()
expected = by_purpose.frame["applications"] * bad["bad"] / bad.sum()
table["expected_bad_loans"] = expected.round().clip(lower=0).astype(int)
table.to_csv(box.outbox / "expected_bad_loans.csv", index=False)
about = "Expected bad loans by purpose for the credit model's report, computed from two private answers."
first = box.submit("expected_bad_loans.csv", context=about)
print(first)
"""

REPAIR = """
# Merge the smallest purposes until none is small.
ordered = table.sort_values("expected_bad_loans")
running = ordered["expected_bad_loans"].cumsum()
merged = ordered["purpose"][(ordered["expected_bad_loans"] < 10) | (running.shift(fill_value=0) < 10)]
names = table["purpose"].where(~table["purpose"].isin(merged), "other purposes")
repaired = table.groupby(names, sort=False, as_index=False)["expected_bad_loans"].sum()
repaired.to_csv(box.outbox / "expected_bad_loans.csv", index=False)
print(repaired.to_string(index=False))
second = box.submit("expected_bad_loans.csv", context=about + " The smallest purposes are merged.")
print(second)
print("RELEASE", second.id)
"""
