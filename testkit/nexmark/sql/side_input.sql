CREATE TABLE side_input (
  `key` BIGINT,
  `value` STRING
) WITH (${side});
