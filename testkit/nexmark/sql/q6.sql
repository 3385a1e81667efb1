INSERT INTO nexmark_q6
SELECT w.seller,
  AVG(w.price) OVER (PARTITION BY w.seller ORDER BY w.`dateTime` ROWS BETWEEN 10 PRECEDING AND CURRENT ROW)
FROM (
  SELECT seller, price, `dateTime`
  FROM (
    SELECT a.seller, b.price, b.`dateTime`,
      ROW_NUMBER() OVER (PARTITION BY a.`id`, a.seller ORDER BY b.price DESC, b.`dateTime` ASC) AS place
    FROM auction AS a
    JOIN bid AS b ON a.`id` = b.auction
    WHERE b.`dateTime` BETWEEN a.`dateTime` AND a.expires
  )
  WHERE place <= 1
) AS w;
