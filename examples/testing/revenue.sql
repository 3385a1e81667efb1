-- What each article brings in a minute.
CREATE TABLE orders (
  event_time TIMESTAMP(3),
  id INT,
  sku STRING,
  amt DECIMAL(10, 2),
  WATERMARK FOR event_time AS event_time - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'path' = 'orders.csv', 'format' = 'csv');

CREATE TABLE revenue (sku STRING, window_start TIMESTAMP(3), total DECIMAL(38, 2))
WITH ('connector' = 'print');

INSERT INTO revenue
SELECT sku, window_start, SUM(amt)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(event_time), INTERVAL '1' MINUTE))
GROUP BY sku, window_start, window_end;
