"""Expressions on dates and times, which the session's time zone must not change unless they say so."""

from __future__ import annotations

from pyspark.sql import functions as F

col, lit = F.col, F.lit
# Zones whose clocks change in March, April, October and November, one with a half hour, one that never changes.
ZONES = ("America/New_York", "Pacific/Auckland", "Australia/Lord_Howe", "Asia/Kolkata", "UTC", "Europe/London")


def _utc_of(seconds):
    return lit("1970-01-01 00:00:00").cast("timestamp_ntz") + seconds * F.expr("INTERVAL '1' SECOND")


def _text_of(local):
    return F.concat(F.date_format(local, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"), lit("Z"))


TIMES = {
    "F.convert_timezone": lambda: [
        *(F.convert_timezone(lit(zone), lit("UTC"), "local") for zone in ZONES),
        *(F.convert_timezone(lit("UTC"), lit(zone), "local") for zone in ZONES),
        *(
            F.convert_timezone(lit("UTC"), lit(zone), _utc_of(F.floor(F.unix_micros("at") / 1_000_000)))
            for zone in ZONES
        ),
        F.convert_timezone(lit("+05:30"), lit("UTC"), "local"),
    ],
    "F.current_timestamp": lambda: [F.unix_micros(F.current_timestamp()) > 1_700_000_000_000_000],
    "F.date_format": lambda: [
        *(F.date_format("local", "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"), F.date_format("local", "yyyy-MM-dd HH:mm:ss")),
        *(F.date_format("local", "yyyy-MM"), F.date_format("day", "yyyy-MM-dd")),
    ],
    "F.dayofweek": lambda: [F.dayofweek("local"), F.dayofweek("day")],
    "F.hour": lambda: [F.hour("local"), F.hour(F.convert_timezone(lit("UTC"), lit("America/New_York"), "local"))],
    "F.month": lambda: [F.month("local"), F.month("day")],
    "F.weekday": lambda: [F.weekday("local"), F.weekday("day")],
    "F.timestamp_micros": lambda: [
        F.timestamp_micros(lit(0)),
        F.timestamp_micros(col("i").cast("bigint")),
        F.timestamp_micros(F.unix_micros("at") + 1),
    ],
    "F.unix_date": lambda: [F.unix_date("day"), F.unix_date(F.to_date(lit("1969-12-31")))],
    "F.unix_micros": lambda: [
        F.unix_micros("at"),
        F.floor(F.unix_micros("at") / 1_000_000),
        F.unix_micros(F.timestamp_micros(lit(-1))),
    ],
    "cast timestamp": lambda: [
        *(
            lit(text).cast("timestamp")
            for text in ("2024-03-10T02:30:00Z", "2024-03-10 02:30:00+05:30", "2024-06-01T12:00:00.123456Z")
        ),
        *(
            lit(None).cast("timestamp"),
            lit("1969-12-31T23:59:59.999999Z").cast("timestamp"),
            lit("2024-06-01T00:00:00UTC").cast("timestamp"),
        ),
    ],
    "cast timestamp_ntz": lambda: [
        *(lit(text).cast("timestamp_ntz") for text in ("1970-01-01 00:00:00", "2024-03-10 02:30:00", "2024-03-10")),
        *(col("local").cast("timestamp_ntz"), lit(None).cast("timestamp_ntz")),
    ],
    "try_cast timestamp": lambda: [
        *(F.when(col("when_text").rlike(r":[0-9]{2}[0-9.:]* ?[A-Za-z+-]"), F.trim("when_text").try_cast("timestamp")),),
        *(_text_of("local").try_cast("timestamp"), lit("2024-06-01 12:00:00Europe/London").try_cast("timestamp")),
        *(
            lit(text).try_cast("timestamp")
            for text in ("2024-06-01T12:00:00 PST", "2024-06-01T12:00:00 UTC+1", "2024-06-01 12:00:00 CET")
        ),
        *(
            lit(text).try_cast("timestamp")
            for text in ("2024-06-01T12:00:00-05", "2024-06-01T12:00:00+0530", "2024-06-01T12:00+01:00")
        ),
    ],
    "try_cast timestamp_ntz": lambda: [
        col("when_text").try_cast("timestamp_ntz"),
        F.trim("when_text").try_cast("timestamp_ntz"),
    ],
    "sql INTERVAL": lambda: [
        *(col("local") + F.expr("INTERVAL '1' SECOND"), col("local") + col("n") * F.expr("INTERVAL '1' SECOND")),
        *(_utc_of(F.floor(F.unix_micros("at") / 1_000_000)), _utc_of(lit(-1)), _utc_of(lit(4_102_444_799))),
    ],
}
