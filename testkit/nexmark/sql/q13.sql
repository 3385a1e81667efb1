INSERT INTO nexmark_q13
SELECT b.auction, b.bidder, b.price, b.`dateTime`, s.`value`
FROM (SELECT *, MOD(auction, 10000) AS side FROM bid_now) AS b
JOIN side_input FOR SYSTEM_TIME AS OF b.taken AS s
ON b.side = s.`key`;
