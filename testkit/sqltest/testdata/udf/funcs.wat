;; Functions of the SQL tests in LANGUAGE WASM; funcs.wasm is made of this text by
;; MINK_ACCEPT=1 go test ./connectors/udf/wasm. The layout is that of docs/wasm.md.
(module
  (memory (export "memory") 1)
  (global $heap (mut i32) (i32.const 1024))

  ;; Memory is given out upwards; a reset begins anew.
  (func $reset (export "mink_reset")
    i32.const 1024
    global.set $heap)

  (func $alloc (export "mink_alloc") (param $n i32) (result i32) (local $at i32)
    global.get $heap
    i32.const 7
    i32.add
    i32.const -8
    i32.and
    local.tee $at
    local.get $n
    i32.add
    global.set $heap
    block $fits
      loop $more
        global.get $heap
        memory.size
        i32.const 16
        i32.shl
        i32.lt_u
        br_if $fits
        i32.const 1
        memory.grow
        i32.const -1
        i32.eq
        if
          i32.const 0
          return
        end
        br $more
      end
    end
    local.get $at)

  ;; add(a BIGINT, b BIGINT): a + b. NULL arguments have made the result NULL already.
  (func $add (export "add") (param $c i32) (param $n i32) (result i32)
    (local $i i32) (local $a i32) (local $b i32) (local $r i32)
    local.get $c
    i32.load
    local.set $a
    local.get $c
    i32.load offset=16
    local.set $b
    local.get $c
    i32.load offset=32
    local.set $r
    block $done
      loop $next
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $r
        local.get $i
        i32.const 3
        i32.shl
        i32.add
        local.get $a
        local.get $i
        i32.const 3
        i32.shl
        i32.add
        i64.load
        local.get $b
        local.get $i
        i32.const 3
        i32.shl
        i32.add
        i64.load
        i64.add
        i64.store
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $next
      end
    end
    i32.const 0)

  ;; half(a DOUBLE): a + a, to have a float: twice.
  (func $twice (export "twice") (param $c i32) (param $n i32) (result i32)
    (local $i i32) (local $a i32) (local $r i32)
    local.get $c
    i32.load
    local.set $a
    local.get $c
    i32.load offset=16
    local.set $r
    block $done
      loop $next
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $r
        local.get $i
        i32.const 3
        i32.shl
        i32.add
        local.get $a
        local.get $i
        i32.const 3
        i32.shl
        i32.add
        f64.load
        local.get $a
        local.get $i
        i32.const 3
        i32.shl
        i32.add
        f64.load
        f64.add
        f64.store
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $next
      end
    end
    i32.const 0)

  ;; positive(a INT): a, or NULL when it is below 0. A NULL becomes -1, which is none.
  (func $positive (export "positive") (param $c i32) (param $n i32) (result i32)
    (local $i i32) (local $v i32)
    block $done
      loop $next
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $c
        i32.load
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        i32.load
        local.set $v
        local.get $c
        i32.load offset=16
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        local.get $v
        i32.store
        local.get $v
        i32.const 0
        i32.lt_s
        if
          local.get $c
          i32.load offset=24
          local.get $i
          i32.add
          i32.const 1
          i32.store8
        end
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $next
      end
    end
    i32.const 0)

  ;; known(s STRING): 1 unless s is NULL, to see that a NULL can be told.
  (func $known (export "known") (param $c i32) (param $n i32) (result i32) (local $i i32)
    block $done
      loop $next
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $c
        i32.load offset=16
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        local.get $c
        i32.load offset=8
        local.get $i
        i32.add
        i32.load8_u
        i32.eqz
        i32.store
        local.get $c
        i32.load offset=24
        local.get $i
        i32.add
        i32.const 0
        i32.store8
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $next
      end
    end
    i32.const 0)

  ;; shout(s STRING): s with a ! behind it.
  (func $shout (export "shout") (param $c i32) (param $n i32) (result i32)
    (local $i i32) (local $from i32) (local $to i32) (local $out i32) (local $end i32)
    local.get $c
    i32.load
    local.get $n
    i32.const 2
    i32.shl
    i32.add
    i32.load
    local.get $n
    i32.add
    call $alloc
    local.tee $out
    i32.eqz
    if
      unreachable
    end
    local.get $c
    local.get $out
    i32.store offset=20
    block $done
      loop $next
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $c
        i32.load
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        i32.load
        local.set $from
        local.get $c
        i32.load
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        i32.load offset=4
        local.set $to
        block $copied
          loop $byte
            local.get $from
            local.get $to
            i32.ge_u
            br_if $copied
            local.get $out
            local.get $end
            i32.add
            local.get $c
            i32.load offset=4
            local.get $from
            i32.add
            i32.load8_u
            i32.store8
            local.get $end
            i32.const 1
            i32.add
            local.set $end
            local.get $from
            i32.const 1
            i32.add
            local.set $from
            br $byte
          end
        end
        local.get $out
        local.get $end
        i32.add
        i32.const 33
        i32.store8
        local.get $end
        i32.const 1
        i32.add
        local.set $end
        local.get $c
        i32.load offset=16
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        local.get $end
        i32.store offset=4
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $next
      end
    end
    i32.const 0)

  ;; picky(a INT): fails on the first row that is not NULL and below 0.
  (func $picky (export "picky") (param $c i32) (param $n i32) (result i32) (local $i i32)
    block $done
      loop $next
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $c
        i32.load
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        i32.load
        i32.const 0
        i32.lt_s
        if
          local.get $i
          i32.const 1
          i32.add
          return
        end
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $next
      end
    end
    i32.const 0)

  (func $spin (export "spin") (param $c i32) (param $n i32) (result i32)
    loop $on
      br $on
    end
    unreachable)

  (func $hog (export "hog") (param $c i32) (param $n i32) (result i32)
    loop $on
      i32.const 65536
      call $alloc
      i32.eqz
      if
        unreachable
      end
      br $on
    end
    unreachable)

  ;; wild(a INT): a result that lies outside of the memory.
  (func $wild (export "wild") (param $c i32) (param $n i32) (result i32)
    local.get $c
    i32.const -8
    i32.store offset=16
    i32.const 0)

  (func $narrow (export "narrow") (param $c i32) (result i32)
    i32.const 0)

  ;; letters(s STRING) gives letter STRING, nth INT: each byte, and its number from 1. The
  ;; bytes of the result are those of the argument, whose offsets are 0, 1, 2, ...
  (func $letters (export "letters") (param $c i32) (param $n i32) (result i32)
    (local $i i32) (local $k i32) (local $total i32) (local $from i32) (local $to i32) (local $offs i32) (local $at i32)
    local.get $c
    i32.load
    local.get $n
    i32.const 2
    i32.shl
    i32.add
    i32.load
    local.tee $total
    i32.const 1
    i32.add
    i32.const 2
    i32.shl
    call $alloc
    local.set $offs
    local.get $total
    i32.const 2
    i32.shl
    call $alloc
    local.set $at
    local.get $offs
    i32.eqz
    if
      unreachable
    end
    local.get $at
    i32.eqz
    if
      unreachable
    end
    ;; The memory may hold what a batch before left there: the first text begins at 0.
    local.get $offs
    i32.const 0
    i32.store
    local.get $c
    local.get $offs
    i32.store offset=32
    local.get $c
    local.get $c
    i32.load offset=4
    i32.store offset=36
    local.get $c
    local.get $at
    i32.store offset=48
    block $done
      loop $row
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $c
        i32.load
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        i32.load
        local.set $from
        local.get $c
        i32.load
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        i32.load offset=4
        local.set $to
        local.get $c
        i32.load offset=16
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        local.get $to
        local.get $from
        i32.sub
        i32.store
        local.get $from
        local.set $k
        block $end
          loop $byte
            local.get $k
            local.get $to
            i32.ge_u
            br_if $end
            local.get $offs
            local.get $k
            i32.const 2
            i32.shl
            i32.add
            local.get $k
            i32.const 1
            i32.add
            i32.store offset=4
            local.get $at
            local.get $k
            i32.const 2
            i32.shl
            i32.add
            local.get $k
            local.get $from
            i32.sub
            i32.const 1
            i32.add
            i32.store
            local.get $k
            i32.const 1
            i32.add
            local.set $k
            br $byte
          end
        end
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $row
      end
    end
    i32.const 0)

  ;; below(a INT) gives no rows, but a number of them below 0.
  (func $below (export "below") (param $c i32) (param $n i32) (result i32)
    local.get $c
    i32.load offset=16
    i32.const -1
    i32.store
    i32.const 0)

  ;; mean(v BIGINT): an accumulator is the sum and the number of values.
  (func $mean_state (export "mean_state") (result i32)
    i32.const 16)

  ;; Adds the rows of v with a sign: a 13 fails, and NULL counts for nothing.
  (func $mean_rows (param $c i32) (param $n i32) (param $to i32) (param $accs i32) (param $sign i64) (result i32)
    (local $i i32) (local $acc i32) (local $v i64)
    block $done
      loop $row
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $c
        i32.load offset=8
        local.get $i
        i32.add
        i32.load8_u
        i32.eqz
        if
          local.get $accs
          local.get $to
          local.get $i
          i32.const 2
          i32.shl
          i32.add
          i32.load
          i32.const 4
          i32.shl
          i32.add
          local.set $acc
          local.get $c
          i32.load
          local.get $i
          i32.const 3
          i32.shl
          i32.add
          i64.load
          local.tee $v
          i64.const 13
          i64.eq
          if
            local.get $i
            i32.const 1
            i32.add
            return
          end
          local.get $acc
          local.get $acc
          i64.load
          local.get $v
          local.get $sign
          i64.mul
          i64.add
          i64.store
          local.get $acc
          local.get $acc
          i64.load offset=8
          local.get $sign
          i64.add
          i64.store offset=8
        end
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $row
      end
    end
    i32.const 0)

  (func $mean_accumulate (export "mean_accumulate") (param $c i32) (param $n i32) (param $to i32) (param $accs i32) (result i32)
    local.get $c
    local.get $n
    local.get $to
    local.get $accs
    i64.const 1
    call $mean_rows)

  (func $mean_retract (export "mean_retract") (param $c i32) (param $n i32) (param $to i32) (param $accs i32) (result i32)
    local.get $c
    local.get $n
    local.get $to
    local.get $accs
    i64.const -1
    call $mean_rows)

  (func $mean_merge (export "mean_merge") (param $others i32) (param $n i32) (param $to i32) (param $accs i32) (result i32)
    (local $i i32) (local $acc i32) (local $o i32)
    block $done
      loop $next
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $accs
        local.get $to
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        i32.load
        i32.const 4
        i32.shl
        i32.add
        local.set $acc
        local.get $others
        local.get $i
        i32.const 4
        i32.shl
        i32.add
        local.set $o
        local.get $acc
        local.get $acc
        i64.load
        local.get $o
        i64.load
        i64.add
        i64.store
        local.get $acc
        local.get $acc
        i64.load offset=8
        local.get $o
        i64.load offset=8
        i64.add
        i64.store offset=8
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $next
      end
    end
    i32.const 0)

  (func $mean_value (export "mean_value") (param $c i32) (param $n i32) (param $accs i32) (result i32)
    (local $i i32) (local $acc i32)
    block $done
      loop $next
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $accs
        local.get $i
        i32.const 4
        i32.shl
        i32.add
        local.tee $acc
        i64.load offset=8
        i64.eqz
        if
          local.get $c
          i32.load offset=8
          local.get $i
          i32.add
          i32.const 1
          i32.store8
        else
          local.get $c
          i32.load
          local.get $i
          i32.const 3
          i32.shl
          i32.add
          local.get $acc
          i64.load
          local.get $acc
          i64.load offset=8
          i64.div_s
          i64.store
        end
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $next
      end
    end
    i32.const 0)

  ;; last(v BIGINT): the value of the newest row, without retract and merge.
  (func $last_state (export "last_state") (result i32)
    i32.const 8)

  (func $last_accumulate (export "last_accumulate") (param $c i32) (param $n i32) (param $to i32) (param $accs i32) (result i32)
    (local $i i32)
    block $done
      loop $next
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $accs
        local.get $to
        local.get $i
        i32.const 2
        i32.shl
        i32.add
        i32.load
        i32.const 3
        i32.shl
        i32.add
        local.get $c
        i32.load
        local.get $i
        i32.const 3
        i32.shl
        i32.add
        i64.load
        i64.store
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $next
      end
    end
    i32.const 0)

  (func $last_value (export "last_value") (param $c i32) (param $n i32) (param $accs i32) (result i32)
    (local $i i32)
    block $done
      loop $next
        local.get $i
        local.get $n
        i32.ge_u
        br_if $done
        local.get $c
        i32.load
        local.get $i
        i32.const 3
        i32.shl
        i32.add
        local.get $accs
        local.get $i
        i32.const 3
        i32.shl
        i32.add
        i64.load
        i64.store
        local.get $i
        i32.const 1
        i32.add
        local.set $i
        br $next
      end
    end
    i32.const 0)

  ;; odd: an accumulator of a size that there is not.
  (func $odd_state (export "odd_state") (result i32)
    i32.const 7)

  (func $odd_accumulate (export "odd_accumulate") (param $c i32) (param $n i32) (param $to i32) (param $accs i32) (result i32)
    i32.const 0)

  (func $odd_value (export "odd_value") (param $c i32) (param $n i32) (param $accs i32) (result i32)
    i32.const 0)
)
