-- setup
CREATE TABLE datagen (
  event_type INT,
  person ROW<id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, state STRING, `dateTime` TIMESTAMP(3), extra STRING>,
  auction ROW<id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, `dateTime` TIMESTAMP(3), expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra STRING>,
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP(3), extra STRING>,
  `dateTime` AS CASE WHEN event_type = 0 THEN person.`dateTime` WHEN event_type = 1 THEN auction.`dateTime` ELSE bid.`dateTime` END,
  WATERMARK FOR `dateTime` AS `dateTime` - INTERVAL '4' SECOND
) WITH ('connector' = 'nexmark');
CREATE VIEW person AS SELECT person.id, person.name, person.emailAddress, person.creditCard, person.city, person.state, `dateTime`, person.extra FROM datagen WHERE event_type = 0;
CREATE VIEW auction AS SELECT auction.id, auction.itemName, auction.description, auction.initialBid, auction.reserve, `dateTime`, auction.expires, auction.seller, auction.category, auction.extra FROM datagen WHERE event_type = 1;
CREATE VIEW bid AS SELECT bid.auction, bid.bidder, bid.price, bid.channel, bid.url, `dateTime`, bid.extra FROM datagen WHERE event_type = 2;
CREATE TEMPORARY FUNCTION count_char AS 'com.github.nexmark.flink.udf.CountChar';
----
OK
====
-- q0
CREATE TABLE nexmark_q0 (auction BIGINT, bidder BIGINT, price BIGINT, `dateTime` TIMESTAMP(3), extra STRING) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q0 SELECT auction, bidder, price, `dateTime`, extra FROM bid;
----
Sink(table=[default_catalog.default_database.nexmark_q0], fields=[auction, bidder, price, dateTime, extra], changelogMode=[NONE])
+- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.dateTime AS dateTime, bid.extra AS extra], where=[(event_type = 2)], changelogMode=[I])
   +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.dateTime, bid.extra]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q1
CREATE TABLE nexmark_q1 (auction BIGINT, bidder BIGINT, price DECIMAL(23, 3), `dateTime` TIMESTAMP(3), extra STRING) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q1 SELECT auction, bidder, 0.908 * price AS price, `dateTime`, extra FROM bid;
----
Sink(table=[default_catalog.default_database.nexmark_q1], fields=[auction, bidder, price, dateTime, extra], changelogMode=[NONE])
+- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, CAST((0.908 * bid.price) AS DECIMAL(23, 3)) AS price, bid.dateTime AS dateTime, bid.extra AS extra], where=[(event_type = 2)], changelogMode=[I])
   +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.dateTime, bid.extra]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q2
CREATE TABLE nexmark_q2 (auction BIGINT, price BIGINT) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q2 SELECT auction, price FROM bid WHERE MOD(auction, 123) = 0;
----
Sink(table=[default_catalog.default_database.nexmark_q2], fields=[auction, price], changelogMode=[NONE])
+- Calc(select=[bid.auction AS auction, bid.price AS price], where=[((event_type = 2) AND (MOD(bid.auction, 123) = 0))], changelogMode=[I])
   +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.price, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q3
CREATE TABLE nexmark_q3 (name STRING, city STRING, state STRING, id BIGINT) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q3
SELECT P.name, P.city, P.state, A.id FROM auction AS A INNER JOIN person AS P ON A.seller = P.id
WHERE A.category = 10 AND (P.state = 'OR' OR P.state = 'ID' OR P.state = 'CA');
----
Sink(table=[default_catalog.default_database.nexmark_q3], fields=[name, city, state, id], changelogMode=[NONE])
+- Calc(select=[name, city, state, id], changelogMode=[I])
   +- Join(joinType=[InnerJoin], where=[(seller = id0)], select=[id, seller, id0, name, city, state], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey], changelogMode=[I])
      :- Exchange(distribution=[hash[seller]], changelogMode=[I])
      :  +- Calc(select=[auction.id AS id, auction.seller AS seller], where=[((event_type = 1) AND (auction.category = 10))], changelogMode=[I])
      :     +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.id, person.name, person.city, person.state, person.dateTime, auction.id, auction.dateTime, auction.seller, auction.category, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])(reuse_id=[1])
      +- Exchange(distribution=[hash[id]], changelogMode=[I])
         +- Calc(select=[person.id AS id, person.name AS name, person.city AS city, person.state AS state], where=[((event_type = 0) AND ((person.state = 'OR') OR (person.state = 'ID') OR (person.state = 'CA')))], changelogMode=[I])
            +- Reused(reference_id=[1])
