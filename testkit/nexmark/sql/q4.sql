INSERT INTO nexmark_q4
SELECT w.category, AVG(w.`final`)
FROM (
  SELECT a.category, MAX(b.price) AS `final`
  FROM auction AS a
  JOIN bid AS b ON a.`id` = b.auction
  WHERE b.`dateTime` BETWEEN a.`dateTime` AND a.expires
  GROUP BY a.`id`, a.category
) AS w
GROUP BY w.category;
