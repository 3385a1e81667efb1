CREATE TABLE orders (
  id BIGINT,
  customer STRING,
  item STRING,
  price DECIMAL(10, 2),
  ts TIMESTAMP(3),
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'path' = 'orders.csv', 'format' = 'csv');

CREATE TABLE customers (name STRING, city STRING)
WITH ('connector' = 'filesystem', 'path' = 'customers.json', 'format' = 'json');