====
-- q4
CREATE TABLE nexmark_q4 (id BIGINT, final BIGINT) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q4
SELECT Q.category, AVG(Q.final) FROM (
  SELECT MAX(B.price) AS final, A.category FROM auction A, bid B
  WHERE A.id = B.auction AND B.`dateTime` BETWEEN A.`dateTime` AND A.expires
  GROUP BY A.id, A.category
) Q GROUP BY Q.category;
----
Sink(table=[default_catalog.default_database.nexmark_q4], fields=[id, final], changelogMode=[NONE])
+- Calc(select=[category AS id, EXPR$1 AS final], changelogMode=[I,UA,D])
   +- GlobalGroupAggregate(groupBy=[category], select=[category, AVG_RETRACT(final) AS EXPR$1], changelogMode=[I,UA,D])
      +- Exchange(distribution=[hash[category]], changelogMode=[I])
         +- LocalGroupAggregate(groupBy=[category], select=[category, AVG_RETRACT(final) AS EXPR$1], changelogMode=[I])
            +- Calc(select=[category, final], changelogMode=[I,UB,UA])
               +- GroupAggregate(groupBy=[id, category], select=[id, category, MAX(price) AS final], changelogMode=[I,UB,UA])
                  +- Calc(select=[id, category, price], changelogMode=[I])
                     +- Join(joinType=[InnerJoin], where=[((id = auction) AND (dateTime0 >= dateTime) AND (dateTime0 <= expires))], select=[id, dateTime, expires, category, auction, price, dateTime0], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey], changelogMode=[I])
                        :- Exchange(distribution=[hash[id]], changelogMode=[I])
                        :  +- Calc(select=[auction.id AS id, auction.dateTime AS dateTime, auction.expires AS expires, auction.category AS category], where=[(event_type = 1)], changelogMode=[I])
                        :     +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.id, auction.dateTime, auction.expires, auction.category, bid.auction, bid.price, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])(reuse_id=[1])
                        +- Exchange(distribution=[hash[auction]], changelogMode=[I])
                           +- Calc(select=[bid.auction AS auction, bid.price AS price, bid.dateTime AS dateTime], where=[(event_type = 2)], changelogMode=[I])
                              +- Reused(reference_id=[1])
====
-- q5
CREATE TABLE nexmark_q5 (auction BIGINT, num BIGINT) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q5
SELECT AuctionBids.auction, AuctionBids.num FROM (
  SELECT auction, COUNT(*) AS num, window_start AS starttime, window_end AS endtime
  FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
  GROUP BY auction, window_start, window_end
) AS AuctionBids JOIN (
  SELECT MAX(CountBids.num) AS maxn, CountBids.starttime, CountBids.endtime FROM (
    SELECT COUNT(*) AS num, window_start AS starttime, window_end AS endtime
    FROM TABLE(HOP(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
    GROUP BY auction, window_start, window_end
  ) AS CountBids GROUP BY CountBids.starttime, CountBids.endtime
) AS MaxBids
ON AuctionBids.starttime = MaxBids.starttime AND AuctionBids.endtime = MaxBids.endtime AND AuctionBids.num >= MaxBids.maxn;
----
Sink(table=[default_catalog.default_database.nexmark_q5], fields=[auction, num], changelogMode=[NONE])
+- Calc(select=[auction, num], changelogMode=[I])
   +- WindowJoin(leftWindow=[HOP(win_start=[starttime], win_end=[endtime])], rightWindow=[HOP(win_start=[starttime], win_end=[endtime])], joinType=[InnerJoin], where=[(num >= maxn)], select=[auction, num, starttime, endtime, maxn, starttime0, endtime0], changelogMode=[I])
      :- Exchange(distribution=[hash[starttime, endtime]], changelogMode=[I])
      :  +- Calc(select=[auction, num, window_start AS starttime, window_end AS endtime], changelogMode=[I])
      :     +- WindowAggregate(groupBy=[auction], window=[HOP(time_col=[dateTime], size=[10 s], slide=[2 s])], select=[auction, COUNT(*) AS num, window_start, window_end], changelogMode=[I])(reuse_id=[1])
      :        +- Exchange(distribution=[hash[auction]], changelogMode=[I])
      :           +- Calc(select=[bid.auction AS auction, bid.dateTime AS dateTime], where=[(event_type = 2)], changelogMode=[I])
      :              +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
      +- Calc(select=[maxn, window_start AS starttime, window_end AS endtime], changelogMode=[I])
         +- WindowAggregate(window=[HOP(win_start=[starttime], win_end=[endtime])], select=[MAX(num) AS maxn, window_start, window_end], changelogMode=[I])
            +- Exchange(distribution=[hash[starttime, endtime]], changelogMode=[I])
               +- Calc(select=[window_start AS starttime, window_end AS endtime, num], changelogMode=[I])
                  +- Reused(reference_id=[1])
====
-- q7
CREATE TABLE nexmark_q7 (auction BIGINT, bidder BIGINT, price BIGINT, `dateTime` TIMESTAMP(3), extra STRING) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q7
SELECT B.auction, B.price, B.bidder, B.`dateTime`, B.extra FROM bid B JOIN (
  SELECT MAX(price) AS maxprice, window_end AS `dateTime`
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY window_start, window_end
) B1 ON B.price = B1.maxprice
WHERE B.`dateTime` BETWEEN B1.`dateTime` - INTERVAL '10' SECOND AND B1.`dateTime`;
----
Sink(table=[default_catalog.default_database.nexmark_q7], fields=[auction, bidder, price, dateTime, extra], changelogMode=[NONE])
+- Calc(select=[auction, price AS bidder, bidder AS price, dateTime, extra], changelogMode=[I])
   +- Join(joinType=[InnerJoin], where=[((price = maxprice) AND (dateTime >= (dateTime0 - 10000:INTERVAL SECOND(3))) AND (dateTime <= dateTime0))], select=[auction, bidder, price, dateTime, extra, maxprice, dateTime0], leftInputSpec=[NoUniqueKey], rightInputSpec=[HasUniqueKey], pruneLeft=[dateTime + 10 s <= watermark], changelogMode=[I])
      :- Exchange(distribution=[hash[price]], changelogMode=[I])
      :  +- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.dateTime AS dateTime, bid.extra AS extra], where=[(event_type = 2)], changelogMode=[I])
      :     +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.dateTime, bid.extra]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])(reuse_id=[1])
      +- Exchange(distribution=[hash[maxprice]], changelogMode=[I])
         +- Calc(select=[maxprice, window_end AS dateTime], changelogMode=[I])
            +- WindowAggregate(window=[TUMBLE(time_col=[dateTime], size=[10 s])], select=[MAX(price) AS maxprice, window_start, window_end], changelogMode=[I])
               +- Exchange(distribution=[single], changelogMode=[I])
                  +- Calc(select=[bid.price AS price, bid.dateTime AS dateTime], where=[(event_type = 2)], changelogMode=[I])
                     +- Reused(reference_id=[1])
