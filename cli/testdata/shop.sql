-- A shop: streams of clicks, orders, payments and shipments, what is known of
-- customers and goods, and the tables that the reports read.
SET 'parallelism.default' = '2';
SET 'table.exec.state.ttl' = '1 d';
SET 'table.exec.source.idle-timeout' = '30 s';

CREATE TABLE orders (
  order_id BIGINT,
  customer_id BIGINT,
  product_id BIGINT,
  region STRING,
  amount DECIMAL(10, 2),
  quantity INT,
  note STRING,
  ordered_at TIMESTAMP(3),
  pt AS PROCTIME(),
  WATERMARK FOR ordered_at AS ordered_at - INTERVAL '5' SECOND
) WITH (
  'connector' = 'datagen',
  'number-of-rows' = '1000'
);

CREATE TABLE payments (
  payment_id BIGINT,
  order_id BIGINT,
  paid_by STRING,
  paid DECIMAL(10, 2),
  paid_at TIMESTAMP(3),
  WATERMARK FOR paid_at AS paid_at - INTERVAL '5' SECOND
) WITH (
  'connector' = 'datagen',
  'number-of-rows' = '1000'
);

CREATE TABLE shipments (
  shipment_id BIGINT,
  order_id BIGINT,
  carrier STRING,
  shipped_at TIMESTAMP(3),
  WATERMARK FOR shipped_at AS shipped_at - INTERVAL '5' SECOND
) WITH (
  'connector' = 'datagen',
  'number-of-rows' = '1000'
);

CREATE TABLE clicks (
  customer_id BIGINT,
  page STRING,
  referrer STRING,
  clicked_at TIMESTAMP(3),
  WATERMARK FOR clicked_at AS clicked_at - INTERVAL '2' SECOND
) WITH (
  'connector' = 'datagen',
  'number-of-rows' = '1000'
);

CREATE TABLE customers (
  customer_id BIGINT,
  name STRING,
  country STRING,
  tier INT,
  PRIMARY KEY (customer_id) NOT ENFORCED
) WITH (
  'connector' = 'filesystem',
  'path' = 'customers.csv',
  'format' = 'csv'
);

CREATE TABLE products (
  product_id BIGINT,
  title STRING,
  category STRING,
  price DECIMAL(10, 2),
  PRIMARY KEY (product_id) NOT ENFORCED
) WITH (
  'connector' = 'filesystem',
  'path' = 'products.csv',
  'format' = 'csv'
);

CREATE VIEW valid_orders AS
SELECT *
FROM orders
WHERE amount > 0 AND quantity BETWEEN 1 AND 1000 AND note NOT LIKE '%test%';

CREATE VIEW rich_orders AS
SELECT o.order_id, o.customer_id, o.product_id, o.region, o.amount, o.quantity, o.ordered_at, o.pt,
  p.title, p.category, p.price,
  CASE WHEN o.amount > 100 THEN 'large' WHEN o.amount > 10 THEN 'middle' ELSE 'small' END AS size_class
FROM valid_orders AS o
LEFT JOIN products FOR SYSTEM_TIME AS OF o.pt AS p ON o.product_id = p.product_id;

CREATE VIEW paid_orders AS
SELECT o.order_id, o.customer_id, o.category, o.region, o.amount, p.paid_by, p.paid, p.paid_at, o.ordered_at
FROM rich_orders AS o
JOIN payments AS p
  ON o.order_id = p.order_id
  AND p.paid_at BETWEEN o.ordered_at AND o.ordered_at + INTERVAL '1' HOUR;

CREATE VIEW last_order AS
SELECT order_id, customer_id, amount, ordered_at
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY customer_id ORDER BY ordered_at DESC) AS n
  FROM valid_orders
)
WHERE n = 1;

CREATE VIEW revenue_by_minute AS
SELECT window_start, window_end, region, SUM(amount) AS revenue, COUNT(*) AS orders, COUNT(DISTINCT customer_id) AS buyers
FROM TABLE(TUMBLE(TABLE valid_orders, DESCRIPTOR(ordered_at), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, region;

CREATE TABLE revenue_sink (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  region STRING,
  revenue DECIMAL(38, 2),
  orders BIGINT,
  buyers BIGINT
) WITH ('connector' = 'blackhole');

CREATE TABLE top_products (
  window_start TIMESTAMP(3),
  window_end TIMESTAMP(3),
  product_id BIGINT,
  revenue DECIMAL(38, 2),
  place BIGINT
) WITH ('connector' = 'blackhole');

CREATE TABLE customer_totals (
  customer_id BIGINT,
  orders BIGINT,
  revenue DECIMAL(38, 2),
  largest DECIMAL(10, 2),
  PRIMARY KEY (customer_id) NOT ENFORCED
) WITH ('connector' = 'blackhole');

CREATE TABLE unpaid (
  order_id BIGINT,
  amount DECIMAL(10, 2),
  PRIMARY KEY (order_id) NOT ENFORCED
) WITH ('connector' = 'blackhole');

CREATE TABLE latest (
  customer_id BIGINT,
  order_id BIGINT,
  amount DECIMAL(10, 2),
  PRIMARY KEY (customer_id) NOT ENFORCED
) WITH ('connector' = 'blackhole');

CREATE TABLE visits (
  customer_id BIGINT,
  visit_start TIMESTAMP(3),
  visit_end TIMESTAMP(3),
  pages BIGINT,
  first_page STRING
) WITH ('connector' = 'blackhole');

EXECUTE STATEMENT SET BEGIN

INSERT INTO revenue_sink
SELECT window_start, window_end, region, revenue, orders, buyers FROM revenue_by_minute;

INSERT INTO top_products
SELECT window_start, window_end, product_id, revenue, place
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY revenue DESC) AS place
  FROM (
    SELECT window_start, window_end, product_id, SUM(amount) AS revenue
    FROM TABLE(HOP(TABLE valid_orders, DESCRIPTOR(ordered_at), INTERVAL '1' MINUTE, INTERVAL '10' MINUTE))
    GROUP BY window_start, window_end, product_id
  )
)
WHERE place <= 10;

INSERT INTO customer_totals
SELECT customer_id, COUNT(*), SUM(amount), MAX(amount)
FROM rich_orders
WHERE category IS NOT NULL
GROUP BY customer_id;

INSERT INTO unpaid
SELECT order_id, amount
FROM valid_orders AS o
WHERE NOT EXISTS (SELECT * FROM paid_orders AS p WHERE p.order_id = o.order_id);

INSERT INTO latest
SELECT l.customer_id, l.order_id, l.amount
FROM last_order AS l
JOIN (SELECT customer_id FROM clicks GROUP BY customer_id HAVING COUNT(*) > 3) AS c ON l.customer_id = c.customer_id;

INSERT INTO visits
SELECT customer_id, window_start, window_end, COUNT(*), FIRST_VALUE(page)
FROM TABLE(SESSION(TABLE clicks PARTITION BY customer_id, DESCRIPTOR(clicked_at), INTERVAL '30' MINUTE))
GROUP BY customer_id, window_start, window_end;

END;
