-- A million numbers, 100,000 a second, counted by their last digit and copied to files. Kill what
-- you like while it runs: each number is copied once, and the counts are right.
SET 'execution.checkpointing.interval' = '500 ms';

CREATE TABLE numbers (n BIGINT)
WITH ('connector' = 'datagen', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000000',
      'rows-per-second' = '100000');
CREATE TABLE copies (n BIGINT)
WITH ('connector' = 'filesystem', 'path' = 'copies', 'format' = 'csv');
CREATE TABLE digits (digit BIGINT, n BIGINT)
WITH ('connector' = 'filesystem', 'path' = 'digits', 'format' = 'changelog-json', 'changelog-mode' = 'I,UB,UA,D');

BEGIN STATEMENT SET;
INSERT INTO copies SELECT n FROM numbers;
INSERT INTO digits SELECT MOD(n, 10), COUNT(*) FROM numbers GROUP BY MOD(n, 10);
END;