====
-- q8
CREATE TABLE nexmark_q8 (id BIGINT, name STRING, stime TIMESTAMP(3)) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q8
SELECT P.id, P.name, P.starttime FROM (
  SELECT id, name, window_start AS starttime, window_end AS endtime
  FROM TABLE(TUMBLE(TABLE person, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY id, name, window_start, window_end
) P JOIN (
  SELECT seller, window_start AS starttime, window_end AS endtime
  FROM TABLE(TUMBLE(TABLE auction, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND)) GROUP BY seller, window_start, window_end
) A ON P.id = A.seller AND P.starttime = A.starttime AND P.endtime = A.endtime;
----
Sink(table=[default_catalog.default_database.nexmark_q8], fields=[id, name, stime], changelogMode=[NONE])
+- Calc(select=[id, name, starttime AS stime], changelogMode=[I])
   +- WindowJoin(leftWindow=[TUMBLE(win_start=[starttime], win_end=[endtime])], rightWindow=[TUMBLE(win_start=[starttime], win_end=[endtime])], joinType=[InnerJoin], where=[(id = seller)], select=[id, name, starttime, endtime, seller, starttime0, endtime0], changelogMode=[I])
      :- Exchange(distribution=[hash[id]], changelogMode=[I])
      :  +- Calc(select=[id, name, window_start AS starttime, window_end AS endtime], changelogMode=[I])
      :     +- WindowAggregate(groupBy=[id, name], window=[TUMBLE(time_col=[dateTime], size=[10 s])], select=[id, name, window_start, window_end], changelogMode=[I])
      :        +- Exchange(distribution=[hash[id, name]], changelogMode=[I])
      :           +- Calc(select=[person.id AS id, person.name AS name, person.dateTime AS dateTime], where=[(event_type = 0)], changelogMode=[I])
      :              +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.id, person.name, person.dateTime, auction.dateTime, auction.seller, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])(reuse_id=[1])
      +- Calc(select=[seller, window_start AS starttime, window_end AS endtime], changelogMode=[I])
         +- WindowAggregate(groupBy=[seller], window=[TUMBLE(time_col=[dateTime], size=[10 s])], select=[seller, window_start, window_end], changelogMode=[I])
            +- Exchange(distribution=[hash[seller]], changelogMode=[I])
               +- Calc(select=[auction.seller AS seller, auction.dateTime AS dateTime], where=[(event_type = 1)], changelogMode=[I])
                  +- Reused(reference_id=[1])
====
-- q9
CREATE TABLE nexmark_q9 (id BIGINT, itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, `dateTime` TIMESTAMP(3), expires TIMESTAMP(3), seller BIGINT, category BIGINT, extra STRING,
  auction BIGINT, bidder BIGINT, price BIGINT, bid_dateTime TIMESTAMP(3), bid_extra STRING) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q9
SELECT id, itemName, description, initialBid, reserve, `dateTime`, expires, seller, category, extra, auction, bidder, price, bid_dateTime, bid_extra FROM (
  SELECT A.*, B.auction, B.bidder, B.price, B.`dateTime` AS bid_dateTime, B.extra AS bid_extra,
    ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.`dateTime` ASC) AS rownum
  FROM auction A, bid B WHERE A.id = B.auction AND B.`dateTime` BETWEEN A.`dateTime` AND A.expires
) WHERE rownum <= 1;
----
Sink(table=[default_catalog.default_database.nexmark_q9], fields=[id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, extra, auction, bidder, price, bid_dateTime, bid_extra], changelogMode=[NONE])
+- Calc(select=[id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, extra, auction, bidder, price, dateTime0 AS bid_dateTime, extra0 AS bid_extra], changelogMode=[I,UA,D])
   +- Rank(strategy=[AppendFastStrategy], rankType=[ROW_NUMBER], rankRange=[rankStart=1, rankEnd=1], partitionBy=[id], orderBy=[price DESC, dateTime0 ASC], select=[id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, extra, auction, bidder, price, dateTime0, extra0], changelogMode=[I,UA,D], order-dependent=[equal sort keys rank in the order they come])
      +- Join(joinType=[InnerJoin], where=[((id = auction) AND (dateTime0 >= dateTime) AND (dateTime0 <= expires))], select=[id, itemName, description, initialBid, reserve, dateTime, expires, seller, category, extra, auction, bidder, price, dateTime0, extra0], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey], changelogMode=[I])
         :- Exchange(distribution=[hash[id]], changelogMode=[I])
         :  +- Calc(select=[auction.id AS id, auction.itemName AS itemName, auction.description AS description, auction.initialBid AS initialBid, auction.reserve AS reserve, auction.dateTime AS dateTime, auction.expires AS expires, auction.seller AS seller, auction.category AS category, auction.extra AS extra], where=[(event_type = 1)], changelogMode=[I])
         :     +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.id, auction.itemName, auction.description, auction.initialBid, auction.reserve, auction.dateTime, auction.expires, auction.seller, auction.category, auction.extra, bid.auction, bid.bidder, bid.price, bid.dateTime, bid.extra]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])(reuse_id=[1])
         +- Exchange(distribution=[hash[auction]], changelogMode=[I])
            +- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.dateTime AS dateTime, bid.extra AS extra], where=[(event_type = 2)], changelogMode=[I])
               +- Reused(reference_id=[1])
