-- The worst airports of the past week, every day, from 20,000 real flights.
-- Run it here with: mink run flights.sql

CREATE TABLE flights (
  departure   TIMESTAMP(3),
  origin      STRING,
  destination STRING,
  delay       INT,
  distance    INT,
  WATERMARK FOR departure AS departure - INTERVAL '30' MINUTE
) WITH (
  'connector' = 'filesystem',
  'path' = 'flights.csv',
  'format' = 'csv'
);

CREATE TABLE airports (
  code  STRING,
  name  STRING,
  city  STRING,
  state STRING
) WITH (
  'connector' = 'filesystem',
  'path' = 'airports.csv',
  'format' = 'csv'
);

-- Delays of each airport over seven days, moving on by a day.
CREATE TEMPORARY VIEW delays AS
SELECT window_start, window_end, origin, COUNT(*) AS flights, AVG(delay) AS avg_delay, MAX(delay) AS max_delay
FROM TABLE(HOP(TABLE flights, DESCRIPTOR(departure), INTERVAL '1' DAY, INTERVAL '7' DAY))
GROUP BY window_start, window_end, origin
HAVING COUNT(*) >= 10;

-- The three worst of each week.
CREATE TEMPORARY VIEW worst AS
SELECT window_end, origin, flights, avg_delay, max_delay, place
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY avg_delay DESC, origin) AS place
  FROM delays
)
WHERE place <= 3;

SELECT DATE_FORMAT(w.window_end, 'yyyy-MM-dd') AS week_to, w.place, w.origin, a.city, w.flights, w.avg_delay, w.max_delay
FROM worst AS w
JOIN airports AS a ON w.origin = a.code;
