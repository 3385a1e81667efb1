-- After numbers.sql: as many copies as there are numbers, and none twice.
SET 'execution.runtime-mode' = 'batch';
SELECT COUNT(*) AS copies, COUNT(DISTINCT n) AS numbers, MIN(n) AS first, MAX(n) AS last FROM copies;