====
-- q10
CREATE TABLE nexmark_q10 (auction BIGINT, bidder BIGINT, price BIGINT, `dateTime` TIMESTAMP(3), extra STRING, dt STRING, hm STRING) PARTITIONED BY (dt, hm) WITH ('connector' = 'filesystem');
INSERT INTO nexmark_q10 SELECT auction, bidder, price, `dateTime`, extra, DATE_FORMAT(`dateTime`, 'yyyy-MM-dd'), DATE_FORMAT(`dateTime`, 'HH:mm') FROM bid;
----
Sink(table=[default_catalog.default_database.nexmark_q10], fields=[auction, bidder, price, dateTime, extra, dt, hm], changelogMode=[NONE])
+- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.dateTime AS dateTime, bid.extra AS extra, DATE_FORMAT(bid.dateTime, 'yyyy-MM-dd') AS dt, DATE_FORMAT(bid.dateTime, 'HH:mm') AS hm], where=[(event_type = 2)], changelogMode=[I])
   +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.dateTime, bid.extra]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q11
CREATE TABLE nexmark_q11 (bidder BIGINT, bid_count BIGINT, starttime TIMESTAMP(3), endtime TIMESTAMP(3)) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q11
SELECT B.bidder, COUNT(*) AS bid_count, SESSION_START(B.`dateTime`, INTERVAL '10' SECOND) AS starttime, SESSION_END(B.`dateTime`, INTERVAL '10' SECOND) AS endtime
FROM bid B GROUP BY B.bidder, SESSION(B.`dateTime`, INTERVAL '10' SECOND);
----
Sink(table=[default_catalog.default_database.nexmark_q11], fields=[bidder, bid_count, starttime, endtime], changelogMode=[NONE])
+- Calc(select=[bidder, bid_count, w$start AS starttime, w$end AS endtime], changelogMode=[I])
   +- GroupWindowAggregate(groupBy=[bidder], window=[SESSION(time_col=[$time], gap=[10 s])], select=[bidder, COUNT(*) AS bid_count, w$start, w$end], changelogMode=[I])
      +- Exchange(distribution=[hash[bidder]], changelogMode=[I])
         +- Calc(select=[bid.bidder AS bidder, bid.dateTime AS $time], where=[(event_type = 2)], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.bidder, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q12
CREATE TABLE nexmark_q12 (bidder BIGINT, bid_count BIGINT, starttime TIMESTAMP(3), endtime TIMESTAMP(3)) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
CREATE VIEW B AS SELECT *, PROCTIME() AS p_time FROM bid;
INSERT INTO nexmark_q12
SELECT bidder, COUNT(*) AS bid_count, window_start AS starttime, window_end AS endtime
FROM TABLE(TUMBLE(TABLE B, DESCRIPTOR(p_time), INTERVAL '10' SECOND)) GROUP BY bidder, window_start, window_end;
----
Sink(table=[default_catalog.default_database.nexmark_q12], fields=[bidder, bid_count, starttime, endtime], changelogMode=[NONE])
+- Calc(select=[bidder, bid_count, window_start AS starttime, window_end AS endtime], changelogMode=[I])
   +- WindowAggregate(groupBy=[bidder], window=[TUMBLE(time_col=[p_time], size=[10 s])], select=[bidder, COUNT(*) AS bid_count, window_start, window_end], changelogMode=[I], replayable=[windows of processing time])
      +- Exchange(distribution=[hash[bidder]], changelogMode=[I])
         +- Calc(select=[bid.bidder AS bidder, PROCTIME() AS p_time], where=[(event_type = 2)], changelogMode=[I], replayable=[PROCTIME() in column p_time])
            +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.bidder, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q13
CREATE TABLE side_input (key BIGINT, `value` STRING) WITH ('connector' = 'filesystem');
CREATE TABLE nexmark_q13 (auction BIGINT, bidder BIGINT, price BIGINT, `dateTime` TIMESTAMP(3), `value` STRING) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q13
SELECT B.auction, B.bidder, B.price, B.`dateTime`, S.`value`
FROM (SELECT *, PROCTIME() AS p_time FROM bid) B JOIN side_input FOR SYSTEM_TIME AS OF B.p_time AS S ON MOD(B.auction, 10000) = S.key;
----
Sink(table=[default_catalog.default_database.nexmark_q13], fields=[auction, bidder, price, dateTime, value], changelogMode=[NONE])
+- Calc(select=[auction, bidder, price, dateTime, value], changelogMode=[I])
   +- LookupJoin(table=[default_catalog.default_database.side_input], joinType=[InnerJoin], lookup=[key=$k], select=[auction, bidder, price, dateTime, p_time, $k, key, value], changelogMode=[I], replayable=[the table is read when a row passes])
      +- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.dateTime AS dateTime, PROCTIME() AS p_time, CAST(MOD(bid.auction, 10000) AS BIGINT) AS $k], where=[(event_type = 2)], changelogMode=[I], replayable=[PROCTIME() in column p_time])
         +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q14
