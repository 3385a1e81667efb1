"""Answers queries with DuckDB: a line of JSON in (prepare, or a query), one out."""
import datetime
import json
import sys

import duckdb

db = duckdb.connect()
db.execute("SET TimeZone = 'UTC'")
# A judge is to be simple: 2.0.1 loses the LIMIT of a branch of UNION ALL when it optimizes.
db.execute("PRAGMA disable_optimizer")


def text(v):
    if v is None:
        return None
    if isinstance(v, bool):
        return str(v).upper()
    if isinstance(v, datetime.datetime):
        return v.strftime("%Y-%m-%d %H:%M:%S.") + "%03d" % (v.microsecond // 1000)
    return str(v)


for line in sys.stdin:
    ask = json.loads(line)
    try:
        for sql in ask.get("prepare") or []:
            db.execute(sql)
        rows = db.execute(ask["query"]).fetchall() if "query" in ask else []
        answer = {"rows": [[text(v) for v in r] for r in rows]}
    except Exception as e:
        answer = {"error": str(e)}
    print(json.dumps(answer), flush=True)
