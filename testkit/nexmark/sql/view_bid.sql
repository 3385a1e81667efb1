CREATE VIEW bid AS
SELECT bid.`auction`, bid.`bidder`, bid.`price`, bid.`channel`, bid.`url`, `dateTime`, bid.`extra`
FROM datagen
WHERE event_type = 2;