CREATE TABLE nexmark_q14 (auction BIGINT, bidder BIGINT, price DECIMAL(23, 3), bidTimeType STRING, `dateTime` TIMESTAMP(3), extra STRING, c_counts BIGINT) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q14
SELECT auction, bidder, 0.908 * price AS price,
  CASE WHEN HOUR(`dateTime`) >= 8 AND HOUR(`dateTime`) <= 18 THEN 'dayTime' WHEN HOUR(`dateTime`) <= 6 OR HOUR(`dateTime`) >= 20 THEN 'nightTime' ELSE 'otherTime' END AS bidTimeType,
  `dateTime`, extra, count_char(extra, 'c') AS c_counts
FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000;
----
Sink(table=[default_catalog.default_database.nexmark_q14], fields=[auction, bidder, price, bidTimeType, dateTime, extra, c_counts], changelogMode=[NONE])
+- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, CAST((0.908 * bid.price) AS DECIMAL(23, 3)) AS price, CAST(CASE(((HOUR(bid.dateTime) >= 8) AND (HOUR(bid.dateTime) <= 18)), 'dayTime', ((HOUR(bid.dateTime) <= 6) OR (HOUR(bid.dateTime) >= 20)), 'nightTime', 'otherTime') AS STRING) AS bidTimeType, bid.dateTime AS dateTime, bid.extra AS extra, count_char(bid.extra, 'c') AS c_counts], where=[((event_type = 2) AND ((0.908 * bid.price) > 1000000.000) AND ((0.908 * bid.price) < 50000000.000))], changelogMode=[I])
   +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.dateTime, bid.extra]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q15
CREATE TABLE nexmark_q15 (`day` STRING, total_bids BIGINT, rank1_bids BIGINT, rank2_bids BIGINT, rank3_bids BIGINT, total_bidders BIGINT, rank1_bidders BIGINT, rank2_bidders BIGINT, rank3_bidders BIGINT,
  total_auctions BIGINT, rank1_auctions BIGINT, rank2_auctions BIGINT, rank3_auctions BIGINT) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q15
