INSERT INTO nexmark_q23
SELECT b.bidder, b.price, b.channel, b.url, b.extra,
  p.`id`, p.`name`, p.emailAddress, p.creditCard, p.`city`, p.`state`, p.extra,
  a.itemName, a.description, a.initialBid, a.reserve, a.`dateTime`, a.expires, a.seller, a.category, a.extra
FROM bid AS b
JOIN person AS p ON p.`id` = b.bidder
JOIN auction AS a ON a.seller = b.bidder;
