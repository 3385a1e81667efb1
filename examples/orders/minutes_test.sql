-- What minutes.sql is to do with orders that come out of order.
@use tables.sql
@use minutes.sql

@test a_minute_waits_for_what_may_still_come
@given orders
  id | customer | item | price | ts
  1  | alice    | book | 12.50 | 10:00:03
  2  | bob      | pen  |  1.20 | 10:01:02
  3  | carol    | lamp | 40.00 | 10:00:58
@expect table
  window_start | orders | revenue
  10:00:00     | 2      | 52.50
  10:01:00     | 1      | 1.20

@test an_order_behind_the_watermark_is_late
@given orders
  id | customer | item | price | ts
  1  | alice    | book | 12.50 | 10:00:03
  2  | bob      | pen  |  1.20 | 10:01:06
  3  | carol    | lamp | 40.00 | 10:00:58
@expect late orders
  price
  40.00
@expect table
  window_start | orders | revenue
  10:00:00     | 1      | 12.50
  10:01:00     | 1      | 1.20