SELECT DATE_FORMAT(`dateTime`, 'yyyy-MM-dd') AS `day`, COUNT(*) AS total_bids,
  COUNT(*) FILTER (WHERE price < 10000) AS rank1_bids, COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bids, COUNT(*) FILTER (WHERE price >= 1000000) AS rank3_bids,
  COUNT(DISTINCT bidder) AS total_bidders, COUNT(DISTINCT bidder) FILTER (WHERE price < 10000) AS rank1_bidders,
  COUNT(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bidders, COUNT(DISTINCT bidder) FILTER (WHERE price >= 1000000) AS rank3_bidders,
  COUNT(DISTINCT auction) AS total_auctions, COUNT(DISTINCT auction) FILTER (WHERE price < 10000) AS rank1_auctions,
  COUNT(DISTINCT auction) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_auctions, COUNT(DISTINCT auction) FILTER (WHERE price >= 1000000) AS rank3_auctions
FROM bid GROUP BY DATE_FORMAT(`dateTime`, 'yyyy-MM-dd');
----
Sink(table=[default_catalog.default_database.nexmark_q15], fields=[day, total_bids, rank1_bids, rank2_bids, rank3_bids, total_bidders, rank1_bidders, rank2_bidders, rank3_bidders, total_auctions, rank1_auctions, rank2_auctions, rank3_auctions], changelogMode=[NONE])
+- Calc(select=[$f0 AS day, total_bids, rank1_bids, rank2_bids, rank3_bids, total_bidders, rank1_bidders, rank2_bidders, rank3_bidders, total_auctions, rank1_auctions, rank2_auctions, rank3_auctions], changelogMode=[I,UA])
   +- GroupAggregate(groupBy=[$f0], select=[$f0, COUNT(*) AS total_bids, COUNT(*) FILTER $f1 AS rank1_bids, COUNT(*) FILTER $f2 AS rank2_bids, COUNT(*) FILTER $f3 AS rank3_bids, COUNT(DISTINCT bidder) AS total_bidders, COUNT(DISTINCT bidder) FILTER $f1 AS rank1_bidders, COUNT(DISTINCT bidder) FILTER $f2 AS rank2_bidders, COUNT(DISTINCT bidder) FILTER $f3 AS rank3_bidders, COUNT(DISTINCT auction) AS total_auctions, COUNT(DISTINCT auction) FILTER $f1 AS rank1_auctions, COUNT(DISTINCT auction) FILTER $f2 AS rank2_auctions, COUNT(DISTINCT auction) FILTER $f3 AS rank3_auctions], changelogMode=[I,UA])
      +- Exchange(distribution=[hash[$f0]], changelogMode=[I])
         +- Calc(select=[DATE_FORMAT(bid.dateTime, 'yyyy-MM-dd') AS $f0, (bid.price < 10000) IS TRUE AS $f1, ((bid.price >= 10000) AND (bid.price < 1000000)) IS TRUE AS $f2, (bid.price >= 1000000) IS TRUE AS $f3, bid.bidder AS bidder, bid.auction AS auction], where=[(event_type = 2)], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q16
CREATE TABLE nexmark_q16 (channel STRING, `day` STRING, `minute` STRING, total_bids BIGINT, rank1_bids BIGINT, total_bidders BIGINT) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q16
SELECT channel, DATE_FORMAT(`dateTime`, 'yyyy-MM-dd') AS `day`, MAX(DATE_FORMAT(`dateTime`, 'HH:mm')) AS `minute`, COUNT(*) AS total_bids,
  COUNT(*) FILTER (WHERE price < 10000) AS rank1_bids, COUNT(DISTINCT bidder) AS total_bidders
FROM bid GROUP BY channel, DATE_FORMAT(`dateTime`, 'yyyy-MM-dd');
----
Sink(table=[default_catalog.default_database.nexmark_q16], fields=[channel, day, minute, total_bids, rank1_bids, total_bidders], changelogMode=[NONE])
+- Calc(select=[channel, $f1 AS day, minute, total_bids, rank1_bids, total_bidders], changelogMode=[I,UA])
   +- GroupAggregate(groupBy=[channel, $f1], select=[channel, $f1, MAX($f2) AS minute, COUNT(*) AS total_bids, COUNT(*) FILTER $f3 AS rank1_bids, COUNT(DISTINCT bidder) AS total_bidders], changelogMode=[I,UA])
      +- Exchange(distribution=[hash[channel, $f1]], changelogMode=[I])
         +- Calc(select=[bid.channel AS channel, DATE_FORMAT(bid.dateTime, 'yyyy-MM-dd') AS $f1, DATE_FORMAT(bid.dateTime, 'HH:mm') AS $f2, (bid.price < 10000) IS TRUE AS $f3, bid.bidder AS bidder], where=[(event_type = 2)], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.bidder, bid.price, bid.channel, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q17
CREATE TABLE nexmark_q17 (auction BIGINT, `day` STRING, total_bids BIGINT, rank1_bids BIGINT, min_price BIGINT, max_price BIGINT, avg_price BIGINT, sum_price BIGINT) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q17
SELECT auction, DATE_FORMAT(`dateTime`, 'yyyy-MM-dd') AS `day`, COUNT(*) AS total_bids, COUNT(*) FILTER (WHERE price < 10000) AS rank1_bids,
  MIN(price) AS min_price, MAX(price) AS max_price, AVG(price) AS avg_price, SUM(price) AS sum_price
FROM bid GROUP BY auction, DATE_FORMAT(`dateTime`, 'yyyy-MM-dd');
----
Sink(table=[default_catalog.default_database.nexmark_q17], fields=[auction, day, total_bids, rank1_bids, min_price, max_price, avg_price, sum_price], changelogMode=[NONE])
+- Calc(select=[auction, $f1 AS day, total_bids, rank1_bids, min_price, max_price, avg_price, sum_price], changelogMode=[I,UA])
   +- GlobalGroupAggregate(groupBy=[auction, $f1], select=[auction, $f1, COUNT(*) AS total_bids, COUNT(*) FILTER $f2 AS rank1_bids, MIN(price) AS min_price, MAX(price) AS max_price, AVG(price) AS avg_price, SUM(price) AS sum_price], changelogMode=[I,UA])
      +- Exchange(distribution=[hash[auction, $f1]], changelogMode=[I])
         +- LocalGroupAggregate(groupBy=[auction, $f1], select=[auction, $f1, COUNT(*) AS total_bids, COUNT(*) FILTER $f2 AS rank1_bids, MIN(price) AS min_price, MAX(price) AS max_price, AVG(price) AS avg_price, SUM(price) AS sum_price], changelogMode=[I])
            +- Calc(select=[bid.auction AS auction, DATE_FORMAT(bid.dateTime, 'yyyy-MM-dd') AS $f1, (bid.price < 10000) IS TRUE AS $f2, bid.price AS price], where=[(event_type = 2)], changelogMode=[I])
               +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.price, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q18
CREATE TABLE nexmark_q18 (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP(3), extra STRING) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q18
SELECT auction, bidder, price, channel, url, `dateTime`, extra
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY `dateTime` DESC) AS rank_number FROM bid) WHERE rank_number <= 1;
----
Sink(table=[default_catalog.default_database.nexmark_q18], fields=[auction, bidder, price, channel, url, dateTime, extra], changelogMode=[NONE])
+- Deduplicate(keep=[LastRow], key=[bidder, auction], order=[ROWTIME], changelogMode=[I,UA,D], order-dependent=[of rows of equal time one is kept in the order they come])
   +- Exchange(distribution=[hash[bidder, auction]], changelogMode=[I])
      +- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.channel AS channel, bid.url AS url, bid.dateTime AS dateTime, bid.extra AS extra], where=[(event_type = 2)], changelogMode=[I])
         +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.dateTime, bid.extra]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q19
