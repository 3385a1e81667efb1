-- Revenue per city, of customers whose city is known.
SELECT c.city, SUM(o.price) AS revenue
FROM orders AS o JOIN customers AS c ON o.customer = c.name
GROUP BY c.city;
