@use revenue.sql

@test total_of_a_minute
@given orders
  event_time | id | sku  | amt
  11:54:01   | 1  | A-17 | 10.00
  11:54:30   | 2  | A-17 | 2.50
  11:54:52   | 3  | B-02 | 8.00
@watermark orders 11:55:00
@expect table revenue
  sku  | window_start | total
  A-17 | 11:54:00     | 12.50
  B-02 | 11:54:00     | 8.00

@test late_payment_is_dropped
@given orders
  event_time | id | sku  | amt
  11:54:01   | 1  | A-17 | 10.00
@watermark orders 11:55:00
@given orders
  11:54:59   | 2  | A-17 | 99.00
@expect changelog revenue
  +I | A-17 | 11:54:00 | 10.00
@expect late orders 1
@forall schedules 50 parallelism 1,2,3

@test goes_on_after_a_crash
@given orders
  event_time | id | sku  | amt
  11:54:01   | 1  | A-17 | 10.00
@checkpoint
@given orders
  11:54:30   | 2  | A-17 | 2.50
@kill
@restore p=3
@end
@expect table revenue
  A-17 | 11:54:00 | 12.50
@expect no rows
  SELECT sku FROM revenue EXCEPT SELECT sku FROM orders