CREATE TABLE nexmark_q19 (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, `dateTime` TIMESTAMP(3), extra STRING, rank_number BIGINT) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q19
SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC) AS rank_number FROM bid) WHERE rank_number <= 10;
----
Sink(table=[default_catalog.default_database.nexmark_q19], fields=[auction, bidder, price, channel, url, dateTime, extra, rank_number], changelogMode=[NONE])
+- Calc(select=[auction, bidder, price, channel, url, dateTime, extra, w0$o0 AS rank_number], changelogMode=[I,UA,D])
   +- Rank(strategy=[AppendFastStrategy], rankType=[ROW_NUMBER], rankRange=[rankStart=1, rankEnd=10], partitionBy=[auction], orderBy=[price DESC], select=[auction, bidder, price, channel, url, dateTime, extra, w0$o0], changelogMode=[I,UA,D], order-dependent=[equal sort keys rank in the order they come])
      +- Exchange(distribution=[hash[auction]], changelogMode=[I])
         +- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.channel AS channel, bid.url AS url, bid.dateTime AS dateTime, bid.extra AS extra], where=[(event_type = 2)], changelogMode=[I])
            +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.dateTime, bid.extra]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q20
CREATE TABLE nexmark_q20 (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING, bid_dateTime TIMESTAMP(3), bid_extra STRING,
  itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, auction_dateTime TIMESTAMP(3), expires TIMESTAMP(3), seller BIGINT, category BIGINT, auction_extra STRING) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q20
SELECT auction, bidder, price, channel, url, B.`dateTime`, B.extra, itemName, description, initialBid, reserve, A.`dateTime`, expires, seller, category, A.extra
FROM bid AS B INNER JOIN auction AS A ON B.auction = A.id WHERE A.category = 10;
----
Sink(table=[default_catalog.default_database.nexmark_q20], fields=[auction, bidder, price, channel, url, bid_dateTime, bid_extra, itemName, description, initialBid, reserve, auction_dateTime, expires, seller, category, auction_extra], changelogMode=[NONE])
+- Calc(select=[auction, bidder, price, channel, url, dateTime AS bid_dateTime, extra AS bid_extra, itemName, description, initialBid, reserve, dateTime0 AS auction_dateTime, expires, seller, category, extra0 AS auction_extra], changelogMode=[I])
   +- Join(joinType=[InnerJoin], where=[(auction = id)], select=[auction, bidder, price, channel, url, dateTime, extra, id, itemName, description, initialBid, reserve, dateTime0, expires, seller, category, extra0], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey], changelogMode=[I])
      :- Exchange(distribution=[hash[auction]], changelogMode=[I])
      :  +- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.channel AS channel, bid.url AS url, bid.dateTime AS dateTime, bid.extra AS extra], where=[(event_type = 2)], changelogMode=[I])
      :     +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.id, auction.itemName, auction.description, auction.initialBid, auction.reserve, auction.dateTime, auction.expires, auction.seller, auction.category, auction.extra, bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.dateTime, bid.extra]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])(reuse_id=[1])
      +- Exchange(distribution=[hash[id]], changelogMode=[I])
         +- Calc(select=[auction.id AS id, auction.itemName AS itemName, auction.description AS description, auction.initialBid AS initialBid, auction.reserve AS reserve, auction.dateTime AS dateTime, auction.expires AS expires, auction.seller AS seller, 10 AS category, auction.extra AS extra], where=[((event_type = 1) AND (auction.category = 10))], changelogMode=[I])
            +- Reused(reference_id=[1])
====
-- q21
CREATE TABLE nexmark_q21 (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, channel_id STRING) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q21
SELECT auction, bidder, price, channel,
  CASE WHEN LOWER(channel) = 'apple' THEN '0' WHEN LOWER(channel) = 'google' THEN '1' WHEN LOWER(channel) = 'facebook' THEN '2' WHEN LOWER(channel) = 'baidu' THEN '3'
    ELSE REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2) END AS channel_id
FROM bid WHERE REGEXP_EXTRACT(url, '(&|^)channel_id=([^&]*)', 2) IS NOT NULL OR LOWER(channel) IN ('apple', 'google', 'facebook', 'baidu');
----
Sink(table=[default_catalog.default_database.nexmark_q21], fields=[auction, bidder, price, channel, channel_id], changelogMode=[NONE])
+- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.channel AS channel, CASE((LOWER(bid.channel) = 'apple'), '0', (LOWER(bid.channel) = 'google'), '1', (LOWER(bid.channel) = 'facebook'), '2', (LOWER(bid.channel) = 'baidu'), '3', REGEXP_EXTRACT(bid.url, '(&|^)channel_id=([^&]*)', 2)) AS channel_id], where=[((event_type = 2) AND (REGEXP_EXTRACT(bid.url, '(&|^)channel_id=([^&]*)', 2) IS NOT NULL OR LOWER(bid.channel) IN ('apple', 'google', 'facebook', 'baidu')))], changelogMode=[I])
   +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q22
CREATE TABLE nexmark_q22 (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, dir1 STRING, dir2 STRING, dir3 STRING) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q22
SELECT auction, bidder, price, channel, SPLIT_INDEX(url, '/', 3) AS dir1, SPLIT_INDEX(url, '/', 4) AS dir2, SPLIT_INDEX(url, '/', 5) AS dir3 FROM bid;
----
Sink(table=[default_catalog.default_database.nexmark_q22], fields=[auction, bidder, price, channel, dir1, dir2, dir3], changelogMode=[NONE])
+- Calc(select=[bid.auction AS auction, bid.bidder AS bidder, bid.price AS price, bid.channel AS channel, SPLIT_INDEX(bid.url, '/', 3) AS dir1, SPLIT_INDEX(bid.url, '/', 4) AS dir2, SPLIT_INDEX(bid.url, '/', 5) AS dir3], where=[(event_type = 2)], changelogMode=[I])
   +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.channel, bid.url, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])
====
-- q23
CREATE TABLE nexmark_q23 (bidder BIGINT, price BIGINT, channel STRING, url STRING, bid_extra STRING, person_id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING, state STRING, person_extra STRING,
  itemName STRING, description STRING, initialBid BIGINT, reserve BIGINT, auction_dateTime TIMESTAMP(3), expires TIMESTAMP(3), seller BIGINT, category BIGINT, auction_extra STRING) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
INSERT INTO nexmark_q23
SELECT B.bidder, B.price, B.channel, B.url, B.extra, P.id, P.name, P.emailAddress, P.creditCard, P.city, P.state, P.extra,
  A.itemName, A.description, A.initialBid, A.reserve, A.`dateTime`, A.expires, A.seller, A.category, A.extra
FROM bid AS B INNER JOIN person AS P ON P.id = B.bidder INNER JOIN auction AS A ON A.seller = B.bidder;
----
Sink(table=[default_catalog.default_database.nexmark_q23], fields=[bidder, price, channel, url, bid_extra, person_id, name, emailAddress, creditCard, city, state, person_extra, itemName, description, initialBid, reserve, auction_dateTime, expires, seller, category, auction_extra], changelogMode=[NONE])
+- Calc(select=[bidder, price, channel, url, extra AS bid_extra, id AS person_id, name, emailAddress, creditCard, city, state, extra0 AS person_extra, itemName, description, initialBid, reserve, dateTime AS auction_dateTime, expires, seller, category, extra1 AS auction_extra], changelogMode=[I])
   +- Join(joinType=[InnerJoin], where=[(bidder = seller)], select=[bidder, price, channel, url, extra, id, name, emailAddress, creditCard, city, state, extra0, itemName, description, initialBid, reserve, dateTime, expires, seller, category, extra1], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey], changelogMode=[I])
      :- Join(joinType=[InnerJoin], where=[(bidder = id)], select=[bidder, price, channel, url, extra, id, name, emailAddress, creditCard, city, state, extra0], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey], changelogMode=[I])
      :  :- Exchange(distribution=[hash[bidder]], changelogMode=[I])
      :  :  +- Calc(select=[bid.bidder AS bidder, bid.price AS price, bid.channel AS channel, bid.url AS url, bid.extra AS extra], where=[(event_type = 2)], changelogMode=[I])
      :  :     +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.id, person.name, person.emailAddress, person.creditCard, person.city, person.state, person.dateTime, person.extra, auction.itemName, auction.description, auction.initialBid, auction.reserve, auction.dateTime, auction.expires, auction.seller, auction.category, auction.extra, bid.bidder, bid.price, bid.channel, bid.url, bid.dateTime, bid.extra]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])(reuse_id=[1])
      :  +- Exchange(distribution=[hash[id]], changelogMode=[I])
      :     +- Calc(select=[person.id AS id, person.name AS name, person.emailAddress AS emailAddress, person.creditCard AS creditCard, person.city AS city, person.state AS state, person.extra AS extra], where=[(event_type = 0)], changelogMode=[I])
      :        +- Reused(reference_id=[1])
      +- Exchange(distribution=[hash[seller]], changelogMode=[I])
         +- Calc(select=[auction.itemName AS itemName, auction.description AS description, auction.initialBid AS initialBid, auction.reserve AS reserve, auction.dateTime AS dateTime, auction.expires AS expires, auction.seller AS seller, auction.category AS category, auction.extra AS extra], where=[(event_type = 1)], changelogMode=[I])
            +- Reused(reference_id=[1])
====
-- statement set: one scan for all
CREATE TABLE s1 (auction BIGINT, price BIGINT) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
CREATE TABLE s2 (bidder BIGINT, n BIGINT) WITH ('connector' = 'blackhole', 'changes' = 'ANY');
EXECUTE STATEMENT SET BEGIN
INSERT INTO s1 SELECT auction, price FROM bid;
INSERT INTO s2 SELECT bidder, COUNT(*) FROM bid GROUP BY bidder;
END;
----
Sink(table=[default_catalog.default_database.s1], fields=[auction, price], changelogMode=[NONE])
+- Calc(select=[bid.auction AS auction, bid.price AS price], where=[(event_type = 2)], changelogMode=[I])
   +- TableSourceScan(table=[[default_catalog, default_database, datagen, project=[event_type, person.dateTime, auction.dateTime, bid.auction, bid.bidder, bid.price, bid.dateTime]]], fields=[event_type, person, auction, bid], watermark=[`dateTime` - INTERVAL '4' SECOND], changelogMode=[I])(reuse_id=[1])
Sink(table=[default_catalog.default_database.s2], fields=[bidder, n], changelogMode=[NONE])
+- Calc(select=[bidder, EXPR$1 AS n], changelogMode=[I,UA])
   +- GlobalGroupAggregate(groupBy=[bidder], select=[bidder, COUNT(*) AS EXPR$1], changelogMode=[I,UA])
      +- Exchange(distribution=[hash[bidder]], changelogMode=[I])
         +- LocalGroupAggregate(groupBy=[bidder], select=[bidder, COUNT(*) AS EXPR$1], changelogMode=[I])
            +- Calc(select=[bid.bidder AS bidder], where=[(event_type = 2)], changelogMode=[I])
               +- Reused(reference_id=[1])
